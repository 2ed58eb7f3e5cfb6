"""XXXModel, called from the page as it is served by the service, by another host, and from a file."""

import json

import pytest
from playwright.sync_api import expect

from model_serving.utils.conf_utils import BASE_FOLDER


@pytest.fixture(params=['service', 'static host', 'file'])
def xxx_page(request, service, static_host, open_page):
    """The page in each of the places it may come from, once the card of XXXModel is there."""
    url = {
        'service': f'{service.url}/',
        'static host': f'{static_host}/?api={service.url}',
        'file': f'{(BASE_FOLDER / "docs" / "index.html").as_uri()}?api={service.url}',
    }[request.param]
    page = open_page(url)
    expect(page.locator('#name')).to_be_visible()
    return page


def test_answer(xxx_page):
    xxx_page.fill('#name', '范叶亮')
    xxx_page.click('#submit')
    expect(xxx_page.locator('#result')).to_have_text('Hello, 范叶亮!')


def test_request_is_that_of_the_article(open_page, service):
    page = open_page(service.url)
    with page.expect_request(f'{service.url}/v1/XXXModel') as caught:
        page.click('#submit')
    assert caught.value.method == 'POST'
    assert caught.value.headers['content-type'] == 'application/json; charset=UTF-8'
    assert json.loads(caught.value.post_data) == {'name': 'Leo'}


def test_answer_is_text_not_html(open_page, service):
    page = open_page(service.url)
    page.fill('#name', '<img src=x onerror="document.title=1"><b>Leo</b>')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, <img src=x onerror="document.title=1"><b>Leo</b>!')
    assert page.locator('#result :is(img, b)').count() == 0


def test_error_message_is_shown(open_page, service):
    page = open_page(service.url)
    page.get_by_role('tab', name='JSON').first.click()
    page.get_by_role('textbox', name='JSON').first.fill('{}')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text("'name' is a required property")
    page.get_by_role('textbox', name='JSON').first.fill('{"name": ')
    page.click('#submit')
    expect(page.locator('#result')).to_contain_text('not valid JSON')


def test_time_out(open_page, service):
    page = open_page(service.url)
    page.route('**/v1/XXXModel', lambda route: None)
    page.clock.install()
    with page.expect_request('**/v1/XXXModel'):
        page.click('#submit')
    page.clock.run_for(3000)
    expect(page.locator('#result')).to_have_text('No answer within 3 s.')


BAD_ANSWERS = [
    {'status': 200, 'body': '<h1>a proxy</h1>', 'content_type': 'text/html'},
    {'status': 502, 'body': '<h1>a proxy</h1>', 'content_type': 'text/html'},
    {'status': 201, 'body': ''},
    {'status': 500, 'body': '{"error": 1}', 'content_type': 'application/json'},
]


def test_bad_answers(open_page, service):
    page = open_page(service.url)
    answers = iter(BAD_ANSWERS)
    page.route('**/v1/XXXModel', lambda route: route.fulfill(**next(answers)))
    for answer in BAD_ANSWERS:
        page.click('#submit')
        expect(page.locator('#result')).to_contain_text(f'A bad answer: {answer["status"]}')
        assert page.locator('#result h1').count() == 0


def test_dead_service(make_service, open_page):
    mortal = make_service()
    page = open_page(mortal.url)
    expect(page.locator('#submit')).to_be_visible()
    mortal.stop()
    page.click('#submit')
    expect(page.locator('#result')).to_contain_text(f'the service at {mortal.url} can’t be reached')
    expect(page.get_by_role('alert')).to_contain_text('bin/start.sh')


def test_every_loaded_file_is_of_the_service(open_page, service):
    page = open_page(service.url)
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, Leo!')
    assert page.hosts == {service.url.removeprefix('http://')}


def test_example_is_answered_at_once(open_page, service):
    """The form comes filled in, so one click shows what each model does."""
    page = open_page(service.url)
    expect(page.locator('.card')).not_to_have_count(0)
    for card in page.locator('.card').all():
        card.get_by_role('button', name='Send').click()
        expect(card.locator('.good')).to_have_text('200 OK')
