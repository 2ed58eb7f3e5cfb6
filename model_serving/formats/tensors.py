"""Instances into NumPy tensors and back, for the formats whose inputs are tensors."""

from typing import NamedTuple

import numpy as np

from ..serving.errors import InvalidInstance
from .schemas import array_schema, value_schema


class Tensor(NamedTuple):
    """An input: its name and, for one instance, dtype and shape; a dimension of None has any length.

    Of shape `(1,)` or `()` it is a plain value in JSON.
    """

    name: str
    dtype: np.dtype
    shape: tuple

    @property
    def is_plain(self) -> bool:
        return self.shape in ((), (1,))

    @property
    def properties(self) -> dict:
        return {self.name: array_schema(value_schema(self.dtype), () if self.is_plain else self.shape)}

    def stack(self, instances) -> np.ndarray:
        """Return a tensor of one row for each instance; raises InvalidInstance for arrays that are not regular."""
        # Texts in NumPy's own dtype would be padded to the longest of them.
        dtype = object if self.dtype.kind not in 'biuf' else self.dtype
        try:
            stacked = np.array([instance.get(self.name) for instance in instances], dtype=dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInstance(self.name, f'is no array of {self.dtype}: {error}') from error
        shape = self.shape if self.is_plain else stacked.shape[1:]
        if len(shape) != len(self.shape):
            raise InvalidInstance(self.name, f'is not a regular array of {len(self.shape)} dimensions')
        return stacked.reshape(len(instances), *shape)


class Columns(NamedTuple):
    """One input of shape `(n, columns)` whose columns have names: plain values in JSON."""

    name: str
    dtype: np.dtype
    columns: tuple

    @property
    def shape(self) -> tuple:
        return (len(self.columns),)

    @property
    def properties(self) -> dict:
        return {column: value_schema(self.dtype) for column in self.columns}

    def stack(self, instances) -> np.ndarray:
        """Return a row for each instance; a missing value is NaN."""
        rows = [[instance.get(column) for column in self.columns] for instance in instances]
        return np.array(rows, dtype=self.dtype)


def same_shapes(tensors, instances) -> list:
    """Return lists of positions: instances whose arrays have equal shapes go into one batch."""
    dynamic = [tensor.name for tensor in tensors if None in tensor.shape]
    if not dynamic:
        return [range(len(instances))]
    groups = {}
    for position, instance in enumerate(instances):
        groups.setdefault(tuple(_shape(instance[name]) for name in dynamic), []).append(position)
    return list(groups.values())


def _shape(value):
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def rows(array) -> list:
    """Return one value for each row: plain where the row has one value, else an array."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array.tolist() if array.dtype.kind not in 'biuf' else list(array)
