import base64

import pytest

from model_serving.models.base64_utils import decoded
from model_serving.serving.errors import InvalidInstance


@pytest.mark.parametrize('data', [b'', b'a', b'ab', b'abc', bytes(range(256))])
def test_what_was_encoded_comes_back(data):
    assert decoded({'file': base64.b64encode(data).decode()}, 'file') == data


@pytest.mark.parametrize(
    'text', ['a', 'YWJ', 'YW Jj', 'YWJj\nYWJj', '_-8=', 'data:text/plain;base64,YWJj', '文', '=', '\x00']
)
def test_anything_else_is_refused_at_its_place(text):
    with pytest.raises(InvalidInstance, match='not base64') as refusal:
        decoded({'file': text}, 'file')
    assert refusal.value.path == 'file'
