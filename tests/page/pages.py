"""How the tests of the page open it and press its buttons."""

import contextlib
import json
from urllib.parse import urlsplit

from playwright.sync_api import expect


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


def send(card) -> object:
    """Press Send; returns the body that was sent, once the answer is there."""
    with card.page.expect_response('**/v*/*') as caught:
        card.get_by_role('button', name='Send').click()
    expect(card.locator('.answer')).not_to_have_attribute('aria-busy', 'true')
    expect(card).not_to_have_attribute('aria-busy', 'true')
    return json.loads(caught.value.request.post_data)
