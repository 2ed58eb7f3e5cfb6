"""What a model's JSON Schemas say in terms of tensors: names, datatypes and shapes."""

from typing import NamedTuple

from .tensor_data import TAKEN

# The datatype of each kind of value, unless the model's file has its own.
DATATYPES = {'number': 'FP64', 'integer': 'INT64', 'boolean': 'BOOL', 'string': 'BYTES', 'base64': 'BYTES'}
# The datatypes of NumPy's types, by which model files name theirs.
OF_NUMPY = {
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

    A length of None is free. `labels`: the names of the columns of an output that is an object of numbers. `bounds`:
    the least and the largest value, or None if the schema has other rules too.
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
        parameters = {'labels': ', '.join(self.labels)} if self.labels else {}
        if self.kind == 'base64':
            parameters['content_type'] = 'base64'
        described = {'name': self.name, 'datatype': self.datatype, 'shape': shape}
        return {**described, 'parameters': parameters} if parameters else described


class Signature(NamedTuple):
    """The inputs and outputs of a model, by name.

    `names` are all properties of an instance; those without a tensor are missing from `inputs`, and `problem` says why.
    `is_single`: a result is the value of the only output, and not an object of several. `takes_arrays`: the model takes
    NumPy arrays in place of lists.
    """

    names: tuple
    inputs: dict
    outputs: dict
    problem: str | None
    is_single: bool
    takes_arrays: bool

    @property
    def only(self) -> str | None:
        """The name of the only property, if there is one."""
        return self.names[0] if len(self.names) == 1 else None

    @property
    def has_texts(self) -> bool:
        """Tell whether there are texts among the values, or values of which nothing is known."""
        return len(self.inputs) < len(self.names) or any(one.datatype == 'BYTES' for one in self.inputs.values())

    @property
    def is_table(self) -> bool:
        """Tell whether all properties are plain numbers, so that a row may be a list of them in the schema's order."""
        numbers = [one for one in self.inputs.values() if one.kind in ('number', 'integer') and not one.shape]
        return bool(numbers) and len(numbers) == len(self.names)

    @property
    def vector(self) -> Tensor | None:
        """The only property, if it is a list of numbers: the columns of a table without names."""
        tensor = self.inputs.get(self.only)
        is_vector = tensor is not None and len(tensor.shape) == 1 and tensor.kind in ('number', 'integer')
        return tensor if is_vector else None


def signature_of(schema: dict, result_schema: dict | None, dtypes=({}, {}), takes_arrays=False) -> Signature:
    """Return the signature of a model; `dtypes` are the types of a file's inputs and outputs, by their NumPy names."""
    properties, required = schema.get('properties', {}), schema.get('required', [])
    problems, inputs = [], {}
    for name, each in properties.items():
        try:
            inputs[name] = _tensor(name, each, name in required, dtypes[0].get(name))
        except NoTensor as error:
            problems.append(f'its input {name} {error}')
    try:
        outputs = _outputs(result_of(result_schema), dtypes[1])
    except NoTensor as error:
        outputs = {}
        problems.append(f'its {error}')
    if not properties:
        problems.append('its schema names no properties')
    is_plain = not schema.keys() - {*ANNOTATIONS, 'properties', 'required', 'additionalProperties'}
    are_arrays = all(one.shape and one.bounds for one in inputs.values())
    is_single = not result_of(result_schema).get('properties')
    takes_arrays = takes_arrays and is_plain and are_arrays
    return Signature(tuple(properties), inputs, outputs, problems[0] if problems else None, is_single, takes_arrays)


def result_of(result_schema: dict | None) -> dict:
    """Return the schema of a result: of the value of `result`, if an answer has nothing else."""
    properties = (result_schema or {}).get('properties', {})
    schema = properties['result'] if list(properties) == ['result'] else result_schema
    return schema if isinstance(schema, dict) else {}


def _outputs(schema, dtypes):
    properties = schema.get('properties')
    if not properties:
        return {'result': _named('result', _output, 'result', schema, dtypes.get('result'))}
    return {name: _named(f'output {name}', _output, name, each, dtypes.get(name)) for name, each in properties.items()}


def _named(what, function, *arguments):
    try:
        return function(*arguments)
    except NoTensor as error:
        raise NoTensor(f'{what} {error}') from None


def _output(name, schema, dtype):
    """Return the tensor of an output. An object of numbers, such as the probability of each class, is a row of them."""
    properties = schema.get('properties') if isinstance(schema, dict) else None
    if not properties:
        return _tensor(name, schema, True, dtype)
    columns = [_tensor(label, each, True, dtype) for label, each in properties.items()]
    if any(one.shape or one.datatype != columns[0].datatype or one.datatype in ('BYTES', 'BOOL') for one in columns):
        raise NoTensor('is an object that holds other values than numbers')
    nullable = any(one.nullable for one in columns)
    first = columns[0]
    return Tensor(name, first.kind, first.datatype, (len(columns),), nullable, labels=tuple(properties))


def _tensor(name, schema, required, dtype):
    shape, is_plain = [], True
    while isinstance(schema, dict) and _type(schema)[0] == 'array':
        least, most = schema.get('minItems', 0), schema.get('maxItems')
        shape.append(least if least == most else None)
        others = schema.keys() - {*ANNOTATIONS, 'items', 'minItems', 'maxItems'}
        is_plain = is_plain and not others and (least == most or (least < 2 and most is None))
        if 'null' in schema.get('type', ()):
            raise NoTensor('is an array or null')
        schema = _items(schema)
    kind, nullable = _type(schema)
    if kind == 'string' and schema.get('contentEncoding') == 'base64':
        kind = 'base64'
    elif kind not in DATATYPES:
        raise NoTensor('is an object' if kind == 'object' else 'has no single type of values')
    is_plain = is_plain and not schema.keys() - {*ANNOTATIONS, 'minimum', 'maximum'} and kind in ('number', 'integer')
    bounds = (schema.get('minimum'), schema.get('maximum')) if is_plain else None
    datatype = OF_NUMPY.get(str(dtype))
    # A booster takes the codes of categories, which are integers, as float32.
    datatype = datatype if datatype in TAKEN[kind] else DATATYPES[kind]
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
    """Return the only type of a value, None if there is none, and whether the value may be null."""
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
