"""Makes docs/images/page.png from a running service: .venv/bin/python docs/make_screenshots.py [http://localhost:9999]

Needs the packages of requirements-dev.txt and a Chromium, which bin/browser.sh finds or gets.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent
# A seven, as shares of the paper's width and height.
SEVEN = [(0.22, 0.22), (0.5, 0.19), (0.76, 0.2), (0.68, 0.38), (0.56, 0.6), (0.45, 0.86)]


def main(url):
    found = subprocess.run([FOLDER.parent / 'bin' / 'browser.sh'], capture_output=True, text=True, check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1280, 'height': 800}, locale='en-US', device_scale_factor=1.5)
        page.goto(f'{url}/#/v1/DigitsModel')
        digits = page.locator('#v1-DigitsModel')
        draw(digits, SEVEN)
        digits.get_by_role('button', name='Send').click()
        digits.locator('tr.best').wait_for()
        # With the code for the same call, which the buttons copy.
        digits.locator('.code-pane summary').click()
        page.evaluate('scrollTo(0, 0)')
        box = digits.bounding_box()
        clip = {'x': 0, 'y': 0, 'width': 1280, 'height': box['y'] + box['height'] + 16}
        page.screenshot(path=FOLDER / 'images' / 'page.png', clip=clip, full_page=True)
        browser.close()


def draw(card, stroke):
    """Draw one stroke with the mouse on the card's paper."""
    paper = card.locator('.paper')
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    points = [(box['x'] + x * box['width'], box['y'] + y * box['height']) for x, y in stroke]
    mouse = card.page.mouse
    mouse.move(*points[0])
    mouse.down()
    for point in points[1:]:
        mouse.move(*point, steps=8)
    mouse.up()


if __name__ == '__main__':
    main(*(sys.argv[1:] or ['http://localhost:9999']))
