"""Integers beyond 64 bits are refused, because orjson reads them as other numbers; long fractions are not."""

import pytest

from model_serving.web import strict_json


@pytest.mark.parametrize(
    'text',
    ['{"a": 0.123456789012345678901234567890}', '[1.5e3, "123456789012345678901234567890"]', '18446744073709551615'],
)
def test_accepted(text):
    strict_json.loads(text.encode())


@pytest.mark.parametrize(
    'text',
    [
        '{"a": 123456789012345678901234567890}',
        '[0.12345678901234567890, -99999999999999999999]',
        '18446744073709551616',
    ],
)
def test_refused(text):
    with pytest.raises(ValueError, match='does not fit in 64 bits'):
        strict_json.loads(text.encode())
