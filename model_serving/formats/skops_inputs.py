"""The inputs of scikit-learn models: one text, a data frame, or an array of several kinds of values."""

import sys

import numpy as np

from ..serving.errors import StartError

# The largest integer up to which float64 has all.
EXACT = 2**53


class Texts:
    """The input of a pipeline that starts with a vectorizer: one text."""

    properties = {'text': {'type': 'string'}}

    def stack(self, instances) -> list:
        """Return the texts."""
        return [instance['text'] for instance in instances]


class Frame:
    """The input of a model that was fitted on a data frame, or on an array of values of several kinds.

    `columns` are what the fitted steps say, `all_names` the frame's columns in their order: one that no step uses is
    filled with NaN.
    """

    def __init__(self, columns, all_names, is_array=False):
        self.columns, self._all_names, self._is_array = columns, all_names, is_array
        self.properties = {name: column.schema for name, column in columns.items()}
        self._pandas = None if is_array else _pandas()

    def stack(self, instances):
        """Return a data frame, or an array of objects, with a row for each instance."""
        values = {name: self._values(name, instances) for name in self.columns}
        if self._is_array:
            return np.array([values[name] for name in self._all_names], dtype=object).T
        missing = np.full(len(instances), np.nan)
        columns = {name: values.get(name, missing) for name in self._all_names}
        # Without their types, pandas would make texts of objects, and NaN of None.
        series = {name: self._pandas.Series(column, dtype=column.dtype) for name, column in columns.items()}
        return self._pandas.DataFrame(series)

    def _values(self, name, instances):
        """Return a column's values as an array: of float64 or bool where all are, else of objects."""
        schema, missing = self.properties[name], self.columns[name].missing
        values = [instance.get(name) for instance in instances]
        kinds = {schema.get('type')} if isinstance(schema.get('type'), str) else set(schema.get('type', ()))
        if kinds and kinds <= {'number', 'integer', 'null'} and missing is not None:
            is_large = any(isinstance(value, int) and abs(value) > EXACT for value in values)
            # As floats, larger integers such as ids would fall together.
            return np.array(values, dtype=None if is_large and None not in values else float)
        if kinds == {'boolean'}:
            return np.array(values, dtype=bool)
        array = np.empty(len(values), dtype=object)
        array[:] = [missing if value is None else value for value in values]
        return array


def _pandas():
    try:
        import pandas
    except ImportError as error:
        install = f'{sys.executable} -m pip install pandas==3.1.1'
        raise StartError(f'it was fitted on a data frame, so it needs pandas. Install it: {install}') from error
    return pandas
