"""Secrets: where they are hidden, and in which spellings."""

import json

import pytest
from werkzeug.exceptions import Conflict

from model_serving.serving import secrets
from model_serving.web.errors import answer_to


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
