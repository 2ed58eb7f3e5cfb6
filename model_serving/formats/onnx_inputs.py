"""The inputs of an ONNX file: which dimension counts instances, and what its dimensions' names promise."""

import json
import re

import numpy as np

from ..serving.errors import InvalidInstance, StartError
from .tensors import Columns, Tensor

INTEGERS = ('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64')
DTYPES = {
    'tensor(float)': 'float32',
    'tensor(double)': 'float64',
    'tensor(float16)': 'float16',
    'tensor(bool)': 'bool',
    'tensor(string)': 'object',
    **{f'tensor({name})': name for name in INTEGERS},
}
# Names that converters make up for dimensions without one: they differ between tensors, or stand for several lengths.
MADE_UP = re.compile(r'unk__\d+|(p2o\.)?DynamicDimension\.\d+|None|\?|-1|')


def is_free(one) -> bool:
    """Tell whether the first dimension of an input has any length."""
    return bool(one.shape) and not isinstance(one.shape[0], int)


def is_named(length) -> bool:
    """Tell whether a dimension has a name that was given to it on purpose."""
    return isinstance(length, str) and not MADE_UP.fullmatch(length)


def counts_instances(output, inputs) -> bool:
    """Tell whether the first dimension of an output is the batch, as far as the file says."""
    names = {one.shape[0] for one in inputs if is_free(one)}
    if not output.shape:
        return bool(names)  # the shape is not declared
    first = output.shape[0]
    made_up = any(not is_named(name) for name in {first, *names} if not isinstance(name, int))
    # With a batch of one, a free length is that of something else, such as what was found in a picture.
    return first == 1 or (not isinstance(first, int) and bool(names) and (made_up or first in names))


def tensors_of(inputs, axes, names) -> list:
    """Return the inputs, without the batch where `axes` says so; `names` are those of a single input's columns.

    Raises StartError for an input that cannot be read from JSON.
    """
    tensors = [_tensor(one, axis) for one, axis in zip(inputs, axes, strict=True)]
    names = list(map(str, names or ()))
    if len(set(names)) < len(names):
        raise StartError('its metadata names two features alike (feature_names).')
    if names and len(tensors) == 1 and tensors[0].shape in ((len(names),), (None,)):
        return [Columns(tensors[0].name, tensors[0].dtype, tuple(names))]
    return tensors


def check_outputs(outputs):
    """Raise StartError for an output of numbers that NumPy does not have: of a float8 onnxruntime gives the bits."""
    for one in outputs:
        element = re.search(r'tensor\(\w+\)', one.type)
        if element and element[0] not in DTYPES:
            raise StartError(f'its output {one.name} is a {one.type}, which cannot be written as JSON.')


def names_of(metadata, key):
    """Return a list in the file's metadata map, written as JSON or with commas; None if there is none."""
    text = metadata.get(key)
    if not text:
        return None
    try:
        names = json.loads(text)
    except ValueError:
        names = text.split(',')
    return [name.strip() if isinstance(name, str) else name for name in names] if isinstance(names, list) else None


def shared_lengths(inputs) -> list:
    """Return `(dimension, [(input, position), …])` for each dimension that stands in several places by its name."""
    places = {}
    for one in inputs:
        for position, dimension in enumerate(one.shape):
            if is_named(dimension):
                places.setdefault(dimension, []).append((one.name, position))
    return [(dimension, its_places) for dimension, its_places in places.items() if len(its_places) > 1]


def check_lengths(shared, feed):
    """Raise InvalidInstance if dimensions of the same name have different lengths: onnxruntime does not look."""
    for dimension, ((first, position), *others) in shared:
        expected = feed[first].shape[position]
        for name, position in others:
            length = feed[name].shape[position]
            if length != expected:
                raise InvalidInstance(name, f'its {dimension} is {length}, but that of {first} is {expected}')


def shapes_text(feed) -> str:
    """Return the names and shapes of one instance's tensors, for messages."""
    return ', '.join(f'{name} has the shape {list(tensor.shape)}' for name, tensor in feed.items())


def _tensor(one, axis):
    if one.type not in DTYPES:
        raise StartError(f'its input {one.name} is a {one.type}, which cannot be read from JSON.')
    shape = tuple(length if isinstance(length, int) else None for length in one.shape)
    return Tensor(one.name, np.dtype(DTYPES[one.type]), shape[1:] if axis else shape)
