"""Results that orjson does not write by itself: values of NumPy and pandas, decimals, tuples, and odd keys."""

from datetime import date, time
from decimal import Decimal
from inspect import isawaitable

from ..serving.errors import HandlerError


def plain(value):
    """Return what JSON has for a value that orjson can't write; raises TypeError, or HandlerError without an await."""
    if hasattr(getattr(value, 'flags', None), 'c_contiguous'):
        return _plain_array(value)
    # pandas' missing values are not equal to themselves, and one of them can't even be compared.
    if type(value).__name__ in ('NaTType', 'NAType'):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Decimal) or type(value).__name__ == 'longdouble':
        return float(value)
    for convert in ('to_numpy', 'tolist'):
        if hasattr(value, convert) and not hasattr(value, 'columns'):
            return getattr(value, convert)()
    if isawaitable(value):
        # Python would warn of a coroutine that nobody awaits, without the fix.
        getattr(value, 'close', bool)()
        raise HandlerError('An `await` is missing before a call that makes a part of the answer.')
    raise TypeError(f'A result holds a {type(value).__name__}, which is not a JSON value.')


def with_plain_keys(value):
    """Return a copy of a result whose keys are those of JSON; raises TypeError, which names the key.

    Arrays of another machine's byte order become arrays of ours, because orjson does not ask for them either.
    """
    if isinstance(value, dict):
        return {_plain_key(key): with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_plain_keys(item) for item in value]
    is_native = getattr(getattr(value, 'dtype', None), 'isnative', True)
    return value if is_native else _plain_array(value)


def _plain_array(array):
    if array.dtype.kind == 'f' and array.dtype.itemsize > 8:
        return array.astype('float64')
    # Not as a list, whose items are of type float: 0.9 of type float32 would be 0.8999999761581421.
    if array.ndim and array.dtype.kind in 'biuf' and not (array.flags.c_contiguous and array.dtype.isnative):
        return array.astype(array.dtype.newbyteorder('='), order='C')
    return array.tolist()


def _plain_key(key):
    if isinstance(key, date | time):
        return key.isoformat()
    key = key.item() if hasattr(key, 'item') else key
    if key is None or isinstance(key, str | int | float):
        return key
    raise TypeError(f'A result has the key {key!r}, which cannot be a name in JSON. Make it a text.')
