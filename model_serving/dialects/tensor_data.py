"""The data of tensors in requests of the Open Inference Protocol: JSON, flat or nested, and little-endian bytes."""

import json
import struct
from itertools import chain
from math import prod

from ..serving.errors import InvalidInstance
from .call import MAX_ROWS

INTEGER_DATATYPES = {f'{sign}INT{bits}': (sign, bits) for sign in ('', 'U') for bits in (8, 16, 32, 64)}
FLOATS = {'FP16': '<f2', 'FP32': '<f4', 'FP64': '<f8'}
# NumPy's type of each datatype but BYTES, whose elements are texts.
DTYPES = {
    'BOOL': '?',
    **{name: f'<{"u" if sign else "i"}{bits // 8}' for name, (sign, bits) in INTEGER_DATATYPES.items()},
    **FLOATS,
}
# Which datatypes a kind of value may be sent as.
ACCEPTED = {
    'number': {*FLOATS, *INTEGER_DATATYPES},
    'integer': {*INTEGER_DATATYPES},
    'boolean': {'BOOL'},
    'string': {'BYTES'},
    'base64': {'BYTES'},
}
PYTHON_TYPES = {
    'BOOL': ({bool}, 'true or false'),
    'BYTES': ({str}, 'a text'),
    **dict.fromkeys(INTEGER_DATATYPES, ({int}, 'a whole number')),
    **dict.fromkeys(FLOATS, ({int, float}, 'a number')),
}
LENGTH = struct.Struct('<I')


def from_json(data, shape: list, datatype: str, nullable: bool, place: str) -> tuple[list, bool]:
    """Return the rows of data in JSON, as nested lists, and whether they were nested in the body.

    Raises InvalidInstance, which names the element.
    """
    if not isinstance(data, list):
        raise InvalidInstance(place, f'must be a list of {prod(shape)} elements, for the shape {shape}')
    is_nested = len(shape) > 1 and bool(data) and isinstance(data[0], list)
    flat = _flattened(data, shape, place) if is_nested else data
    if len(flat) != prod(shape):
        raise InvalidInstance(place, f'has {len(flat)} elements, but the shape {shape} needs {prod(shape)}')
    _check_count(len(flat), datatype, place)
    types, what = PYTHON_TYPES[datatype]
    if wrong := set(map(type, flat)) - types - ({type(None)} if nullable else set()):
        at = next(index for index, value in enumerate(flat) if type(value) in wrong)
        raise InvalidInstance(
            _element(place, at, shape, is_nested), f'must be {what} ({datatype}), not {json.dumps(flat[at]):.60}'
        )
    if datatype in INTEGER_DATATYPES and (at := misfit(flat, datatype)) is not None:
        raise InvalidInstance(_element(place, at, shape, is_nested), f'{flat[at]} does not fit in {datatype}')
    return (data if is_nested else nested(flat, shape)), is_nested


def from_bytes(data, shape: list, datatype: str, place: str):
    """Return the elements of binary data: an array of `shape`, or for BYTES a flat list of bytes."""
    count = prod(shape)
    if datatype == 'BYTES':
        return _elements(data, count, place)
    # Here, so that a service without it need not import NumPy.
    import numpy as np

    dtype = np.dtype(DTYPES[datatype])
    if len(data) != count * dtype.itemsize:
        needed = f'{datatype} of the shape {shape} needs {count * dtype.itemsize}'
        raise InvalidInstance(place, f'its binary data has {len(data)} bytes, but {needed}')
    return np.frombuffer(data, dtype).reshape(shape)


def check_finite(array, nullable: bool, place: str):
    """Raise InvalidInstance for an element of an array of floats that is not a number; NaN stands for null."""
    import numpy as np

    is_wrong = np.isinf if nullable else lambda values: ~np.isfinite(values)
    _refuse(array, is_wrong, place, 'NaN and Infinity are not accepted')


def check_bounds(array, bounds: tuple, place: str):
    """Raise InvalidInstance for an element outside `bounds`; a bound that is None is not checked."""
    low, high = bounds
    if low is not None:
        _refuse(array, lambda values: values < low, place, f'it is less than the minimum of {low}')
    if high is not None:
        _refuse(array, lambda values: values > high, place, f'it is greater than the maximum of {high}')


def nested(flat: list, shape) -> list:
    """Return a flat list as nested lists of this shape, none of whose lengths is 0."""
    for length in reversed(shape[1:]):
        flat = [flat[start : start + length] for start in range(0, len(flat), length)]
    return flat


def _flattened(data, shape, place):
    level = [data]
    for depth, length in enumerate(shape):
        for values in level:
            if not isinstance(values, list) or len(values) != length:
                has = f'{len(values)} items' if isinstance(values, list) else f'{json.dumps(values):.40}'
                at = f'at depth {depth}' if depth else 'at the top'
                raise InvalidInstance(place, f'has {has} {at} where the shape {shape} has {length}')
        level = list(chain.from_iterable(level))
    return level


def misfit(values: list, datatype: str) -> int | None:
    """Return the index of the first integer that a datatype cannot hold, if there is one. None among them is null."""
    sign, bits = INTEGER_DATATYPES[datatype]
    low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    known = [value for value in values if value is not None]
    if not known or (min(known) >= low and max(known) <= high):
        return None
    return next(at for at, value in enumerate(values) if value is not None and not low <= value <= high)


def _element(place, at, shape, is_nested):
    return f'{place}[{at}]' if not is_nested else place + ''.join(f'[{index}]' for index in indexes_in(at, shape))


def indexes_in(at: int, shape) -> list:
    """Return the indexes of the element `at` of a flat list, in a tensor of this shape."""
    indexes = []
    for length in reversed(shape):
        at, index = divmod(at, length)
        indexes.append(index)
    return indexes[::-1]


def index_in(indexes, shape) -> int:
    """Return the index in the flat list; missing indexes count as 0."""
    at = 0
    for position, length in enumerate(shape):
        at = at * length + (indexes[position] if position < len(indexes) else 0)
    return at


def _elements(data, count, place):
    """Return the elements of BYTES, each of which has its length before it."""
    _check_count(count, 'BYTES', place)
    elements, start = [], 0
    while start < len(data):
        end = start + LENGTH.size
        if end <= len(data):
            end += LENGTH.unpack_from(data, start)[0]
        if end > len(data) or len(elements) == count:
            break
        elements.append(bytes(data[start + LENGTH.size : end]))
        start = end
    if start != len(data) or len(elements) != count:
        raise InvalidInstance(place, f'its binary data is not {count} elements of a length in 4 bytes and bytes')
    return elements


def _check_count(count, datatype, place):
    if datatype == 'BYTES' and count > MAX_ROWS:
        raise InvalidInstance(place, f'has {count} elements of BYTES. Send at most {MAX_ROWS} in one request.')


def _refuse(array, is_wrong, place, reason):
    import numpy as np

    wrong = is_wrong(array)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InvalidInstance(f'{place}[{at}]', f'{array.flat[at]}: {reason}')
