"""Secrets: where they are hidden, and in which spellings."""

import json
import subprocess
import sys

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
    monkeypatch.setattr(secrets, '_values', set())
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
