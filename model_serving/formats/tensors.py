"""Converts instances to NumPy tensors and results to JSON values, for formats whose inputs are tensors."""

from typing import NamedTuple

import numpy as np

from ..serving.errors import InvalidInstance
from .schemas import array_schema, nullable, result_value_schema, value_schema


class Tensor(NamedTuple):
    """An input: its name and, for one instance, its dtype and shape; a dimension of None has any length.

    With the shape `(1,)` or `()` it is a plain value in JSON.
    """

    name: str
    dtype: np.dtype
    shape: tuple
    nullable: bool = False

    @property
    def is_plain(self) -> bool:
        return self.shape in ((), (1,))

    @property
    def properties(self) -> dict:
        value = nullable(value_schema(self.dtype)) if self.nullable else value_schema(self.dtype)
        return {self.name: array_schema(value, () if self.is_plain else self.shape)}

    def stack(self, instances) -> np.ndarray:
        """Return a tensor with a row for each instance; raises InvalidInstance for ragged arrays."""
        if len(instances) == 1 and hasattr(instances[0].get(self.name), 'shape'):
            # An array of a binary request: no copy is made, unless its type is another.
            with np.errstate(over='ignore'):
                return self._checked(instances[0][self.name][np.newaxis].astype(self.dtype, copy=False), 1)
        # NumPy's own dtype would pad texts to the longest one.
        dtype = object if self.dtype.kind not in 'biuf' else self.dtype
        try:
            # A number that is too large becomes infinite, which is refused below.
            with np.errstate(over='ignore'):
                stacked = np.array([instance.get(self.name) for instance in instances], dtype=dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInstance(self.name, f'must be an array of {self.dtype}: {error}') from error
        return self._checked(stacked, len(instances))

    def _checked(self, stacked, count):
        check_finite(stacked, lambda place: self.name + ''.join(f'[{index}]' for index in place))
        shape = self.shape if self.is_plain else stacked.shape[1:]
        if len(shape) != len(self.shape):
            raise InvalidInstance(self.name, f'must be a rectangular array of {len(self.shape)} dimensions')
        return stacked.reshape(count, *shape)


class Columns(NamedTuple):
    """One input of shape `(n, columns)` with named columns, which are plain values in JSON."""

    name: str
    dtype: np.dtype
    columns: tuple
    nullable: bool = False

    @property
    def shape(self) -> tuple:
        return (len(self.columns),)

    @property
    def properties(self) -> dict:
        value = nullable(value_schema(self.dtype)) if self.nullable else value_schema(self.dtype)
        return dict.fromkeys(self.columns, value)

    def stack(self, instances) -> np.ndarray:
        """Return a tensor with a row for each instance; a missing value is NaN."""
        rows = [[instance.get(column) for column in self.columns] for instance in instances]
        with np.errstate(over='ignore'):
            stacked = np.array(rows, dtype=self.dtype)
        check_finite(stacked, lambda place: self.columns[place[0]])
        return stacked


def check_finite(stacked, name_of):
    """Raise InvalidInstance for a number that its type can't hold; `name_of(place)` names a place in an instance."""
    if stacked.dtype.kind == 'f' and np.isinf(stacked).any():
        _, *place = np.argwhere(np.isinf(stacked))[0].tolist()
        raise InvalidInstance(name_of(place), f'is too large for {stacked.dtype}')


def dtypes_of(tensors) -> dict:
    """Return the dtype of each property of an instance, as other protocols name it."""
    return {name: one.dtype for one in tensors for name in one.properties}


def table(names, width, dtype, nullable=False):
    """Return the input of a tabular model: named columns, or one array `x` if the file has no names."""
    if names:
        return Columns('x', np.dtype(dtype), tuple(names), nullable)
    return Tensor('x', np.dtype(dtype), (width,), nullable)


def predict_in_groups(tensors, instances, run, most: int) -> list:
    """Return the results of `run(instances)` for groups of at most `most` instances whose arrays have equal shapes."""
    dynamic = [tensor.name for tensor in tensors if None in tensor.shape]
    if not dynamic and 0 < len(instances) <= most:
        return run(instances)
    groups, results = {}, [None] * len(instances)
    for position, instance in enumerate(instances):
        groups.setdefault(tuple(_shape(instance[name]) for name in dynamic), []).append(position)
    for group in groups.values():
        for start in range(0, len(group), most):
            positions = group[start : start + most]
            for position, result in zip(positions, run([instances[n] for n in positions]), strict=True):
                results[position] = result
    return results


def output_schema(dtype, shape, axis: bool) -> dict:
    """Return the schema of an output's value for one instance; with `axis` the first dimension is the batch."""
    shape = [length if isinstance(length, int) else None for length in shape][axis:]
    return array_schema(result_value_schema(dtype), [] if axis and shape == [1] else shape, least=0)


def _shape(value):
    # Binary tensors come as arrays.
    if hasattr(value, 'shape'):
        return value.shape
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def rows(array, is_plain=True) -> list:
    """Return one value for each row: with `is_plain` a plain value if the row has one element, else an array."""
    if is_plain and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    # float32 values stay as they are, to be printed as float32; orjson can't write single integers of some types.
    is_numpy = array.dtype.kind == 'f' or (array.dtype.kind in 'biu' and array.ndim > 1)
    return list(array) if is_numpy else array.tolist()


def labels_and_probabilities(labels, probabilities, classes) -> list:
    """Return `{'label', 'probabilities': {class: number}}` for each row of `probabilities`, of shape (n, classes)."""
    names = [str(name) for name in classes]
    probabilities = [dict(zip(names, row, strict=True)) for row in probabilities]
    return [{'label': label, 'probabilities': row} for label, row in zip(rows(labels), probabilities, strict=True)]


def outputs(array) -> list:
    """Return the plain value of each row, or `{'output_0': value, …}` for each row of several outputs."""
    if array.ndim < 2 or array.shape[1] == 1:
        return rows(array)
    names = output_names(array.shape[1])
    values = array if array.dtype.kind == 'f' else array.tolist()
    return [dict(zip(names, row, strict=True)) for row in values]


def output_names(count: int) -> list:
    """Return the names of outputs that have none in their file."""
    return [f'output_{number}' for number in range(count)]


def booster_results(predictions, classes) -> list:
    """Return the results of a booster that is a classifier: `{'label', 'probabilities'}` for each row."""
    if predictions.ndim == 1:  # a binary model gives only the probability of the second class
        predictions = np.stack([1 - predictions, predictions], axis=1)
    return labels_and_probabilities(np.argmax(predictions, axis=1), predictions, classes)
