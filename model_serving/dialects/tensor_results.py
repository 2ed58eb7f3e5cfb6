"""Results as tensors of the Open Inference Protocol: JSON, or little-endian bytes."""

from itertools import chain

import pybase64

from ..serving.errors import InvalidInstance
from .tensor_data import DTYPES, FLOATS, LENGTH, PYTHON_TYPES, misfit

NO_NULL = 'is null in one of the rows, which binary data of {} cannot be. Ask for this output in JSON.'
TOO_LARGE = 'a result of these rows does not fit in {}. POST the rows to …:predict of TensorFlow Serving.'
RAGGED = (
    'the results of these rows differ in length, so they cannot form a tensor. Ask for other outputs, send one row per '
    'request, or POST the rows to …:predict of TensorFlow Serving.'
)


def output(tensor, results: list, is_single: bool, is_binary: bool) -> tuple[dict, bytes]:
    """Return an output of a response and its bytes, which are empty unless `is_binary`.

    `is_single`: each result is the value of this output, and not an object of several. Raises InvalidInstance if the
    results have different shapes, TypeError if they are not what the result schema says.
    """
    values = results if is_single else [_value(result, tensor.name) for result in results]
    if tensor.labels:
        values = [[_value(value, label) for label in tensor.labels] for value in values]
    datatype = tensor.datatype
    array = None if datatype == 'BYTES' else _array(tensor, values)
    if array is None:
        shape, data = _shape_and_values(tensor, values)
        if is_binary and None in data:
            raise InvalidInstance('', f'{tensor.name} {NO_NULL.format(datatype)}')
        encoded = _bytes_of(tensor, data) if is_binary else b''
    else:
        datatype = _wide_enough(datatype, array)
        shape, data = list(array.shape), array.ravel()
        encoded = data.tobytes() if is_binary else b''
    head = {'name': tensor.name, 'datatype': datatype, 'shape': shape}
    if is_binary:
        return {**head, 'parameters': {'binary_data_size': len(encoded)}}, encoded
    return {**head, **content_type(tensor), 'data': data}, b''


def content_type(tensor) -> dict:
    """Return what MLServer's codec says of a file: JSON has no bytes, so it stays base64 there."""
    return {'parameters': {'content_type': 'base64'}} if tensor.kind == 'base64' else {}


def _value(result, name):
    """Return a property of a result; a result, or an object of numbers in it, may be null."""
    if result is not None and not isinstance(result, dict):
        raise TypeError(f'A result is a {type(result).__name__}; its result schema says an object with {name}.')
    return result and result.get(name)


def _array(tensor, values):
    """Return an array with the results; None if they are better kept as Python's values."""
    import numpy as np

    try:
        array = np.asarray(values)
        if array.dtype.kind == 'O' and tensor.datatype in FLOATS:
            # None, which is null in JSON, becomes NaN.
            array = np.array(values, dtype=float)
    except (ValueError, TypeError) as error:
        if tensor.datatype in FLOATS:
            raise InvalidInstance('', f'{tensor.name}: {RAGGED}') from error
        return None
    dtype = np.dtype(DTYPES[tensor.datatype])
    if tensor.datatype not in FLOATS:
        # Integers of several types together become floats, and would be rounded.
        is_safe = array.dtype.kind in 'iu' and dtype.kind in 'iu' and np.can_cast(array.dtype, dtype)
        return array.astype(dtype) if is_safe or array.dtype == dtype else None
    if array.dtype.kind not in 'fiu':
        raise TypeError(f'The output {tensor.name} is {array.dtype}; its result schema says {tensor.datatype}.')
    dtype = np.dtype(DTYPES[_wide_enough(tensor.datatype, array)])
    if array.dtype.kind == 'f' and dtype.itemsize > array.dtype.itemsize:
        # By the digits that JSON has: 0.9 of float32, and not 0.8999999761581421.
        array = array.astype(str)
    return array.astype(dtype)


def _wide_enough(datatype, array):
    """Return the datatype of an output: FP64 in place of a smaller one that could not hold the array."""
    return 'FP64' if datatype in ('FP16', 'FP32') and array.dtype == float else datatype


def _bytes_of(tensor, values):
    """Return the binary data of Python's values."""
    if tensor.datatype == 'BYTES':
        return b''.join(_length_prefixed(tensor, text) for text in values)
    import numpy as np

    return np.array(values, dtype=DTYPES[tensor.datatype]).tobytes()


def _shape_and_values(tensor, values):
    """Return the shape of nested lists and their values in one list, of which some may be None."""
    shape, level = [len(values)], [_plain(value) for value in values]
    while level and all(isinstance(value, list | tuple) for value in level):
        shape.append(len(level[0]))
        if any(len(value) != shape[-1] for value in level):
            raise InvalidInstance('', f'{tensor.name}: {RAGGED}')
        level = [_plain(value) for value in chain.from_iterable(level)]
    types, what = PYTHON_TYPES[tensor.datatype]
    if int in types:
        level = [int(value) if isinstance(value, float) and value.is_integer() else value for value in level]
    for value in level:
        if value is not None and type(value) not in types:
            has = type(value).__name__
            raise TypeError(f'The output {tensor.name} has a {has}; its result schema says {what}.')
    if int in types and misfit(level, tensor.datatype) is not None:
        raise InvalidInstance('', f'{tensor.name}: {TOO_LARGE.format(tensor.datatype)}')
    return shape, level


def _plain(value):
    """Return a value of NumPy, an array or a single one, as Python's."""
    return value.tolist() if hasattr(value, 'tolist') else value


def _length_prefixed(tensor, text):
    encoded = pybase64.b64decode(text) if tensor.kind == 'base64' else text.encode()
    return LENGTH.pack(len(encoded)) + encoded
