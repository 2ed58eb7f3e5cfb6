"""What goes wrong in the browser, in an answer or in a description, and what the page does all the same."""

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model, send
from tests.page.test_safety import open_with


@pytest.mark.long
def test_page_without_storage(service, page):
    page.add_init_script(
        """for (const name of ['localStorage', 'sessionStorage']) {
            Object.defineProperty(window, name, {get() { throw new DOMException('refused'); }});
        }"""
    )
    page.goto(f'{service.url}/#/v1/XXXModel')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, Leo!')


@pytest.mark.parametrize(
    'kept',
    [
        '{garbage',
        *(pytest.param(kept, marks=pytest.mark.long) for kept in ('[{"path": "/v1/x"}]', 'null', '{}', '[null]')),
    ],
)
def test_history_of_another_page(service, page, kept):
    page.add_init_script(f"localStorage.setItem('model-serving-calls', '{kept}')")
    page.goto(f'{service.url}/#/v1/XXXModel')
    page.click('#submit')
    expect(page.locator('#calls li')).to_have_count(1)


@pytest.mark.long
def test_description_of_another_service(service, open_page):
    page = open_with({'openapi': '3.0.0'}, service, open_page)
    expect(page.get_by_role('alert')).to_contain_text('another kind of service')


@pytest.mark.long
def test_answer_of_null(service, open_page):
    page = open_page(f'{service.url}/#/v1/XXXModel')
    page.route('**/v1/XXXModel', lambda route: route.fulfill(body='null', content_type='application/json'))
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('null')
    expect(page.locator('#submit')).not_to_have_attribute('aria-disabled', 'true')


def with_schema(service, schema):
    """Return the service's description, with another schema for XXXModel."""
    document = service.get('/openapi.json').json()
    document['components']['schemas']['v1.XXXModel.instance'] = {'type': 'object', **schema}
    return document


@pytest.mark.long
def test_names_and_examples_that_are_unusual(service, open_page):
    properties = {name: {'type': ['string', 'null']} for name in ('constructor', 'Sepal.Length', '__proto__')}
    examples = [{'Sepal.Length': None}, None]
    page = open_with(with_schema(service, {'properties': properties, 'examples': examples}), service, open_page)
    card = open_model(page, '/v1/XXXModel')
    assert send(card) == {'Sepal.Length': None}
    failure = {'message': 'x', 'errors': [{'path': 'Sepal.Length', 'message': 'is too short'}, None]}
    page.route('**/v1/XXXModel', lambda route: route.fulfill(status=400, json=failure))
    send(card)
    expect(card.get_by_label('Sepal.Length')).to_have_attribute('aria-invalid', 'true')


@pytest.mark.parametrize(
    'body',
    ['{"rows": 5}', *(pytest.param(body, marks=pytest.mark.long) for body in ('{"row": "x"}', '{"row": {"a": 1}}'))],
)
def test_values_of_the_wrong_type_stay_in_the_tab_json(gallery_page, body):
    form = open_model(gallery_page, '/v1/FormModel')
    form.get_by_role('tab', name='JSON').click()
    form.get_by_role('textbox', name='JSON').fill(body)
    form.get_by_role('tab', name='Form').click()
    expect(form.locator('.raw .error')).to_have_text('The form cannot show this value.')
    form.get_by_role('button', name='Example 1').click()


def test_whole_number_that_javascript_would_round_is_not_sent(gallery_page):
    form = open_model(gallery_page, '/v1/FormModel')
    form.get_by_label('tree').fill('{"leaf": 9007199254740993}')
    form.get_by_role('button', name='Send').click()
    expect(form.locator('.as-json .error')).to_have_text('Too large for JavaScript. Send it from the JSON tab.')
    form.get_by_role('button', name='Example 1').click()


@pytest.mark.long
def test_language_changed_while_a_call_runs(gallery, open_page):
    page = open_page(gallery.url)
    open_model(page, '/v1/WineModel').get_by_label('Alcohol', exact=True).fill('12.5')
    open_model(page, '/v1/CubeModel').get_by_label('cube').fill('[[[1, 2, 3], [4, 5, 6]]]')
    held = []
    page.route('**/v1/CubeModel', lambda route: held.append(route))
    with page.expect_request('**/v1/CubeModel'):
        page.locator('.submit').click()
    page.get_by_label('Language').select_option('中文')
    expect(page.locator('html')).to_have_attribute('lang', 'zh-CN')
    expect(page.locator('.cancel')).to_be_visible()
    held[0].fulfill(json={'result': 'late'})
    expect(page.locator('.result')).to_have_text('late')
    # What was typed for another model is there, too.
    expect(open_model(page, '/v1/WineModel').get_by_label('Alcohol', exact=True)).to_have_value('12.5')


@pytest.mark.long
def test_the_tab_stays_open_when_the_language_changes(gallery, open_page):
    page = open_page(gallery.url)
    form = open_model(page, '/v1/FormModel')
    form.get_by_role('tab', name='JSON').click()
    form.get_by_role('textbox', name='JSON').fill('{"text":   "as typed"}')
    page.get_by_label('Language').select_option('中文')
    expect(form.get_by_role('textbox', name='JSON')).to_have_value('{"text":   "as typed"}')
    form.get_by_role('tab', name='表单').click()
    expect(form.get_by_label('text', exact=True)).to_have_value('as typed')
    # The index of the guides is in English.
    expect(page.get_by_role('link', name='使用指南（多为英文）')).to_have_attribute('href', 'guides.md')


@pytest.mark.long
def test_language_that_cannot_be_loaded(service, page):
    page.route('**/chinese.js', lambda route: route.abort())
    page.goto(f'{service.url}/#/v1/XXXModel')
    page.get_by_label('Language').select_option('中文')
    page.click('#submit')
    expect(page.locator('#result')).to_have_text('Hello, Leo!')
    expect(page.locator('#submit')).to_have_text('Send')
