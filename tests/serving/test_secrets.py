"""Secrets: where they are hidden, and in which spellings."""

import json
import subprocess
import sys
from urllib.parse import quote, quote_plus, urlencode

import pytest
from werkzeug.exceptions import Conflict

from model_serving.serving import secrets
from model_serving.web.errors import answer_to
from tests.conftest import BASE_FOLDER

# What Python itself writes to stderr, and what logging does if it can't make a line.
WRITES = """
import logging, threading, warnings

from model_serving.serving import secrets
from model_serving.utils.log_utils import log_what_python_writes

log_what_python_writes()
TOKEN = 'TopSecret'
secrets.keep(TOKEN)


class Odd:
    def __del__(self):
        fail('at the end of an object')


def fail(where):
    raise RuntimeError(f'{TOKEN} {where}')


def leave():
    raise SystemExit('no error')


warnings.warn(f'{TOKEN} in a warning')
for thread in (threading.Thread(target=fail, args=['in a thread']), threading.Thread(target=leave)):
    thread.start()
    thread.join()
Odd()
logging.getLogger('AModel').error('two arguments in place of one', TOKEN, {'token': TOKEN})
fail('at last')
"""


@pytest.fixture
def keep(monkeypatch):
    monkeypatch.setattr(secrets, '_patterns', {})
    return secrets.keep


def test_an_answer_stays_valid_json_with_a_message(keep):
    keep('message')
    keep('123456')
    error = Conflict('The message is 123456.')
    error.data = {'number': 12345678, 'list': [{'123456': ('a message', None)}]}
    body, *_ = answer_to(error, 'POST /v1/AModel', 'an-id')
    assert json.loads(body) == {
        'message': 'The *** is ***.', 'number': 12345678, 'list': [{'123456': ['a ***', None]}],
    }  # fmt: skip


def test_what_python_itself_writes_is_in_the_log_without_secrets():
    finished = subprocess.run([sys.executable, '-c', WRITES], cwd=BASE_FOLDER, capture_output=True, text=True)
    assert finished.returncode == 1
    assert 'TopSecret' not in finished.stderr
    for line in (
        '] - [WARNING] - [py.warnings] - <string>:',
        'UserWarning: *** in a warning',
        'RuntimeError: *** in a thread',
        'RuntimeError: *** at the end of an object',
        "Message: 'two arguments in place of one'",
        'RuntimeError: *** at last',
    ):
        assert line in finished.stderr
    assert 'no error' not in finished.stderr
    assert finished.stderr.count('] - [ERROR] - [') == 3


SECRET = 'a b\'c"d/e+f=\\g\nhü😀i'


@pytest.mark.parametrize(
    'shown',
    [
        SECRET,
        repr(SECRET),
        # Python chooses the quote by the whole text.
        repr(SECRET.replace('"', '')),
        repr(f'"{SECRET}'.replace("'", '')),
        ascii(SECRET),
        repr(SECRET.encode()),
        repr(SECRET.encode().replace(b'"', b'')),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace('/', '\\/'),
        quote(SECRET),
        quote(SECRET, safe=''),
        # As requests and httpx do, each with other characters that stay.
        quote(SECRET, safe="!#$%&'()*+,/:;=?@[]~"),
        quote_plus(SECRET),
        urlencode({'token': SECRET}),
    ],
)
def test_a_secret_is_hidden_in_each_spelling(keep, shown):
    for part in (SECRET, SECRET.replace('"', ''), SECRET.replace("'", '')):
        keep(part)
    assert secrets.hidden(f'before {shown} after') in [
        f'before {before}***{after} after'
        for before, after in [('', ''), ('"', '"'), ("'", "'"), ("b'", "'"), ('b"', '"'), ('\'"', "'"), ('token=', '')]
    ]


def test_a_secret_with_bytes_that_are_no_text(keep):
    keep(b'\xffsecret'.decode(errors='surrogateescape'))
    assert secrets.hidden('%FFsecret') == '***'


def test_of_two_secrets_the_longer_one_is_hidden(keep):
    keep('secret/one')
    keep('secret')
    assert secrets.hidden('secret/one secret%2Fone secret/two') == '*** *** ***/two'
