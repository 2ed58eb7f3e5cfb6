"""What a model's JSON Schemas say in terms of tensors."""

from typing import NamedTuple

from .tensor import ANNOTATIONS, NoTensor, Tensor, may_be_text, output_of, tensor_of


class Signature(NamedTuple):
    """The inputs and outputs of a model, by name.

    `names`: all properties of an instance. Those that cannot be a tensor are missing from `inputs`; `problem` says why.
    `texts`: those whose values may be texts. `is_table`: all properties are plain numbers, so that a row may be a list
    of them in the schema's order. `is_single`: a result is the value of the only output, and not an object
    of several. `takes_arrays`: the model takes NumPy arrays in place of lists.
    """

    names: tuple
    inputs: dict
    outputs: dict
    texts: frozenset
    problem: str | None
    is_table: bool
    is_single: bool
    takes_arrays: bool

    @property
    def tensors(self) -> tuple[dict, dict]:
        """The inputs and outputs; none of them if one of them cannot be a tensor."""
        return ({}, {}) if self.problem else (self.inputs, self.outputs)

    @property
    def only(self) -> str | None:
        """The name of the only property, if there is one."""
        return self.names[0] if len(self.names) == 1 else None

    @property
    def vector(self) -> Tensor | None:
        """The only property, if it is a list of numbers: the columns of a table without names."""
        tensor = self.inputs.get(self.only)
        is_vector = tensor is not None and len(tensor.shape) == 1 and tensor.kind in ('number', 'integer')
        return tensor if is_vector else None


def signature_of(
    schema: dict, result_schema: dict | None, dtypes=({}, {}), takes_arrays=False, output_name='result'
) -> Signature:
    """Return the signature of a model.

    `dtypes` are the types of a file's inputs and outputs, by their NumPy names; `output_name` is that of the output if
    there is only one.
    """
    properties = schema.get('properties', {})
    inputs, problems = _inputs(properties, schema.get('required', []), dtypes[0])
    result = result_of(result_schema)
    try:
        outputs = _outputs(result, dtypes[1], output_name)
    except NoTensor as error:
        outputs = {}
        problems.append(f'its {error}' if result_schema else 'it has no result_schema')
    if not properties:
        problems.append('its schema names no properties')
    is_plain = not schema.keys() - {*ANNOTATIONS, 'properties', 'required', 'additionalProperties'}
    numbers = [one for one in inputs.values() if one.kind in ('number', 'integer') and not one.shape]
    are_arrays = all(one.shape and one.bounds for one in inputs.values())
    return Signature(
        names=tuple(properties),
        inputs=inputs,
        outputs=outputs,
        texts=frozenset(name for name, each in properties.items() if may_be_text(each)),
        problem=problems[0] if problems else None,
        is_table=bool(numbers) and len(numbers) == len(properties),
        is_single=not result.get('properties'),
        takes_arrays=takes_arrays and is_plain and are_arrays,
    )


def result_of(result_schema: dict | None) -> dict:
    """Return the schema of `result`, or of the whole answer if it has other properties."""
    properties = (result_schema or {}).get('properties', {})
    schema = properties['result'] if list(properties) == ['result'] else result_schema
    return schema if isinstance(schema, dict) else {}


def _inputs(properties, required, dtypes):
    """Return the tensor of each property that can be one, and why the others cannot."""
    inputs, problems = {}, []
    for name, each in properties.items():
        try:
            inputs[name] = tensor_of(name, each, name in required, dtypes.get(name))
        except NoTensor as error:
            problems.append(f'its input {name} {error}')
    return inputs, problems


def _outputs(schema, dtypes, only):
    properties = schema.get('properties')
    if not properties:
        return {only: _output(only, schema, dtypes.get('result'), 'result')}
    return {name: _output(name, each, dtypes.get(name), f'output {name}') for name, each in properties.items()}


def _output(name, schema, dtype, what):
    try:
        return output_of(name, schema, dtype)
    except NoTensor as error:
        raise NoTensor(f'{what} {error}') from None
