"""Compares, when a model starts, the results of a batch with those of its instances alone: they must be the same."""

import contextlib

import numpy as np
import orjson

# The sizes of the instances of each batch that is tried. They differ, because a network may take its scale from the
# largest; and they do not, because beside a large one the others may count for nothing, as in a softmax.
SCALES = ((1.0, 0.01, 100.0, 10.0), (1.0, 1.0), (0.01, 0.01), (1.0, 10_000.0))
TEXTS = ('a', 'b c', '1')
# An integer may be a length. With larger ones, a network of a few dimensions makes arrays that fill the memory.
MAX_INTEGER = 40
# Larger results are not compared: as lists of Python's numbers they would fill the memory.
MAX_COMPARED = 2**22
# What is left of the accuracy of float32 after many layers; the steps of a quantised network are larger.
RELATIVE, ABSOLUTE = 1e-4, 1e-5


def keeps_instances_apart(predict, schema: dict, example, is_valid) -> bool:
    """Tell whether `predict(instances)` gives each of several different instances the result that it has alone.

    The instances are made from `example`, with values that `schema` allows, as `is_valid(instance)` tells.
    """
    random = np.random.default_rng(0)
    return all(
        _keeps_apart(predict, list(filter(is_valid, [_varied(schema, example, random, scale) for scale in scales])))
        for scales in SCALES
    )


def _keeps_apart(predict, candidates) -> bool:
    instances, alone = [], []
    for instance in candidates:
        # The model refuses a value that its schema allows, such as an index beyond a table.
        with contextlib.suppress(Exception):
            alone.append(_compared(predict([instance])[0]))
            instances.append(instance)
    if len(instances) < 2:
        return False
    try:
        together = [_compared(result) for result in predict(instances)]
    except Exception:
        return False
    return all(map(_is_same, together, alone))


def _compared(result):
    if _count(result) > MAX_COMPARED:
        raise OverflowError
    return as_json(result)


def _count(result) -> int:
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, list) else None
    return getattr(result, 'size', 1) if parts is None else sum(map(_count, parts))


def as_json(result):
    """Return a result as a client reads it."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.loads(orjson.dumps(result, default=lambda value: value.tolist(), option=options))


def _varied(schema, example, random, scale):
    """Return a value like the example with other numbers, texts and categories."""
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(example, dict):
        properties = schema.get('properties', {})
        return {name: _varied(properties.get(name), value, random, scale) for name, value in example.items()}
    known = schema.get('enum') or schema.get('examples')
    if known:
        return known[random.integers(len(known))]
    if isinstance(example, list):
        return _varied_array(schema, example, random, scale)
    if isinstance(example, bool):
        return bool(random.integers(2))
    if isinstance(example, str):
        return (example, *TEXTS)[random.integers(4)]
    return _varied_number(schema, random, scale) if _is_number(example) else example


def _varied_array(schema, example, random, scale):
    shape, value, items = [], example, schema
    while isinstance(value, list) and value:
        shape.append(len(value))
        value, items = value[0], items.get('items', {})
    if _is_number(value) and not (items.get('enum') or items.get('examples')):
        return _varied_number(items, random, scale, shape)
    return [_varied(schema.get('items'), each, random, scale) for each in example]


def _varied_number(schema, random, scale, shape=None):
    """Return a random number, or nested lists of them, within the bounds of the schema."""
    numbers = random.normal(size=shape) * scale
    low, high = schema.get('minimum', -np.inf), schema.get('maximum', np.inf)
    if 'integer' in schema.get('type', ()):
        # Small ones too: they may be indexes into a table.
        integers = random.integers(0, np.clip(4 * scale, 4, MAX_INTEGER), size=shape)
        return np.clip(integers, max(low, -(2**62)), min(high, 2**62)).astype(int).tolist()
    return np.clip(numbers, low, high).tolist()


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[key]) for key, value in one.items())
    try:
        first, second = np.array(one, dtype=float), np.array(other, dtype=float)
    # Texts, or arrays of different lengths in one.
    except (TypeError, ValueError):
        return one == other
    if first.shape != second.shape:
        return False
    largest = np.max(np.abs(np.nan_to_num(second)), initial=0)
    return np.allclose(first, second, rtol=0, atol=RELATIVE * largest + ABSOLUTE, equal_nan=True)
