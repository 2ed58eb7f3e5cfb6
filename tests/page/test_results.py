"""What an answer looks like."""

import json

import pytest
from playwright.sync_api import expect

from tests.page.conftest import POINT, send_json

LONG = 'a rather long name of some class'


@pytest.fixture
def card(gallery_page):
    """The card of AnyModel, at its tab for JSON."""
    card = gallery_page.locator('#v1-AnyModel')
    card.get_by_role('tab', name='JSON').click()
    return card


def answer(card, value):
    """Have the model answer a value; returns what the page shows of it."""
    send_json(card, json.dumps({'answer': value}))
    return card.locator('.result')


def test_number(card):
    for value, text in ((42, '42'), (-0.000123456789, '-0.000123457'), (1234567, '1234567')):
        expect(answer(card, value).locator('.number')).to_have_text(text)
    size = card.locator('.number').evaluate('element => parseFloat(getComputedStyle(element).fontSize)')
    assert size >= 32


def test_text(card):
    hostile = '<img src=x onerror="document.title=1"><b>Leo</b>'
    for value, text in ((True, 'true'), (None, 'null'), *((text, text) for text in ('two\n  lines', '', hostile))):
        assert answer(card, value).locator('.text').text_content() == text


@pytest.mark.parametrize(
    'value, names, shares, best',
    [
        ([0.25, 0.7, 0.05], ['0', '1', '2'], ['25.0 %', '70.0 %', '5.0 %'], '1'),
        ({LONG: 0.9, 'b': 0.1}, [LONG, 'b'], ['90.0 %', '10.0 %'], LONG),
    ],
)
def test_probabilities(card, value, names, shares, best):
    bars = answer(card, value).get_by_role('table', name='Probabilities')
    assert bars.get_by_role('rowheader').all_text_contents() == names
    assert bars.locator('td:last-child').all_text_contents() == shares
    widths = [bar.bounding_box()['width'] for bar in bars.locator('.bar').all()]
    cell = bars.locator('td:has(.bar)').first
    whole = cell.evaluate('cell => cell.clientWidth - parseFloat(getComputedStyle(cell).paddingRight)')
    assert [round(100 * width / whole) for width in widths] == [round(float(share[:-2])) for share in shares]
    expect(bars.locator('.best th')).to_have_text(best)
    # A long name is wrapped, not cut into letters.
    assert bars.get_by_role('rowheader').first.bounding_box()['height'] < 60


def test_not_every_list_of_numbers_is_a_distribution(card):
    for value in ([0.5, 0.7], [1], [2, -1], {'a': 0.5, 'b': '0.5'}):
        assert answer(card, value).locator('.bars').count() == 0


@pytest.mark.parametrize(
    'value, rows',
    [
        ([1, 'a', None], [['0', '1'], ['1', 'a'], ['2', '']]),
        ([[1, 2.5], [3]], [['1', '2.5'], ['3']]),
        ([{'a': 1}, {'a': [2], 'b': True}], [['a', 'b'], ['1', ''], ['[2]', 'true']]),
    ],
)
def test_table(card, value, rows):
    table = answer(card, value).get_by_role('table')
    expect(table).to_be_visible()
    shown = [row for row in table.get_by_role('row').all() if row.inner_text()]
    assert [row.locator('td, th').all_text_contents() for row in shown] == rows


def test_long_table_is_cut_and_whole_below(card):
    value = [[number, number] for number in range(500)]
    result = answer(card, value)
    assert result.get_by_role('row').count() <= 201
    result.locator('summary').click()
    assert json.loads(result.locator('pre').text_content()) == value


def test_object_by_its_names_and_the_rest_folded(card):
    result = answer(card, {'label': 'cat', 'score': 0.5, 'deep': {'a': {'b': [1, 2]}}, 'none': []})
    assert result.locator('dt').all_text_contents() == ['label', 'score', 'deep', 'none']
    expect(result.locator('dt:text-is("score") + dd .number')).to_have_text('0.5')
    assert result.locator('details').first.get_attribute('open') is None
    result.locator('summary').first.click()
    expect(result.locator('pre').first).to_have_text('{ "a": { "b": [1, 2] } }')


def test_picture(card):
    image = answer(card, {'picture': f'data:image/png;base64,{POINT}'}).get_by_role('img', name='Picture')
    expect(image).to_be_visible()
    assert image.evaluate('image => image.naturalWidth') == 1


def test_status_time_and_size(card):
    facts = answer(card, 'x' * 2000).locator('xpath=..').locator('.facts span')
    status, time, size = facts.all_text_contents()
    assert (status, size) == ('200 OK', '2.0 KB')
    assert time.removesuffix(' ms').isdigit()


def test_failure_names_the_request(card):
    send_json(card, '{"fail": true}')
    expect(card.locator('.bad')).to_have_text('500 Internal Server Error')
    request_id = card.locator('.facts span').last.text_content().removeprefix('X-Request-ID ')
    expect(card.locator('.message')).to_contain_text(request_id)
