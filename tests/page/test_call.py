"""XXXModel, called by Swagger UI and by the page: as it is served by the service, by another host, and from a file."""

import json
import re

import pytest
from playwright.sync_api import expect

from model_serving.app import create_app
from model_serving.utils.conf_utils import Conf
from tests.page.conftest import FILE, open_model, send_json


@pytest.fixture
def page(service, open_page):
    return open_page(f'{service.url}/#/v1/XXXModel')


@pytest.mark.parametrize(
    'place', ['{service}/', pytest.param('{host}/?api={service}', marks=pytest.mark.long), '{file}?api={service}']
)
def test_answer(service, static_host, open_page, place):
    page = open_page(place.format(service=service.url, host=static_host, file=FILE) + '#/v1/XXXModel')
    page.fill('#name', '范叶亮')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, 范叶亮!')


def test_request_is_that_of_the_article(page, service):
    with page.expect_request(f'{service.url}/v1/XXXModel') as caught:
        page.click('#submit')
    assert caught.value.method == 'POST'
    assert caught.value.headers['content-type'] == 'application/json; charset=UTF-8'
    assert json.loads(caught.value.post_data) == {'name': 'Leo'}


def test_error_message_is_shown(page):
    card = open_model(page, '/v1/XXXModel')
    card.get_by_role('tab', name='JSON').click()
    send_json(card, '{}')
    expect(page.locator('#result')).to_have_text("'name' is a required property")
    card.get_by_role('textbox', name='JSON').fill('{"name": ')
    page.click('#submit')
    expect(page.locator('#result')).to_contain_text('not valid JSON')


@pytest.mark.long
def test_time_out(page):
    page.route('**/v1/XXXModel', lambda route: None)
    page.clock.install()
    with page.expect_request('**/v1/XXXModel'):
        page.click('#submit')
    page.clock.run_for(3000)
    expect(page.locator('#result')).to_have_text('No answer within 3 s.')


@pytest.mark.parametrize(
    'answer',
    [
        {'status': 502, 'body': '<h1>a proxy</h1>', 'content_type': 'text/html'},
        pytest.param({'status': 200, 'body': '<h1>a proxy</h1>', 'content_type': 'text/html'}, marks=pytest.mark.long),
        pytest.param({'status': 201, 'body': ''}, marks=pytest.mark.long),
        pytest.param(
            {'status': 500, 'body': '{"error": 1}', 'content_type': 'application/json'}, marks=pytest.mark.long
        ),
    ],
)
def test_bad_answer(page, answer):
    page.route('**/v1/XXXModel', lambda route: route.fulfill(**answer))
    page.click('#submit')
    expect(page.locator('#result')).to_contain_text(f'The answer is not JSON: {answer["status"]}')
    assert page.locator('#result h1').count() == 0


@pytest.mark.long
def test_dead_service(make_service, open_page):
    mortal = make_service()
    page = open_page(mortal.url)
    expect(page.locator('#submit')).to_be_visible()
    mortal.stop()
    page.click('#submit')
    expect(page.locator('#result')).to_contain_text(f'the service at {mortal.url} can’t be reached')
    # The hint names the port of this service, and nothing says any longer that its models are ready.
    expect(page.get_by_role('alert')).to_contain_text(f'PORT={mortal.port} bin/start.sh')
    expect(page.locator('.state')).to_have_text('not reachable')
    expect(page.locator('#summary')).to_have_text('· not reachable')
    colour = "element => getComputedStyle(element, '::before').backgroundColor"
    red, green, blue = map(int, re.findall(r'\d+', page.locator('#models a').first.evaluate(colour))[:3])
    assert max(red, green, blue) - min(red, green, blue) < 40
    mortal.start()
    page.click('#submit')
    expect(page.locator('.state')).to_have_text('ready')
    expect(page.get_by_role('alert')).to_be_hidden()


def test_a_running_call_is_seen_and_can_be_cancelled(page):
    held = []
    page.route('**/v1/XXXModel', lambda route: held.append(route))
    with page.expect_request('**/v1/XXXModel'):
        page.click('#submit')
    expect(page.locator('#submit')).to_have_attribute('aria-disabled', 'true')
    expect(page.locator('.elapsed')).to_have_text(re.compile(r'[0-2]\.\d s'))
    # A second one sends nothing.
    page.press('#name', 'Enter')
    page.get_by_role('button', name='Cancel').click()
    expect(page.locator('#result')).to_have_text('Cancelled.')
    expect(page.locator('#submit')).not_to_have_attribute('aria-disabled', 'true')
    expect(page.get_by_role('button', name='Cancel')).to_be_hidden()
    assert len(held) == 1


def test_example_is_answered_at_once(page):
    """The form comes filled in, so one click shows what each model does."""
    links = page.locator('#models a')
    expect(links).to_have_count(4)
    for link in links.all():
        link.click()
        card = page.locator('.card')
        expect(card.locator('h2')).to_have_text(link.locator('.name').text_content())
        card.get_by_role('button', name='Send').click()
        expect(card.locator('.good')).to_have_text('200 OK')
    # The model of a file has form and answer with no line written for it.
    wine = open_model(page, '/v1/WineModel')
    expect(wine.locator('.field')).to_have_count(13)
    expect(wine.locator('tr.best th')).to_have_text('cultivar 1')


@pytest.mark.long
def test_swagger_ui_calls_a_model(service, open_page):
    page = open_page(f'{service.url}/docs')
    operation = page.locator('#operations-models-post_v1_XXXModel')
    operation.get_by_role('button').first.click()
    operation.get_by_role('button', name='Try it out').click()
    operation.get_by_role('button', name='Execute').click()
    expect(operation.locator('.live-responses-table')).to_contain_text('Hello, Leo!')
    assert page.hosts == {service.url.removeprefix('http://')}


def test_page_and_swagger_ui_can_be_off():
    client = create_app(conf=Conf(environ={'MODEL_SERVING_SERVING_PAGE': 'off'})).test_client()
    of_the_page = ('/', '/page/page.css', '/jquery.min.js', '/docs', '/docs/', '/docs/swagger-ui.css')
    guides = ('/README.md', '/docs/call.md', '/call.md', '/docs/images/page.png')
    for url in of_the_page + guides:
        assert client.get(url).status_code == 404, url
    assert client.get('/openapi.json').status_code == 200
    assert client.post('/v1/XXXModel', json={'name': 'Leo'}).json == {'result': 'Hello, Leo!'}
