"""JSON Schemas for the inputs and results of model files. Plain dicts, no framework."""

import json

from ..serving.errors import StartError
from ..utils.conf_utils import BASE_FOLDER
from ..utils.text_utils import did_you_mean

NOT_TOLD = 'A number, unless a schema file says otherwise: the model file does not tell.'
# A float64 has up to 24 characters, and a comma and a space follow.
BYTES_PER_VALUE = 26


def value_schema(dtype) -> dict:
    """Return the schema of one value of a NumPy dtype, with the bounds of an integer.

    The bounds of a float are checked on the array: for each value of it, jsonschema-rs would take longer than orjson.
    """
    # Here, so that a service without model files need not import it.
    import numpy as np

    kind = np.dtype(dtype).kind
    if kind == 'b':
        return {'type': 'boolean'}
    if kind not in 'iuf':
        return {'type': 'string'}
    if kind == 'f':
        return {'type': 'number'}
    bounds = np.iinfo(dtype)
    return {'type': 'integer', 'minimum': int(bounds.min), 'maximum': int(bounds.max)}


def result_value_schema(dtype) -> dict:
    """Return the schema of one value of a result; a float may be NaN, which becomes null."""
    name = value_schema(dtype)['type']
    return {'type': ['number', 'null'] if name == 'number' else name}


def array_schema(items: dict, shape, least=1) -> dict:
    """Return the schema of nested arrays of `items`; a dimension of None has any length of at least `least`."""
    for length in reversed(shape):
        lengths = {'minItems': least} if length is None else {'minItems': length, 'maxItems': length}
        items = {'type': 'array', 'items': items, **lengths}
    return items


def object_schema(properties: dict) -> dict:
    """Return the schema of an object that has all of `properties`."""
    return {'type': 'object', 'properties': properties, 'required': list(properties)}


def instance_schema(properties: dict) -> dict:
    """Return the schema of an instance, which may lack the features that may be null.

    Then other names are refused: a mistyped one would count as missing.
    """
    schema = object_schema({name: value for name, value in properties.items() if not is_nullable(value)})
    is_closed = len(schema['properties']) < len(properties)
    return {**schema, 'properties': properties, **({'additionalProperties': False} if is_closed else {})}


def classifier_schema(classes) -> dict:
    """Return the schema of `{'label': …, 'probabilities': {class: number}}`; `classes` is None if they are unknown."""
    number = {'type': ['number', 'null']}
    if classes is None:
        return object_schema({'label': {}, 'probabilities': {'type': 'object', 'additionalProperties': number}})
    return object_schema(
        {'label': {'enum': list(classes)}, 'probabilities': object_schema({str(name): number for name in classes})}
    )


def nullable(schema: dict) -> dict:
    """Return the schema of a value that may be missing, which is null."""
    schema = {**schema, 'enum': [*schema['enum'], None]} if 'enum' in schema else schema
    return {**schema, 'type': [schema['type'], 'null']} if 'type' in schema else schema


def is_nullable(schema: dict) -> bool:
    """Tell whether the value may be null."""
    return 'null' in schema.get('type', ()) or None in schema.get('enum', ())


def patched(schema: dict, settings: dict) -> dict:
    """Return the schema of an instance, with the merge patch (RFC 7386) applied that the setting `schema` names.

    Raises StartError for a patch that can't be read, or that names an input which the model does not have.
    """
    if not settings['schema']:
        return schema
    place = f'{settings["schema"]} (schema of {settings["file"]})'
    try:
        text = (BASE_FOLDER / settings['schema']).read_text(encoding='utf-8-sig')
        patch = json.loads(text, parse_int=_integer)
    except OSError as error:
        raise StartError(f'{place} cannot be read: {error.strerror}.') from error
    except ValueError as error:
        raise StartError(f'{place} is not JSON: {error}') from error
    if not isinstance(patch, dict):
        raise StartError(f'{place} must be a JSON object: a merge patch over the schema.')
    known, named = schema.get('properties', {}), patch.get('properties')
    for name in named if isinstance(named, dict) else ():
        if name not in known:
            hint = did_you_mean(name, known)
            raise StartError(f'{place}: {name!r} is not an input of the model.{hint} There are: {", ".join(known)}.')
    return merge_patch(schema, patch)


def _integer(digits):
    """Return an integer of JSON; raises ValueError beyond 64 bits, which /openapi.json could not show."""
    if not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f'the integer {digits[:20]}… does not fit in 64 bits. Write it as a float.')
    return int(digits)


def merge_patch(target, patch):
    """Return `target` with a JSON merge patch (RFC 7386) applied: null removes, objects merge, others replace."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def as_object(schema) -> dict:
    """Return a schema as an object: a patch may have `true`, which allows everything."""
    return {} if isinstance(schema, bool) else schema


def example_of(schema: dict, length: int = 1):
    """Return a value that fits a schema: its own example, or 0, or the middle of bounds that exclude 0.

    Arrays of any length get `length` items, or as near to it as the schema allows.
    """
    schema = as_object(schema)
    for key in ('examples', 'enum'):
        if schema.get(key):
            return schema[key][0]
    kind = schema.get('type')
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == 'object':
        return {key: example_of(value, length) for key, value in schema.get('properties', {}).items()}
    if kind == 'array':
        count = min(max(length, schema.get('minItems', 1)), schema.get('maxItems', length))
        return [example_of(schema.get('items', {}), length)] * count
    if kind == 'string':
        return 'a' * (length > 1)
    return False if kind == 'boolean' else _number(schema)


def described(result) -> dict:
    """Return the schema of results like this one, for files that do not say what they return."""
    if isinstance(result, dict):
        return object_schema({name: described(value) for name, value in result.items()})
    if isinstance(result, list):
        return {'type': 'array', 'items': described(result[0]) if result else {}}
    if isinstance(result, str):
        return {'type': 'string'}
    return {'type': 'boolean' if isinstance(result, bool) else ['number', 'null']}


def size_of(schema: dict, length: int = 1024) -> int:
    """Return how many bytes of JSON an instance may need, with `length` items for a dimension of any length."""
    schema = as_object(schema)
    kind = schema.get('type')
    if kind == 'object':
        return sum(len(key) + size_of(value, length) for key, value in schema.get('properties', {}).items())
    if kind == 'array':
        return schema.get('maxItems', length) * size_of(schema.get('items', {}), length)
    return BYTES_PER_VALUE


def _number(schema):
    low, high = schema.get('minimum', 0), schema.get('maximum', 0)
    if 'minimum' in schema and 'maximum' in schema and not low <= 0 <= high:
        return (low + high) // 2 if 'integer' in schema.get('type', ()) else low + (high - low) / 2
    return min(max(0, low), high) if 'maximum' in schema else max(0, low)
