"""Reads from the steps of a scikit-learn pipeline which columns are texts, and which categories they have."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ..serving.errors import StartError
from .schemas import nullable, value_schema


class Texts:
    """The input of a pipeline that starts with a vectorizer: one text."""

    properties = {'text': {'type': 'string'}}

    def stack(self, instances) -> list:
        return [instance['text'] for instance in instances]


class Frame:
    """The input of a pipeline that selects columns by name: a data frame."""

    def __init__(self, properties):
        try:
            import pandas
        except ImportError as error:
            raise StartError('it selects columns by name, which needs a data frame: pip install pandas') from error
        self._pandas = pandas
        self.properties = properties

    def stack(self, instances):
        """Return a data frame with a row for each instance; a missing number is NaN."""
        columns = {}
        for name, schema in self.properties.items():
            values = [instance.get(name) for instance in instances]
            columns[name] = np.array(values, dtype=object if 'string' in schema['type'] else float)
        return self._pandas.DataFrame(columns)


def steps_of(model) -> list:
    """Return the estimators of a pipeline, nested pipelines included; a single estimator is the only step."""
    if not isinstance(model, Pipeline):
        return [model]
    return [one for _, step in model.steps if step not in (None, 'passthrough') for one in steps_of(step)]


def takes_missing(steps) -> bool:
    """Tell whether the input may be NaN: each step must allow it, up to an imputer or to the end."""
    for step in steps:
        if type(step).__name__.endswith('Imputer'):
            return True
        if not get_tags(step).input_tags.allow_nan:
            return False
    return True


def column_schemas(transformer, names, later_steps) -> dict:
    """Return a schema for each column that a fitted ColumnTransformer uses; `names` are the frame's columns."""
    schemas = {}
    for _, one, columns in transformer.transformers_:
        if isinstance(one, str) and one == 'drop':
            continue
        steps = [] if isinstance(one, str) else steps_of(one)
        for position, name in enumerate(_column_names(columns, names)):
            schema = _column_schema(steps, position)
            if schema['type'] == 'number' and takes_missing([*steps, *later_steps]):
                schema = nullable(schema)
            schemas.setdefault(name, schema)
    return {name: schemas[name] for name in names if name in schemas}


def _column_names(columns, names):
    if isinstance(columns, str):
        return [columns]
    columns = columns if isinstance(columns, slice) else np.asarray(columns)
    by_name = not isinstance(columns, slice) and columns.dtype.kind in 'OU'
    return list(columns) if by_name else list(np.asarray(names)[columns])


def _column_schema(steps, position):
    for step in steps:
        tags = get_tags(step).input_tags
        if tags.string and not tags.two_d_array:
            return {'type': 'string'}
        if hasattr(step, 'categories_'):
            return _category_schema(step, step.categories_[position].tolist())
    return value_schema('float64')


def _category_schema(step, categories):
    known = [category for category in categories if category is not None and category == category]
    kind = 'string' if all(isinstance(category, str) for category in known) else 'number'
    # Unless it was told what to do with other categories, an encoder fails on them.
    return {'type': kind, ('enum' if step.handle_unknown == 'error' else 'examples'): known}
