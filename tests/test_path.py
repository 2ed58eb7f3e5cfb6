"""The path of a request: docs/design.md lists each of our functions that a valid call enters."""

import re
import sys
import threading

from model_serving.app import create_app
from model_serving.front import measuring
from tests.conftest import BASE_FOLDER, call_asgi, run_async

PACKAGE = BASE_FOLDER / 'model_serving'


def entered_by_one_call(url) -> list:
    """Return file and function, in the order of their first entry, for a call with the first example of a model."""
    app, entered = create_app(), {}
    front = app.extensions['front']

    def note(frame, event, argument):
        code, thread = frame.f_code, threading.current_thread().name
        is_ours = code.co_filename.startswith(f'{PACKAGE}/') and not code.co_name.startswith('<')
        if event == 'call' and is_ours and thread != 'access log':
            entered[code.co_filename.removeprefix(f'{PACKAGE}/'), code.co_qualname] = True

    async def call():
        body = app.json.dumps(app.servables[url].examples[0]).encode()
        await front.start()
        entered.clear()
        sys.setprofile(note)
        status, *_ = await call_asgi(front, 'POST', url, {'Content-Type': 'application/json'}, body)
        sys.setprofile(None)
        assert status == 200

    # The predict thread starts with the first example.
    threading.setprofile(note)
    run_async(call())
    threading.setprofile(None)
    return list(entered)


def test_a_valid_call_enters_what_the_design_lists_and_no_more(monkeypatch):
    monkeypatch.setattr(measuring, 'INTERVAL', 60)
    entered = entered_by_one_call('/v1/DigitsModel')
    design = (BASE_FOLDER / 'docs' / 'design.md').read_text(encoding='utf-8')
    rows = re.findall(r'^([a-z_/]+\.py) {4,}(.+)$', design, re.MULTILINE)
    assert entered == [(file, function) for file, functions in rows for function in functions.split(', ')]
    assert len({file for file, _ in entered}) <= 6
    assert len(entered) <= 15
