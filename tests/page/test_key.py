"""The page of a service that asks for API keys."""

import re
from hashlib import sha256

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model, send

pytestmark = pytest.mark.long
KEY = 'key-of-shop'
SAID = {
    'en-US': (
        '{api} asks for an API key. Whoever runs it makes one with bin/new-key.sh.',
        '{api} does not know this API key.',
        'Connect',
    ),
    'zh-CN': ('{api} 需要 API 密钥，由服务的管理员用 bin/new-key.sh 生成。', '此 API 密钥对 {api} 无效。', '连接'),
}


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    files = {
        'conf/api_keys': f'shop {sha256(KEY.encode()).hexdigest()}\nwines {sha256(b"wines").hexdigest()} WineModel\n'
    }
    with service_class(tmp_path_factory.mktemp('page') / 'model serving', files, {'WORKERS': '1'}) as running:
        yield running


def give(page, key, locale='en-US'):
    """Type a key and press the button, which is there until a right one was given."""
    form = page.locator('#key-form')
    form.get_by_role('textbox').fill(key)
    form.get_by_role('button', name=SAID[locale][2]).click()


def links(page):
    """Return the places that the links to be seen lead to, but for those inside the page and to the service itself."""
    found = page.locator('a:visible').evaluate_all('all => all.map((a) => a.getAttribute("href"))')
    return [link for link in found if not link.startswith('#')]


@pytest.mark.parametrize('locale', SAID)
@pytest.mark.parametrize('is_elsewhere', [False, True])
def test_the_page_asks_for_a_key_until_it_has_a_right_one(service, static_host, open_page, locale, is_elsewhere):
    none, wrong, _ = (text.format(api=service.url) for text in SAID[locale])
    page = open_page(f'{static_host}/?api={service.url}' if is_elsewhere else service.url, locale=locale)
    notice = page.locator('#notice')
    expect(page.locator('#key-hint')).to_have_text(none)
    expect(notice).to_be_hidden()
    expect(page.locator('#key')).to_be_focused()
    expect(page.get_by_role('alert')).to_be_hidden()
    give(page, 'wrong', locale)
    expect(notice).to_have_text(wrong)
    expect(page.locator('#key')).to_have_value('wrong')
    expect(page.locator('.card')).to_have_count(0)
    give(page, f' {KEY} ', locale)
    expect(page.locator('#models a')).to_have_count(
        len(service.get('/v1', headers={'X-API-Key': KEY}).json()['models'])
    )
    expect(notice).to_be_hidden()
    card = open_model(page, '/v1/XXXModel')
    page.click('#submit')
    expect(card.locator('.answer')).to_contain_text('Hello, Leo!')
    page.reload()
    expect(page.locator('.card').first).to_be_visible()
    expect(page.locator('#key')).to_have_value(KEY)


def test_what_is_refused_is_told_at_the_call(service, open_page):
    page = open_page(service.url)
    give(page, 'wines')
    card = open_model(page, '/v1/XXXModel')
    send(card)
    expect(card.locator('.message')).to_contain_text('The key wines is not for XXXModel. It is for: WineModel.')
    page.get_by_label('API key').fill('wrong')
    send(card)
    expect(card.locator('.message')).to_contain_text('This API key is not valid here.')


@pytest.mark.parametrize('is_elsewhere', [False, True])
def test_a_link_that_needs_a_key_is_hidden(service, static_host, open_page, is_elsewhere):
    """With a key or without, since a browser sends none with a link. The guides of another host need none."""
    page = open_page(f'{static_host}/?api={service.url}' if is_elsewhere else service.url)
    for key in (None, KEY):
        if key:
            give(page, key)
            expect(page.locator('.card').first).to_be_visible()
            expect(page.locator('#key-form button')).to_be_hidden()
        expect(page.locator('#key-form')).to_be_visible()
        shown = links(page)
        assert not [link for link in shown if link.endswith(('/docs/', '/openapi.json'))]
        guides = [link for link in shown if re.fullmatch(r'[\w-]+\.md', link)]
        assert bool(guides) == is_elsewhere
        for link in {link for link in shown if link.startswith('http')}:
            assert service.get(link.removeprefix(service.url) or '/').status_code == 200


def test_no_key_is_asked_for_where_there_are_none(open_page, make_service):
    page = open_page(make_service(environment={'WORKERS': '1'}).url)
    expect(page.locator('.card').first).to_be_visible()
    expect(page.locator('#key-form')).to_be_hidden()
    assert [link for link in links(page) if link.endswith('/docs/')]
