"""The last calls of this browser."""

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model, send, send_json


@pytest.fixture
def page(gallery, open_page):
    page = open_page(gallery.url)
    expect(page.locator('.calls')).to_be_hidden()
    return page


def test_replay_after_a_reload(page):
    form = open_model(page, '/v1/FormModel')
    form.get_by_label('text', exact=True).fill('first')
    body = send(form)
    other = open_model(page, '/v2/AnyModel')
    send_json(other, '[1, 2, 3]')
    page.reload()
    calls = page.get_by_role('region', name='Your last calls').get_by_role('listitem')
    expect(calls.locator('strong')).to_have_text(['/v2/AnyModel', '/v1/FormModel'])
    expect(calls.first).to_contain_text('200 OK')
    with page.expect_request('**/v1/FormModel') as caught:
        calls.last.get_by_role('button', name='Call again: /v1/FormModel').click()
    assert caught.value.post_data_json == body
    expect(form.get_by_label('text', exact=True)).to_have_value('first')
    expect(form.locator('dt:text-is("text") + dd')).to_have_text('first')
    calls.locator('button[aria-label$="/v2/AnyModel"]').click()
    expect(other.locator('.number')).to_have_text('3')


@pytest.mark.long
def test_twenty_are_kept_and_forgotten_on_demand(page):
    card = open_model(page, '/v2/AnyModel')
    for count in range(1, 23):
        send_json(card, str([0] * count))
    calls = page.locator('#calls li')
    expect(calls).to_have_count(20)
    expect(calls.first.locator('code')).to_have_text(str([0] * 22))
    expect(calls.last.locator('code')).to_have_text(str([0] * 3))
    page.get_by_role('button', name='Clear this list').click()
    expect(page.locator('.calls')).to_be_hidden()
    page.reload()
    expect(page.locator('.card').first).to_be_visible()
    expect(page.locator('.calls')).to_be_hidden()


@pytest.mark.long
def test_pictures_that_fill_the_browser_push_the_oldest_out(page):
    page.evaluate("localStorage.setItem('other', 'x'.repeat(5e6))")
    card = open_model(page, '/v2/AnyModel')
    for letter in 'abcd':
        send_json(card, f'["{letter * 80_000}"]')
    codes = page.locator('#calls code').all_text_contents()
    assert 1 <= len(codes) < 4
    assert codes[0].startswith('["dd')
