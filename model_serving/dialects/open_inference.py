"""The Open Inference Protocol V2, as Triton, KServe and MLServer speak it: tensors, with the batch first.

https://github.com/kserve/open-inference-protocol and, for binary data, Triton's extension of it.
"""

from functools import partial

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip, did_you_mean
from . import tensor_data
from .call import Call, property_and_rest
from .tensor_inputs import check_input, ends_of, input_of, valid_input
from .tensor_results import content_type, output

EXTENSIONS = ['binary_tensor_data']
# MLServer's codecs for a request whose only input may have any name.
WHOLE_REQUEST_CODECS = ('np', 'str', 'base64')
# Parameters of Triton's clients that change an output. To ignore them would give a wrong answer.
NOT_SUPPORTED = ('classification', 'shared_memory_region')


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    return {'error': message}


def metadata(name: str, versions: list, platform: str, signature) -> dict:
    """Return the description of a model. A model without tensors has no inputs, and `no_tensors` says why."""
    inputs, outputs = signature.tensors
    described = {
        'name': name,
        'versions': [str(version) for version in versions],
        'platform': platform,
        'inputs': [tensor.metadata for tensor in inputs.values()],
        'outputs': [{**tensor.metadata, **content_type(tensor)} for tensor in outputs.values()],
    }
    return described | ({'parameters': {'no_tensors': signature.problem}} if signature.problem else {})


def example(instance: dict, signature) -> dict:
    """Return a request with one instance."""
    tensors = [(tensor, instance[name]) for name, tensor in signature.inputs.items() if name in instance]
    return {
        'inputs': [
            {'name': tensor.name, 'shape': _shape([value]), 'datatype': tensor.datatype, 'data': [value]}
            | content_type(tensor)
            for tensor, value in tensors
        ]
    }


def read(envelope, tail, signature, model: dict) -> Call:
    """Return the call of a request.

    `tail` are the bytes behind the JSON, which hold the binary tensors; `model` has what the response says of the
    model. Raises InvalidInstance, which names the input, and what was expected.
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get('inputs'), list) or not envelope['inputs']:
        raise InvalidInstance('inputs', 'must be a list with a tensor for each input of the model')
    heads = [valid_input(one, f'inputs[{position}]') for position, one in enumerate(envelope['inputs'])]
    is_table = _is_table(heads, signature)
    inputs = _inputs(heads, [_table(signature)] if is_table else _tensors(heads, envelope, signature), tail)
    counts = {one.shape[0] for one in inputs}
    if len(counts) > 1:
        raise InvalidInstance('inputs', f'have different numbers of rows, the first of each shape: {sorted(counts)}')
    write = partial(_response, signature=signature, model=model, wanted=_wanted(envelope, signature))
    as_list = not (signature.takes_arrays and all(hasattr(one.data, 'dtype') for one in inputs))
    for one in [] if as_list else inputs:
        tensor_data.check_bounds(one.data, one.tensor.bounds, f'inputs[{one.position}].data')
    instance, place = _of_table(*inputs, signature.names) if is_table else _of_inputs(inputs, as_list)
    return Call(counts.pop(), instance, place, write, not as_list)


def _inputs(heads, tensors, tail):
    """Return the inputs of a request, with their data."""
    sizes = [head['parameters'].get('binary_data_size') for head in heads]
    inputs, ends = [], ends_of(sizes, len(tail))
    for position, (head, tensor, size, end) in enumerate(zip(heads, tensors, sizes, ends, strict=True)):
        check_input(head, tensor, f'inputs[{position}]')
        inputs.append(input_of(head, tensor, position, None if size is None else tail[end - size : end]))
    return inputs


def _of_table(one, names):
    """Return the functions `instance` and `place` of a call whose only input has a column for each property."""

    def instance(row):
        return dict(zip(names, one.value(row), strict=True))

    def place(row, path):
        name, _ = property_and_rest(path, names)
        return one.place(row, f'[{names.index(name)}]') if name else f'inputs: row {row}'

    return instance, place


def _of_inputs(inputs, as_list):
    """Return the functions `instance` and `place` of a call with an input for each property."""
    named = {one.tensor.name: one for one in inputs}

    def instance(row):
        return {name: one.value(row, as_list) for name, one in named.items()}

    def place(row, path):
        name, rest = property_and_rest(path, named)
        return named[name].place(row, rest) if name else f'inputs: row {row}'

    return instance, place


def _is_table(heads, signature):
    """Tell whether the only input has a column for each property, as clients of scikit-learn's models send it."""
    if not signature.is_table or len(heads) != 1 or len(heads[0]['shape']) != 2:
        return False
    return heads[0]['name'] not in signature.inputs or heads[0]['shape'][1] != 1


