"""Places that the page is opened from, what is asked of every page, and how its buttons are pressed."""

import contextlib
import functools
import http.server
import json
import threading
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from model_serving.utils.conf_utils import BASE_FOLDER

DOCS = BASE_FOLDER / 'docs'
FILE = (DOCS / 'index.html').as_uri()
# A red point, as PNG.
POINT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=='


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@contextlib.contextmanager
def serving(handler):
    """Serve with a handler of http.server, in a thread, and give the URL."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
        thread.join()


@pytest.fixture(scope='session')
def static_host():
    """The URL of another host, which serves the folder docs and knows nothing of models."""
    with serving(functools.partial(QuietHandler, directory=DOCS)) as url:
        yield url


@contextlib.contextmanager
def opener(browser):
    """Give a function that opens a URL in a browser profile of its own: `open_page(url, color_scheme='dark')`.

    At the end no script may have failed and no policy may have been broken; `page.hosts` are those that it asked.
    """
    contexts, faults = [], []

    def note(message):
        # The browser itself writes a line for each 4xx and for each refused connection; these are meant.
        if message.type == 'error' and not message.text.startswith('Failed to load resource'):
            faults.append(message.text)

    def open_one(url, **options):
        options = {'locale': 'en-US', 'permissions': ['clipboard-read', 'clipboard-write'], **options}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.hosts = set()
        page.on('request', lambda request: page.hosts.add(urlsplit(request.url).netloc))
        page.on('console', note)
        page.on('pageerror', lambda error: faults.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def open_page(browser):
    with opener(browser) as open_one:
        yield open_one


@pytest.fixture(scope='module')
def gallery_page(browser, gallery):
    """A page of the gallery for all tests of a module, which put in order again what they change."""
    with opener(browser) as open_one:
        page = open_one(gallery.url)
        expect(page.locator('#models a')).to_have_count(len(gallery.get('/health/ready').json()['models']))
        yield page


def open_model(page, path):
    """Open a model by its address, `/v1/FormModel`; returns its card."""
    page.evaluate('(path) => { location.hash = path; }', path)
    card = page.locator('#' + path[1:].replace('/', '-'))
    expect(card).to_be_visible()
    return card


def send(card) -> object:
    """Press Send; returns the body that was sent, or for a form with files the model's result, once that is there."""
    with card.page.expect_response('**/v*/*') as caught:
        card.get_by_role('button', name='Send').click()
    expect(card.locator('.answer')).not_to_have_attribute('aria-busy', 'true')
    expect(card).not_to_have_attribute('aria-busy', 'true')
    request = caught.value.request
    # Chromium does not tell the body of a form with files.
    is_form = request.headers['content-type'].startswith('multipart/')
    return caught.value.json().get('result') if is_form else json.loads(request.post_data)


def send_json(card, text):
    """Write a body in the tab JSON, which is open, and send it."""
    card.get_by_role('textbox', name='JSON').fill(text)
    send(card)


def error_of(page, code) -> str:
    """Return what a script logs as an error; what the browser logs by itself does not count."""
    with page.expect_console_message(
        lambda message: message.type == 'error' and 'Failed to' not in message.text
    ) as told:
        page.evaluate(f'() => {{ {code} }}')
    return told.value.text
