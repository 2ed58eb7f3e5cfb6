"""Digits drawn with the mouse and with a finger."""

import pytest
from playwright.sync_api import expect

from tests.page.conftest import open_model

# Strokes of points, as shares of the paper's width and height.
DRAWINGS = {
    1: [[(0.52, 0.15), (0.5, 0.85)]],
    4: [[(0.35, 0.15), (0.25, 0.55), (0.75, 0.55)], [(0.6, 0.3), (0.6, 0.9)]],
    7: [[(0.25, 0.2), (0.75, 0.2), (0.42, 0.85)]],
}


@pytest.fixture
def digits(service, open_page):
    return card_on(open_page(service.url))


def card_on(page):
    """Return the card of DigitsModel."""
    card = open_model(page, '/v1/DigitsModel')
    card.scroll_into_view_if_needed()
    return card


def draw(card, strokes, scale=1):
    """Draw with the mouse, at `scale` of the paper's size."""
    box = card.locator('.paper').bounding_box()
    mouse = card.page.mouse
    for stroke in strokes:
        points = [(box['x'] + x * scale * box['width'], box['y'] + y * scale * box['height']) for x, y in stroke]
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=5)
        mouse.up()


def test_drawn_digits(digits):
    for scale in (1, 0.4):
        for digit, strokes in DRAWINGS.items():
            digits.get_by_role('button', name='Clear').click()
            draw(digits, strokes, scale)
            digits.get_by_role('button', name='Send').click()
            expect(digits.locator('.number')).to_have_text(str(digit))
            expect(digits.locator('tr.best th')).to_have_text(str(digit))
            assert digits.locator('.bars tr').count() == 10


def test_drawing_fills_the_grid_as_the_uci_set_was_made(digits):
    draw(digits, [[(0.1, 0.2), (0.1, 0.5)]])
    digits.get_by_text('As numbers').click()
    cells = [float(cell.input_value()) for cell in digits.locator('.cells input').all()]
    rows = [cells[start : start + 8] for start in range(0, 64, 8)]
    # A stroke of 4 pixels' width in the middle of 32, from top to bottom, wherever it was drawn.
    assert [[bool(cell) for cell in row] for row in rows] == [[column in (3, 4) for column in range(8)]] * 8
    assert rows[4] == [0, 0, 0, 8, 8, 0, 0, 0]


@pytest.mark.long
def test_touch(service, open_page):
    digits = card_on(open_page(service.url, has_touch=True))
    box = digits.locator('.paper').bounding_box()
    fingers = digits.page.context.new_cdp_session(digits.page)
    moves = [('touchStart', 0.2), *(('touchMove', share / 20) for share in range(5, 17)), ('touchEnd', None)]
    for kind, share in moves:
        at = [] if share is None else [{'x': box['x'] + box['width'] / 2, 'y': box['y'] + share * box['height']}]
        fingers.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': at})
    digits.get_by_role('button', name='Send').click()
    expect(digits.locator('.number')).to_have_text('1')


@pytest.mark.long
def test_nothing_drawn(digits):
    digits.get_by_role('button', name='Clear').click()
    digits.get_by_role('button', name='Send').click()
    expect(digits.locator('.field .error')).to_have_text('Draw a digit first.')
    expect(digits.locator('.result')).to_be_empty()
    # Someone who means it sends zeros as JSON.
    digits.get_by_role('tab', name='JSON').click()
    digits.get_by_role('button', name='Send').click()
    expect(digits.locator('.good')).to_have_text('200 OK')


def test_clear_and_numbers(digits):
    digits.get_by_role('button', name='Clear').click()
    digits.get_by_text('As numbers').click()
    cells = digits.locator('.cells input')
    assert {cell.input_value() for cell in cells.all()} == {'0'}
    cells.nth(9).fill('16')
    digits.get_by_role('tab', name='JSON').click()
    rows = ['[0, 0, 0, 0, 0, 0, 0, 0]', '[0, 16, 0, 0, 0, 0, 0, 0]', *['[0, 0, 0, 0, 0, 0, 0, 0]'] * 6]
    body = '{\n  "image": [\n    ' + ',\n    '.join(rows) + '\n  ]\n}'
    expect(digits.get_by_role('textbox', name='JSON')).to_have_value(body)