def _table(signature):
    """Return the tensor of a table."""
    first, *others = signature.inputs.values()
    nullable = any(one.nullable for one in (first, *others))
    return first._replace(name='the only input', kind='number', shape=(1 + len(others),), nullable=nullable)


def _tensors(heads, envelope, signature):
    """Return the tensor of the model for each input; raises InvalidInstance if the names are not the model's."""
    parameters = envelope.get('parameters')
    codec = parameters.get('content_type') if isinstance(parameters, dict) else None
    if codec in WHOLE_REQUEST_CODECS and len(heads) == 1 and signature.only is not None:
        return list(signature.inputs.values())
    names = [head['name'] for head in heads]
    for position, name in enumerate(names):
        if name not in signature.inputs:
            reason = f'{clip(name, 60)!r} is not an input of the model.{did_you_mean(name, signature.inputs)}'
            there_are = clip(', '.join(signature.inputs))
            raise InvalidInstance(f'inputs[{position}].name', f'{reason} There are: {there_are}')
        if name in names[:position]:
            raise InvalidInstance(f'inputs[{position}].name', f'{name!r} appears twice')
    missing = [name for name, tensor in signature.inputs.items() if tensor.required and name not in names]
    if missing:
        raise InvalidInstance('inputs', f'lack {clip(", ".join(missing))}')
    return [signature.inputs[name] for name in names]


def _wanted(envelope, signature):
    """Return `(tensor, is_binary)` for each output of the response."""
    parameters = envelope.get('parameters')
    is_binary = isinstance(parameters, dict) and parameters.get('binary_data_output') is True
    asked = envelope.get('outputs')
    if asked is None or asked == []:
        return [(tensor, is_binary) for tensor in signature.outputs.values()]
    if not isinstance(asked, list):
        raise InvalidInstance('outputs', 'must be a list of objects with a name')
    wanted = []
    for position, one in enumerate(asked):
        place, name = f'outputs[{position}]', one.get('name') if isinstance(one, dict) else None
        if not isinstance(name, str) or name not in signature.outputs:
            known = clip(', '.join(signature.outputs))
            reason = f'{clip(repr(name), 60)} is not an output of the model. There are: {known}'
            raise InvalidInstance(f'{place}.name', reason)
        # Clients that are made from the protocol's types write null for what is not there.
        own = {} if one.get('parameters') is None else one['parameters']
        if not isinstance(own, dict):
            raise InvalidInstance(f'{place}.parameters', 'must be an object')
        if any(tensor.name == name for tensor, _ in wanted):
            raise InvalidInstance(f'{place}.name', f'{name!r} appears twice')
        if refused := [parameter for parameter in NOT_SUPPORTED if parameter in own]:
            raise InvalidInstance(f'{place}.parameters', f'{refused[0]} is not supported')
        wanted.append((signature.outputs[name], own.get('binary_data', is_binary) is True))
    return wanted


def _response(results, signature, model, wanted):
    outputs = [output(tensor, results, signature.is_single, is_binary) for tensor, is_binary in wanted]
    return {**model, 'outputs': [head for head, _ in outputs]}, b''.join(encoded for _, encoded in outputs)


def _shape(value):
    return [len(value), *_shape(value[0])] if isinstance(value, list) and value else []
