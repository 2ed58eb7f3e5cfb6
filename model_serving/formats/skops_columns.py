"""Reads from the fitted steps of a scikit-learn pipeline what each of its columns holds: numbers, texts, categories."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import get_tags

from ..serving.errors import StartError
from .schemas import NOT_TOLD, nullable, value_schema
from .skops_paths import follow, is_imputer, is_of_scikit_learn, passes, steps_of
from .skops_typical import typical_values

# What goes into a function, or into a step of the user's own.
UNKNOWN = {'type': 'number', 'description': NOT_TOLD}


class Column(NamedTuple):
    """What the steps say of a column: its schema, what stands for a missing value, whether anything tells, and a value
    that it had in training, None if nothing tells of that.
    """

    schema: dict
    missing: object = np.nan
    is_known: bool = True
    typical: object = None


def columns_of(model, names) -> dict:
    """Return a `Column` for each name that the fitted model uses; `names` are those of all its columns."""
    ended, columns, _ = follow(steps_of(model), [(name, []) for name in names])
    paths = {name: [] for name in names}
    for name, path in [*ended, *columns]:
        paths[name].append(path)
    paths = {name: its_paths for name, its_paths in paths.items() if its_paths}
    typical = typical_values(paths)
    return {name: _column(name, its)._replace(typical=typical.get(name)) for name, its in paths.items()}


def _column(name, paths):
    """Return what the steps of a column's paths say together; the first that knows its values decides."""
    found = [_of_path(path) for path in paths]
    known = [column for column in found if column.is_known] or found
    column = next((one for one in known if 'enum' in one.schema), known[0])
    if column.schema.get('type') == 'array':
        raise StartError(f'its column {name} goes into a step that takes lists or objects, which is not served.')
    if all(map(_takes_missing, paths)):
        missing = next((one.missing for one in found if one.missing is None), column.missing)
        return column._replace(schema=nullable(column.schema), missing=missing)
    return column


def _of_path(path):
    missing = None if any(_calls_none_missing(*one) for one in path) else np.nan
    is_text = False
    for step, position in path:
        if position is None and (hasattr(step, 'categories_') or hasattr(step, 'transformers_')):
            return Column(UNKNOWN, missing, is_known=False)
        tags = get_tags(step).input_tags
        if type(step).__name__ in {'FeatureHasher', 'DictVectorizer'}:
            return Column({'type': 'array'})
        if tags.string and not tags.two_d_array:
            return Column({'type': 'string'}, missing)
        categories = _categories(step, position)
        if categories is not None:
            return Column(_category_schema(step, categories), missing)
        statistics = getattr(step, 'statistics_', None)
        if statistics is not None and position is not None and isinstance(statistics[position], str):
            is_text = True
    if is_text:
        return Column({'type': 'string'}, missing)
    # Scalers, imputers and models take numbers; of a function or a step of the user's own nobody knows.
    is_known = not path or any(get_tags(step).input_tags.two_d_array and is_of_scikit_learn(step) for step, _ in path)
    return Column(value_schema('float64') if is_known else UNKNOWN, missing, is_known)


def _calls_none_missing(step, position) -> bool:
    """Tell whether None stands for a missing value: an imputer fills it in, or it is a category like the others.

    Then an imputer of NaN that comes before has let it through.
    """
    if is_imputer(step):
        return getattr(step, 'missing_values', np.nan) is None
    return None in (_categories(step, position) or ())


def _categories(step, position):
    """Return the categories that an encoder knows of a column; None for another step, or an unknown position."""
    return step.categories_[position].tolist() if hasattr(step, 'categories_') and position is not None else None


def _takes_missing(path):
    """Tell whether a value may be missing: each step must allow it, up to one that fills it in or to the end."""
    for step, position in path:
        if is_imputer(step):
            return True
        categories = _categories(step, position)
        if categories is not None:
            return _ignores_unknown(step) or any(one is None or one != one for one in categories)
        if not passes(step) and not get_tags(step).input_tags.allow_nan:
            return False
    return True


def _ignores_unknown(step) -> bool:
    """Tell whether an encoder takes categories that it has not seen."""
    return getattr(step, 'handle_unknown', 'ignore') != 'error'


def _category_schema(step, categories):
    known = [category for category in categories if category is not None and category == category]
    kinds = {bool: 'boolean', str: 'string', int: 'number', float: 'number'}
    types = {kinds.get(type(category)) for category in known}
    if None in types or len(types) > 1:
        raise StartError(f'the categories of a column are not all texts, numbers or booleans: {str(known)[:200]}')
    key = 'examples' if _ignores_unknown(step) else 'enum'
    schema = {'type': types.pop() if types else 'string', key: known}
    return schema if key == 'enum' else {**schema, 'description': 'Any other value counts as unknown.'}
