"""Places that the page is opened from, and what is asked of every page."""

import contextlib
import functools
import http.server
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.pages import opener

BASE_FOLDER = Path(__file__).resolve().parents[2]


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
    with serving(functools.partial(QuietHandler, directory=BASE_FOLDER / 'docs')) as url:
        yield url


@pytest.fixture
def open_page(browser):
    with opener(browser) as open_one:
        yield open_one


@pytest.fixture(scope='module')
def gallery_page(browser, gallery):
    """A page of the gallery for all tests of a module, which put in order again what they change."""
    with opener(browser) as open_one:
        page = open_one(gallery.url)
        expect(page.locator('.card')).to_have_count(len(gallery.get('/health/ready').json()['models']))
        yield page
