"""Each widget of the form: filled, sent, seen in the answer; and what is wrong said beside it."""

import base64
import json
import re

import pytest
from playwright.sync_api import expect

from tests.page.conftest import POINT, open_model, send


@pytest.fixture
def form(gallery_page):
    """The card of FormModel, filled with its first example."""
    card = open_model(gallery_page, '/v1/FormModel')
    card.get_by_role('button', name='Example 1').click()
    return card


def field(card, name):
    return card.get_by_label(name, exact=True)


@pytest.mark.parametrize(
    'name, text, value, shown',
    [
        ('text', '李 "雷"', '李 "雷"', '李 "雷"'),
        ('essay', 'one\n\ntwo', 'one\n\ntwo', 'one\n\ntwo'),
        ('Weight', '7.25', 7.25, '7.25'),
        ('count', '12', 12, '12'),
        ('day', '2026-11-25', '2026-11-25', '2026-11-25'),
        ('missing', '-1e3', -1000, '-1000'),
        ('missing', '', None, 'null'),
        ('row', '4; 5.5\t-6', [4, 5.5, -6], '0415.52-6'),
        ('rows', '1,2\n3\t4\n', [[1, 2], [3, 4]], '2×2values1234'),
        ('tree', '{"leaf": 7}', {'leaf': 7}, 'leaf7'),
    ],
)
def test_text_is_sent_as_its_type(form, name, text, value, shown):
    field(form, name).fill(text)
    key = name.lower()
    assert send(form)[key] == value
    answer = form.locator(f'dt:text-is("{key}") + dd').text_content()
    assert ''.join(answer.split()) == ''.join(shown.split())


def test_boolean_and_choice(form):
    field(form, 'sure').uncheck()
    field(form, 'colour').select_option('green')
    body = send(form)
    assert (body['sure'], body['colour']) == (False, 'green')
    field(form, 'colour').select_option('3')
    assert send(form)['colour'] == 3


def test_optional_fields_may_be_left_empty(form):
    for name in ('essay', 'count', 'day', 'row', 'rows', 'tree'):
        field(form, name).fill('')
    assert set(send(form)) == {'text', 'weight', 'sure', 'colour', 'missing', 'cells'}


def test_grid_takes_numbers_and_a_pasted_table(form):
    first = form.locator('.as-grid').get_by_role('spinbutton').first
    first.fill('9')
    assert send(form)['cells'] == [[9, 2, 3], [4, 5, 6]]
    form.page.evaluate('(text) => navigator.clipboard.writeText(text)', '10\t20\t30\n40\t50\t60')
    first.press('Control+v')
    assert send(form)['cells'] == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize(
    'name, text, message',
    [
        ('text', 'x', "'x' is too short"),
        ('Weight', '11', '11 is greater than the maximum of 10'),
        ('count', '0', '0 is less than the minimum of 1'),
        ('row', '1', '[1] is too short'),
        ('row', '1, x, 2', '“x” is not a number.'),
        ('count', '9007199254740993', 'Too large for JavaScript. Send it from the JSON tab.'),
        ('tree', '{"leaf": 1,', 'Not valid JSON'),
        ('tree', '{"branches": []}', "'leaf' is a required property"),
    ],
)
def test_error_is_shown_at_its_field(form, name, text, message):
    field(form, name).fill(text)
    form.get_by_role('button', name='Send').click()
    expect(field(form, name)).to_have_attribute('aria-invalid', 'true')
    expect(field(form, name)).to_be_focused()
    described = field(form, name).get_attribute('aria-describedby').split()[-1]
    expect(form.locator(f'[id="{described}"]')).to_contain_text(message)
    assert form.locator('[aria-invalid]').count() == 1
    form.get_by_role('button', name='Example 1').click()
    assert form.locator('[aria-invalid]').count() == 0


def test_an_answer_does_not_stay_beside_what_was_not_sent(form):
    send(form)
    expect(form.locator('.result')).not_to_be_empty()
    field(form, 'row').fill('1, x, 2')
    form.get_by_role('button', name='Send').click()
    expect(form.locator('.result')).to_be_empty()
    form.get_by_role('button', name='Example 1').click()


@pytest.mark.parametrize(
    'text, message',
    [
        ('{"leaf": "a"}', 'leaf: does not fit the schema (type: integer)'),
        ('{"leaf": 1, "branches": [{"leaf": 1}, {}]}', 'branches[1]: does not fit the schema (required: leaf)'),
        ('{"leaf": 1, "colour": 2}', 'colour: does not fit the schema (additionalProperties: false)'),
        ('[', 'Not valid JSON'),
        ('{"leaf": 1, "branches": [{"leaf": 2}]}', ''),
    ],
)
def test_nested_value_is_judged_while_it_is_written(form, text, message):
    field(form, 'tree').fill('')
    field(form, 'tree').press_sequentially(text)
    expect(form.locator('.as-json .live')).to_have_text(re.compile(re.escape(message) if message else '^$'))


