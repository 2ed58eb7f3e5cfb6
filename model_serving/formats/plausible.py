"""Makes up a plausible instance, from the user's schema file and from what training left in the model file."""

import math

import numpy as np

from .schemas import as_object, example_of

# Where the user's schema, or the file's own, names a value of a property: the first of these.
NAMED = {'examples': True, 'default': False, 'const': False, 'enum': True}
BOUNDS = ('minimum', 'maximum')
# For people to read.
DIGITS = 4
# More split thresholds tell no more, and they take time.
MAX_SPLITS = 10_000


def row(schema: dict, own_schema: dict, typical: dict, validator) -> dict:
    """Return an instance for `schema`, the file's `own_schema` with the user's patch.

    Each property has the first that there is: a value that the schema names, in the order of NAMED; what is `typical`,
    as the file tells, unless the schema refuses it; the middle of the user's bounds; what `example_of` returns.
    """
    made = _row(schema, own_schema, typical)
    refused = {error.instance_path[0] for error in validator.iter_errors(made) if error.instance_path}
    allowed = {name: value for name, value in typical.items() if name not in refused}
    return _row(schema, own_schema, allowed) if refused else made


def by_name(properties: dict, values: dict) -> dict:
    """Return the values of a table's columns by property, rounded; `values` has numbers or texts by position.

    If the table is one array, columns without a value are 0.
    """
    name, first = next(iter(properties.items()), ('', {}))
    if len(properties) == 1 and 'items' in first:
        shown = {place: _shown(value, first['items']) for place, value in values.items()}
        return {name: [shown.get(place) or 0 for place in range(first['maxItems'])]} if shown else {}
    schemas = enumerate(properties.items())
    found = {name: _shown(values[place], one) for place, (name, one) in schemas if place in values}
    return {name: value for name, value in found.items() if value is not None}


def middle(low, high, is_whole):
    """Return what is halfway between two bounds, a whole number if it must be."""
    exact = math.floor(low + (high - low) // 2) if is_whole else low / 2 + high / 2
    value = rounded(exact)
    return value if low <= value <= high else exact


def rounded(value):
    """Return a number with DIGITS significant digits, as an integer if it is whole and not beyond 64 bits."""
    if abs(value) >= 2**63:
        return value
    value = float(f'{value:.{DIGITS}g}')
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def medians(features, thresholds) -> dict:
    """Return the median threshold of each feature that trees split on.

    If all are whole, or halfway between whole numbers, the feature's values seem to be whole: it is rounded down.
    """
    step = 1 + len(features) // MAX_SPLITS
    features, thresholds = np.asarray(features)[::step], np.asarray(thresholds, dtype=float)[::step]
    is_finite = np.isfinite(thresholds)
    features, thresholds = features[is_finite], thresholds[is_finite]
    order = np.lexsort((thresholds, features))
    features, thresholds = features[order], thresholds[order]
    found, starts, counts = np.unique(features, return_index=True, return_counts=True)
    middles = thresholds[starts + (counts - 1) // 2]
    are_whole = np.logical_and.reduceat(thresholds % 0.5 == 0, starts) if len(starts) else []
    return dict(zip(found.tolist(), np.where(are_whole, np.floor(middles), middles).tolist(), strict=True))


def _row(schema, own_schema, typical):
    own, properties = own_schema.get('properties', {}), schema.get('properties', {})
    return {name: _value(one, own.get(name, {}), typical.get(name)) for name, one in properties.items()}


def _value(schema, own_schema, typical):
    schema = as_object(schema)
    for key, is_list in NAMED.items():
        if key in schema and schema[key] != []:
            return schema[key][0] if is_list else schema[key]
    if typical is not None:
        return typical
    bounds = [schema.get(key) for key in BOUNDS]
    # The bounds of a type, which the file's own schema has, tell nothing.
    if None in bounds or bounds == [own_schema.get(key) for key in BOUNDS]:
        return example_of(schema)
    return middle(*bounds, is_whole='integer' in schema.get('type', ()))


def _shown(value, schema):
    """Return a value as the schema of its column needs it; None if it is not finite."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return rounded(round(value) if 'integer' in schema.get('type', ()) else value)
