"""A property of an instance or of a result as a tensor, by its JSON Schema."""

from typing import NamedTuple

from .tensor_data import ACCEPTED

# The datatype of each kind of value, unless the model's file has its own.
DATATYPES = {'number': 'FP64', 'integer': 'INT64', 'boolean': 'BOOL', 'string': 'BYTES', 'base64': 'BYTES'}
# The datatypes of NumPy's types, by which model files name theirs.
NUMPY_DATATYPES = {
    'bool': 'BOOL',
    'float16': 'FP16',
    'float32': 'FP32',
    'float64': 'FP64',
    **{f'{sign}int{bits}': f'{sign.upper()}INT{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)},
}
PYTHON_KINDS = {bool: 'boolean', int: 'integer', float: 'number', str: 'string'}
ANNOTATIONS = {'title', 'description', 'examples', 'default', 'type', '$schema', '$comment', 'deprecated'}


class NoTensor(ValueError):
    """A schema that has no tensor; the message says why."""


class Tensor(NamedTuple):
    """An input or an output: its kind of values, its datatype, and the shape that it has for one row.

    A length of None: any length. `labels`: the names of the columns of an output that is an object of numbers.
    `bounds`: minimum and maximum, each of which may be None; None in place of both if the schema has other rules too.
    """

    name: str
    kind: str
    datatype: str
    shape: tuple = ()
    nullable: bool = False
    required: bool = True
    labels: tuple = ()
    bounds: tuple | None = None

    @property
    def metadata(self) -> dict:
        """What the protocol's metadata says of it."""
        shape = [-1, *(-1 if length is None else length for length in self.shape)]
        described = {'name': self.name, 'datatype': self.datatype, 'shape': shape}
        return described | ({'parameters': {'labels': list(self.labels)}} if self.labels else {})


def output_of(name, schema, dtype) -> Tensor:
    """Return the tensor of an output. An object of numbers, such as the probability of each class, is a row of them."""
    properties = schema.get('properties') if isinstance(schema, dict) else None
    if not properties:
        return tensor_of(name, schema, True, dtype)
    columns = [tensor_of(label, each, True, dtype) for label, each in properties.items()]
    if any(one.shape or one.datatype != columns[0].datatype or one.datatype in ('BYTES', 'BOOL') for one in columns):
        raise NoTensor('is an object that holds other values than numbers')
    nullable = any(one.nullable for one in columns)
    first = columns[0]
    return Tensor(name, first.kind, first.datatype, (len(columns),), nullable, labels=tuple(properties))


def tensor_of(name, schema, required, dtype) -> Tensor:
    """Return the tensor of a property; raises NoTensor. `dtype` is that of a model file, or None."""
    shape, is_plain = [], True
    while isinstance(schema, dict) and _type(schema)[0] == 'array':
        least, most = schema.get('minItems', 0), schema.get('maxItems')
        shape.append(least if least == most else None)
        others = schema.keys() - {*ANNOTATIONS, 'items', 'minItems', 'maxItems'}
        is_plain = is_plain and not others and (least == most or (least < 2 and most is None))
        if 'null' in schema.get('type', ()):
            raise NoTensor('is an array or null')
        schema = _items(schema)
    what = 'is an array of objects' if shape else 'is an object'
    kind, nullable = _type(schema)
    if kind == 'string' and schema.get('contentEncoding') == 'base64':
        kind = 'base64'
    elif kind not in DATATYPES:
        raise NoTensor(what if kind == 'object' else 'has no single type of values')
    is_plain = is_plain and not schema.keys() - {*ANNOTATIONS, 'minimum', 'maximum'} and kind in ('number', 'integer')
    bounds = (schema.get('minimum'), schema.get('maximum')) if is_plain else None
    datatype = NUMPY_DATATYPES.get(str(dtype))
    # A booster takes the codes of categories, which are integers, as float32.
    datatype = datatype if datatype in ACCEPTED[kind] else DATATYPES[kind]
    return Tensor(name, kind, datatype, tuple(shape), nullable, required, bounds=bounds)


def _items(schema):
    """Return the schema of the items of an array; of numbers of several kinds, that of a number."""
    items, own = schema.get('items', {}), schema.get('prefixItems', [])
    kinds = [_type(each) for each in [*own, items]]
    if not own or not {kind for kind, _ in kinds} <= {'number', 'integer'}:
        return {} if own else items
    nullable = any(nullable for _, nullable in kinds)
    return {'type': ['number', 'null'] if nullable else 'number', 'prefixItems': own}


def _type(schema):
    """Return `(type, nullable)`; the type is None if there are several."""
    if not isinstance(schema, dict):
        return None, False
    types = schema.get('type', [])
    types = {types} if isinstance(types, str) else set(types)
    known = schema.get('enum', [schema['const']] if 'const' in schema else [])
    if not types:
        types = {PYTHON_KINDS.get(type(value), 'null' if value is None else 'object') for value in known}
    nullable = 'null' in types and (not known or None in known)
    types -= {'null'}
    return (types.pop() if len(types) == 1 else 'number' if types == {'number', 'integer'} else None), nullable


def may_be_text(schema):
    """Tell whether a value, or one inside of an array, may be a text."""
    if not isinstance(schema, dict):
        return False
    parts = [schema.get('items'), *(part for key in ('anyOf', 'oneOf', 'allOf') for part in schema.get(key, ()))]
    known = [*schema.get('enum', ()), schema.get('const')]
    return (
        'string' in schema.get('type', ())
        or any(isinstance(value, str) for value in known)
        or any(map(may_be_text, parts))
    )
