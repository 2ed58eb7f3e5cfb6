"""Places that the page is opened from, and what is asked of every page."""

import functools
import http.server
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

BASE_FOLDER = Path(__file__).resolve().parents[2]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope='session')
def static_host():
    """The URL of another host, which serves the folder docs and knows nothing of models."""
    handler = functools.partial(QuietHandler, directory=BASE_FOLDER / 'docs')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
        thread.join()


@pytest.fixture
def open_page(browser):
    """A function that opens a URL in a browser profile of its own: `open_page(url, color_scheme='dark')`.

    After the test no script may have failed and no policy may have been broken; `page.hosts` are those that it asked.
    """
    contexts, faults = [], []

    def note(message):
        # The browser itself writes a line for each 4xx and for each refused connection; these are meant.
        if message.type == 'error' and not message.text.startswith('Failed to load resource'):
            faults.append(message.text)

    def open_one(url, **options):
        options = {'locale': 'en-US', 'permissions': ['clipboard-read', 'clipboard-write'], **options}
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
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
