"""The path of a request: docs/design.md lists each of our functions that a valid call enters."""

import asyncio
import re
import sys
import threading

from model_serving.app import create_app
from tests.conftest import BASE_FOLDER

PACKAGE = BASE_FOLDER / 'model_serving'
MAX_FILES, MAX_FUNCTIONS = 6, 15


def entered_by_one_call(url) -> list:
    """Return file and function, in the order of their first entry, for a call with the first example of a model."""
    app = create_app()
    front = app.extensions['front']
    entered = {}

    def note(frame, event, argument):
        code = frame.f_code
        is_ours = code.co_filename.startswith(f'{PACKAGE}/') and not code.co_name.startswith('<')
        if event == 'call' and is_ours:
            entered[code.co_filename.removeprefix(f'{PACKAGE}/'), code.co_qualname] = True

    async def call():
        body = app.json.dumps(app.servables[url].examples[0]).encode()
        headers = [(b'content-type', b'application/json'), (b'content-length', str(len(body)).encode())]
        request = {'path': url, 'raw_path': url.encode(), 'query_string': b'', 'headers': headers}
        messages = []

        async def receive():
            return {'type': 'http.request', 'body': body}

        async def send(message):
            messages.append(message)

        await front.start()
        entered.clear()
        sys.setprofile(note)
        await front({'type': 'http', 'method': 'POST', **request}, receive, send)
        sys.setprofile(None)
        assert messages[0]['status'] == 200

    # The predict thread starts with the first example.
    threading.setprofile(note)
    thread = threading.Thread(target=asyncio.run, args=(call(),))
    thread.start()
    thread.join()
    threading.setprofile(None)
    return list(entered)


def test_a_valid_call_enters_what_the_design_lists_and_no_more():
    entered = entered_by_one_call('/v1/DigitsModel')
    design = (BASE_FOLDER / 'docs' / 'design.md').read_text(encoding='utf-8')
    rows = re.findall(r'^([a-z_/]+\.py) {4,}(.+)$', design, re.MULTILINE)
    assert entered == [(file, function) for file, functions in rows for function in functions.split(', ')]
    assert len({file for file, _ in entered}) <= MAX_FILES
    assert len(entered) <= MAX_FUNCTIONS
