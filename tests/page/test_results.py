"""What an answer looks like."""

import json

import pytest
from playwright.sync_api import expect

from tests.page.conftest import POINT, open_model, send_json

LONG = 'a rather long name of some class'


@pytest.fixture
def card(gallery_page):
    """The card of AnyModel, at its tab for JSON."""
    card = open_model(gallery_page, '/v1/AnyModel')
    card.get_by_role('tab', name='JSON').click()
    return card


def answer(card, value):
    """Have the model answer a value; returns what the page shows of it."""
    send_json(card, json.dumps({'answer': value}))
    return card.locator('.result')


def test_number(card):
    for value, text in (
        (42, '42'),
        (-0.000123456789, '-0.000123457'),
        (1234567, '1234567'),
        (123456789.123, '123456789'),
    ):
        expect(answer(card, value).locator('.number')).to_have_text(text)
    size = card.locator('.number').evaluate('element => parseFloat(getComputedStyle(element).fontSize)')
    assert size >= 32


def test_large_whole_number_is_shown_with_all_digits(card):
    for value in (2**53 + 1, -(2**63)):
        expect(answer(card, value).locator('.label')).to_have_text(str(value))
    expect(answer(card, [2**53 + 1, 0.5]).get_by_role('cell').nth(1)).to_have_text(str(2**53 + 1))


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


@pytest.mark.parametrize(
    'value, told, rows, columns',
    [
        ([[number / 7 for number in range(32128)]], '1 × 32,128 values, the first 1 × 20 shown', 1, 20),
        ([[number, number] for number in range(500)], '500 × 2 values, the first 50 × 2 shown', 50, 2),
        ([[number] * 30 for number in range(60)], '60 × 30 values, the first 50 × 20 shown', 50, 20),
        (list(range(2000)), '2,000 values, the first 50 shown', 50, 2),
        ([{f'name {number}': number for number in range(30)}] * 2, '2 × 30 values, the first 2 × 20 shown', 3, 20),
        ([[1, 2]], '1 × 2 values', 1, 2),
    ],
)
def test_table_shows_its_shape_and_no_more_than_a_person_reads(card, value, told, rows, columns):
    result = answer(card, value)
    expect(result.locator('.size')).to_have_text(told)
    expect(result.get_by_role('row')).to_have_count(rows)
    expect(result.get_by_role('row').last.locator('td')).to_have_count(columns)
    # It scrolls in its own box, and no cell is wrapped into a column of letters.
    assert result.evaluate('element => element.scrollWidth <= element.clientWidth')
    assert result.get_by_role('row').last.bounding_box()['height'] < 30


def test_what_is_cut_is_copied_whole(card):
    value = [[number / 7 for number in range(300)] for _ in range(60)]
    answer(card, value)
    card.get_by_role('button', name='Copy answer').click()
    expect(card.get_by_role('button', name='Copied')).to_be_visible()
    assert json.loads(card.page.evaluate('navigator.clipboard.readText()')) == {'result': value}


@pytest.mark.parametrize(
    'value, selector, copied',
    [
        (1 / 3, '.number', '0.3333333333333333'),
        ([[1 / 3, 2], [0.5, 1 / 7]], 'table', '0.3333333333333333\t2\n0.5\t0.14285714285714285'),
        ({'a': 1 / 3, 'b': 2 / 3}, '.bars', 'a\t0.3333333333333333\nb\t0.6666666666666666'),
    ],
)
def test_selected_numbers_are_copied_with_all_digits(card, value, selector, copied):
    answer(card, value).locator(selector).evaluate('element => getSelection().selectAllChildren(element)')
    card.page.keyboard.press('Control+c')
    assert card.page.evaluate('navigator.clipboard.readText()') == copied


def test_label_is_as_large_as_a_number(card):
    result = answer(card, {'label': 'cultivar 1', 'digit': 4})
    sizes = result.locator('dd > p').evaluate_all('all => all.map((one) => getComputedStyle(one).fontSize)')
    assert sizes == ['28px', '28px']


def test_bar_of_nothing_is_empty(card):
    bars = answer(card, [0.9996, 0.0004, 0]).locator('.bars')
    assert bars.locator('td:last-child').all_text_contents() == ['100.0 %', '0.0 %', '0.0 %']
    expect(bars.locator('.bar')).to_have_count(1)


def test_of_many_classes_the_highest_are_shown(card):
    value = {f'class {number}': 1 / 1000 for number in range(998)} | {'best': 0.0015, 'worst': 0.0005}
    result = answer(card, value)
    expect(result.locator('.size')).to_have_text('The 10 highest of 1,000')
    expect(result.get_by_role('rowheader').first).to_have_text('best')


def test_long_text_is_cut(card):
    text = answer(card, 'x' * 500_000).locator('.text').text_content()
    assert len(text) < 21_000
    assert text.endswith('“Copy answer” has all of it.')


def test_object_by_its_names_and_the_rest_folded(card):
    result = answer(card, {'label': 'cat', 'score': 0.5, 'deep': {'a': {'b': [1, 2]}}, 'none': []})
    assert result.locator('dt').all_text_contents() == ['label', 'score', 'deep', 'none']
    expect(result.locator('dt:text-is("score") + dd .number')).to_have_text('0.5')
    assert result.locator('details').first.get_attribute('open') is None
    result.locator('summary').first.click()
    expect(result.locator('pre').first).to_have_text('{ "a": { "b": [1, 2] } }')


@pytest.mark.parametrize('value, shown', [({}, '{}'), ([], '0 items'), ([[[[]] * 2]], '1 × 1 × 2 × 0 values')])
def test_nothing_and_nested_nothing(card, value, shown):
    expect(answer(card, value)).to_contain_text(shown)


def test_answer_that_is_nested_deeply(card):
    send_json(card, '{"answer": ' + '[' * 90 + '1' + ']' * 90 + '}')
    expect(card.locator('.result summary')).to_contain_text('1 × 1 × 1')


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