def test_hints(form):
    for name, hint in (('text', 'A short text · 2 … 20 characters'), ('Weight', 'in kg · 0 … 10')):
        expect(form.locator(f'.field:has(label:text-is("{name}")) .hint')).to_have_text(hint)
    # Its upper bound is the largest number of 32 bits, and not worth a word.
    wine = open_model(form.page, '/v1/WineModel').locator('.hint').first
    expect(wine).to_have_text('11.0 to 14.8 in the wines that it learnt from · ≥ 0')


def test_tabs_are_in_step(form):
    editor = form.get_by_role('textbox', name='JSON')
    field(form, 'Weight').fill('2.5')
    form.get_by_role('tab', name='JSON').click()
    value = json.loads(editor.input_value())
    assert (value['weight'], value['cells']) == (2.5, [[1, 2, 3], [4, 5, 6]])
    editor.fill(json.dumps({**value, 'weight': 3, 'colour': 'red', 'more': [1]}))
    assert send(form)['more'] == [1]
    form.get_by_role('tab', name='Form').click()
    expect(field(form, 'Weight')).to_have_value('3')
    # What the form has no field for is kept.
    assert send(form) == {**value, 'weight': 3, 'colour': 'red', 'more': [1]}


def test_value_that_no_form_can_hold_stays_in_its_tab(form):
    form.get_by_role('tab', name='JSON').click()
    editor = form.get_by_role('textbox', name='JSON')
    for text in ('{"weight": "heavy"}', '[1]', '{'):
        editor.fill(text)
        form.get_by_role('tab', name='Form').click()
        expect(editor).to_be_visible()
        expect(editor).to_have_value(text)
    expect(form.locator('.raw .error')).to_contain_text('Not valid JSON')


def test_empty_box_for_nested_arrays_shows_shape_and_example(gallery_page):
    card = open_model(gallery_page, '/v1/CubeModel')
    expect(card.locator('.fields .live')).to_have_text('n × 2 × 3 as nested arrays, for example [[[0.5, …], …], …]')
    expect(field(card, 'cube')).to_have_attribute('placeholder', '[[[0.5, …], …], …]')
    cube = [[[1, 2, 3], [4, 5, 6]]]
    field(card, 'cube').fill(json.dumps(cube))
    assert send(card) == {'cube': cube}
    expect(card.locator('.result summary')).to_have_text('1 × 2 × 3 values')


@pytest.mark.parametrize('way', ['chosen', 'dropped'])
def test_picture(gallery_page, way):
    card = open_model(gallery_page, '/v1/PictureModel')
    zone = card.locator('.drop')
    picture = base64.b64decode(POINT) + b'end'
    encoded = base64.b64encode(picture).decode()
    if way == 'chosen':
        with gallery_page.expect_file_chooser() as chooser:
            zone.click()
        chooser.value.set_files({'name': 'point.png', 'mimeType': 'image/png', 'buffer': picture})
    else:
        dragged = gallery_page.evaluate_handle(
            """(text) => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], 'point.png', {type: 'image/png'}));
                return data;
            }""",
            encoded,
        )
        zone.dispatch_event('drop', {'dataTransfer': dragged})
    expect(zone).to_contain_text('point.png · 73 B')
    with gallery_page.expect_request('**/PictureModel') as sent:
        assert send(card) == encoded
    # As it is, and not as base64 in JSON.
    assert sent.value.headers['content-type'].startswith('multipart/form-data; boundary=')
    card.get_by_role('tab', name='JSON').click()
    with gallery_page.expect_request('**/PictureModel') as sent:
        assert send(card) == {'answer': encoded}
    assert sent.value.headers['content-type'].startswith('application/json')
    expect(card.locator('.result img')).to_have_js_property('naturalWidth', 1)
    gallery_page.reload()


@pytest.mark.parametrize('place', ['focus', 'mouse'])
def test_picture_of_the_clipboard(gallery_page, place):
    """With the real clipboard and the real key, at a zone that has the focus or that the mouse is over."""
    card = open_model(gallery_page, '/v1/PictureModel')
    gallery_page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(3, 2);
            canvas.getContext('2d').fillRect(0, 0, 3, 2);
            await navigator.clipboard.write([new ClipboardItem({'image/png': await canvas.convertToBlob()})]);
        }"""
    )
    if place == 'focus':
        field(card, 'answer').focus()
    else:
        card.locator('.drop').hover()
        gallery_page.evaluate('document.activeElement.blur()')
    gallery_page.keyboard.press('Control+v')
    expect(card.locator('.drop')).to_contain_text('.png')
    send(card)
    expect(card.locator('.result img')).to_have_js_property('naturalWidth', 3)
    gallery_page.reload()
