"""No integer beyond 64 bits is read, since orjson takes it for another number; what results may hold is written."""

import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest

from model_serving.web import strict_json


@pytest.mark.parametrize(
    'text',
    ['{"a": 0.123456789012345678901234567890}', '[1.5e3, "123456789012345678901234567890"]', '18446744073709551615'],
)
def test_accepted(text):
    assert strict_json.loads(text.encode()) == json.loads(text)


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


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Box:
    size: Decimal


@pytest.mark.parametrize(
    'value, text',
    [
        ({np.int64(3): 1, np.str_('a'): 2, 4: 3}, '{"3":1,"a":2,"4":3}'),
        ([{'a': {np.int64(3): np.float32(0.9)}}], '[{"a":{"3":0.9}}]'),
        (np.array([[0.9, 1], [2, 3]], dtype=np.float32)[:, 0], '[0.9,2.0]'),
        (np.array([0.9, 2], dtype='>f4'), '[0.9,2.0]'),
        (np.longdouble(1.5), '1.5'),
        (np.array([1.5], dtype=np.longdouble), '[1.5]'),
        (np.array(['a', 'b']), '["a","b"]'),
        (np.array(3), '3'),
        ([Decimal('1.5'), Point(1, 2.5), Box(Decimal(2))], '[1.5,[1,2.5],{"size":2.0}]'),
        ([datetime(2026, 1, 2, 3, 4), date(2026, 1, 2)], '["2026-01-02T03:04:00","2026-01-02"]'),
        ([np.datetime64('2026-01-02'), np.nan, np.inf], '["2026-01-02T00:00:00",null,null]'),
        ({date(2026, 1, 2): 1}, '{"2026-01-02":1}'),
    ],
)
def test_results_of_many_kinds(value, text):
    assert strict_json.dumps(value) == f'{text}\n'.encode()


@pytest.mark.skops
def test_results_of_pandas():
    import pandas

    numbers = pandas.Series([0.9, 2], dtype='float32')
    days = [pandas.Timestamp('2026-01-02'), pandas.NaT, pandas.NA]
    assert strict_json.dumps([numbers, days]) == b'[[0.9,2.0],["2026-01-02T00:00:00",null,null]]\n'
    assert strict_json.dumps({days[0]: 1}) == b'{"2026-01-02T00:00:00":1}\n'


@pytest.mark.parametrize(
    'value, reason',
    [
        ({'a': {(1, 2): 3}}, r'the key \(1, 2\), which cannot be a name in JSON'),
        ([{1, 2}], 'Type is not JSON serializable: set'),
        ([1j], 'Type is not JSON serializable: complex'),
    ],
)
def test_what_json_does_not_have(value, reason):
    with pytest.raises(TypeError, match=reason):
        strict_json.dumps(value)


def test_garbage_is_collected_again_after_threads_have_read_large_values():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: strict_json.loads(b'[[]%s]' % (b',[]' * strict_json.MANY_CONTAINERS)), range(400)))
        assert gc.isenabled()
    finally:
        sys.setswitchinterval(interval)
        gc.enable()
