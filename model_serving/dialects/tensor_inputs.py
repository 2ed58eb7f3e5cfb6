"""The inputs of a request of the Open Inference Protocol: their heads, and their rows."""

from functools import partial
from typing import NamedTuple

import pybase64

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip
from . import tensor_data
from .call import indexes_of

# NumPy has no more.
MAX_DIMENSIONS = 32
ALL_DATATYPES = ', '.join([*tensor_data.DTYPES, 'BYTES'])


class Input(NamedTuple):
    """An input of a request: `tensor` is what the model says of it, `data` are its rows."""

    tensor: object
    position: int
    shape: list
    is_nested: bool
    data: object

    def value(self, row, as_list=True):
        """Return the value of a row; an array as nested lists unless `as_list` is False."""
        value = self.data[row]
        if hasattr(value, 'tolist') and as_list:
            value = _with_null(value.tolist()) if value.dtype.kind == 'f' and self.tensor.nullable else value.tolist()
        # A plain value may have the shape [rows, 1].
        return value[0] if not self.tensor.shape and len(self.shape) == 2 else value

    def place(self, row, rest: str) -> str:
        """Return where a row is in the body; `rest` is where in the row, as `[3][7]`."""
        inside = [row, *(indexes_of(rest) if self.tensor.shape else [0] * (len(self.shape) - 1))]
        if not self.is_nested:
            inside = [tensor_data.index_in(inside, self.shape)]
        return f'inputs[{self.position}].data' + ''.join(f'[{index}]' for index in inside)


def valid_input(one, place):
    """Return an input with a valid head: its name, shape, datatype and parameters."""
    if not isinstance(one, dict) or not isinstance(one.get('name'), str):
        raise InvalidInstance(place, 'must be an object with name, shape, datatype and data')
    shape, parameters = one.get('shape'), {} if one.get('parameters') is None else one['parameters']
    is_list = isinstance(shape, list) and 0 < len(shape) <= MAX_DIMENSIONS
    if not is_list or not all(type(length) is int and length > 0 for length in shape):
        raise InvalidInstance(f'{place}.shape', f'must be a list of whole numbers above 0, not {clip(repr(shape), 60)}')
    if one.get('datatype') not in (*tensor_data.DTYPES, 'BYTES'):
        raise InvalidInstance(
            f'{place}.datatype', f'must be one of {ALL_DATATYPES}, not {clip(repr(one.get("datatype")), 40)}'
        )
    if not isinstance(parameters, dict):
        raise InvalidInstance(f'{place}.parameters', 'must be an object')
    return {**one, 'parameters': parameters}


def ends_of(sizes, length):
    """Return where the binary data of each input ends."""
    ends, end = [], 0
    for position, size in enumerate(sizes):
        if size is not None and (type(size) is not int or size < 0):
            raise InvalidInstance(f'inputs[{position}].parameters.binary_data_size', 'must be a number of bytes')
        end += size or 0
        ends.append(end)
    if end != length:
        raise InvalidInstance('inputs', f'declare {end} bytes of binary data, but {length} bytes follow the JSON')
    return ends


def check_input(head, tensor, place):
    """Raise InvalidInstance for a datatype or a shape that is not the model's."""
    taken = tensor_data.ACCEPTED[tensor.kind]
    if head['datatype'] not in taken:
        expected = f'{tensor.datatype}, or another of {", ".join(sorted(taken))}' if len(taken) > 1 else tensor.datatype
        raise InvalidInstance(f'{place}.datatype', f'{tensor.name} must be {expected}, not {head["datatype"]}')
    inner = head['shape'][1:]
    fits = len(inner) == len(tensor.shape) and all(
        known in (None, length) for known, length in zip(tensor.shape, inner, strict=True)
    )
    if not fits and (tensor.shape or inner != [1]):
        expected = tensor.metadata['shape']
        raise InvalidInstance(
            f'{place}.shape', f'{tensor.name} must have the shape {expected}, with the rows first, not {head["shape"]}'
        )


def input_of(head, tensor, position, binary) -> Input:
    """Return the input of a request; `binary`: the bytes of its data; None if the data is in the JSON."""
    place, shape, datatype = f'inputs[{position}].data', head['shape'], head['datatype']
    is_nested = False
    if binary is not None:
        data = tensor_data.from_bytes(binary, shape, datatype, place)
        if datatype != 'BYTES' and data.dtype.kind == 'f':
            tensor_data.check_finite(data, tensor.nullable, place)
    elif 'data' not in head:
        raise InvalidInstance(place, 'is missing, and there is no binary_data_size')
    else:
        data, is_nested = tensor_data.from_json(head['data'], shape, datatype, tensor.nullable, place)
    if datatype == 'BYTES':
        convert = partial(_text, kind=tensor.kind, content_type=head['parameters'].get('content_type'), place=place)
        data = tensor_data.nested(list(map(convert, data)), shape) if binary is not None else _mapped(data, convert)
    return Input(tensor, position, shape, is_nested, data)


def _mapped(value, convert):
    return [_mapped(each, convert) for each in value] if isinstance(value, list) else convert(value)


def _text(value, kind, content_type, place):
    """Return an element of BYTES as the instance has it: a text, or base64 of the bytes; null is None."""
    if value is None:
        return None
    if kind == 'base64':
        if content_type == 'base64':
            return value if isinstance(value, str) else value.decode('ascii', 'replace')
        return pybase64.b64encode_as_string(value.encode() if isinstance(value, str) else value)
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise InvalidInstance(place, f'has a text that is not UTF-8: {value[:40]!r}') from None


def _with_null(value):
    """Return a number, or nested lists of numbers, with None for NaN."""
    if isinstance(value, list):
        return [_with_null(each) for each in value]
    return None if value != value else value
