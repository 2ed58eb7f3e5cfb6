"""The code of call.md for streams, when the service refuses the call or the model fails."""

import contextlib
import re
import sys

import pytest

from tests.docs.following import blocks, text_of, with_url
from tests.page.conftest import error_of

REFUSED = 'fail_at: -1 is less than the minimum of 0'
FAILED = 'The service failed to answer this request.'


def code_of(streams, language, instance) -> str:
    """Return the code, with another model and body."""
    found = next(
        block.text
        for block in blocks(text_of('docs/call.md'))
        if block.language == language and 'TextModel' in block.text
    )
    return re.sub(r"\{'?prompt'?: .*?\}", instance, with_url(streams, found).replace('TextModel', 'CountModel'))


@pytest.mark.parametrize(
    'fail_at, message',
    [pytest.param(-1, REFUSED, marks=pytest.mark.long), pytest.param(0, FAILED, marks=pytest.mark.long), (1, FAILED)],
)
def test_why_a_stream_failed_is_shown(streams, browser, fail_at, message):
    instance = f"{{'fail_at': {fail_at}}}"
    finished = streams.run(sys.executable, '-c', code_of(streams, 'python', instance))
    assert f'RuntimeError: {message}' in finished.stderr.splitlines()[-1]
    with contextlib.closing(browser.new_page()) as page:
        page.goto(streams.url)
        assert message in error_of(page, code_of(streams, 'js', instance))
