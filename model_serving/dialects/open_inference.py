"""The Open Inference Protocol V2, as Triton, KServe and MLServer speak it: tensors, with the batch first.

https://github.com/kserve/open-inference-protocol and, for binary data, Triton's extension of it.
"""

from functools import partial

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip, did_you_mean
from . import tensor_data
from .call import Call, split
from .tensor_inputs import check_head, ends_of, input_of, valid_head
from .tensor_results import output

EXTENSIONS = ['binary_tensor_data']
# What MLServer's request codecs say of a request whose only input is the whole payload, whatever its name.
UNNAMED = ('np', 'str', 'base64')
# What Triton's clients may ask of an output; without it they would take the answer for something else.
NOT_SUPPORTED = ('classification', 'shared_memory_region')


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    return {'error': message}


def metadata(name: str, versions: list, platform: str, signature) -> dict:
    """Return the description of a model. One whose instances are not tensors says why, and has no inputs."""
    tensors = signature if signature.problem is None else signature._replace(inputs={}, outputs={})
    described = {
        'name': name,
        'versions': [str(version) for version in versions],
        'platform': platform,
        'inputs': [tensor.metadata for tensor in tensors.inputs.values()],
        'outputs': [tensor.metadata for tensor in tensors.outputs.values()],
    }
    return described | ({'parameters': {'native_only': signature.problem}} if signature.problem else {})


def read(envelope, tail, signature, model: dict) -> Call:
    """Return the call of a request.

    `tail` are the bytes behind the JSON, which hold the binary tensors; `model` has what the response says of the
    model. Raises InvalidInstance, which names the input, and what was expected.
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get('inputs'), list) or not envelope['inputs']:
        raise InvalidInstance('inputs', 'must be a list with a tensor for each input of the model')
    heads = [valid_head(one, f'inputs[{position}]') for position, one in enumerate(envelope['inputs'])]
    sizes = [one['parameters'].get('binary_data_size') for one in heads]
    ends = ends_of(sizes, len(tail))
    is_table = signature.is_table and len(heads) == 1 and len(heads[0]['shape']) == 2
    is_table = is_table and not (heads[0]['name'] in signature.inputs and heads[0]['shape'][1] == 1)
    if is_table:
        tensors = [_table(signature)]
    elif _is_unnamed(envelope, signature):
        tensors = list(signature.inputs.values())
    else:
        tensors = _named_tensors(heads, signature)
    inputs = []
    for position, (head, tensor, size, end) in enumerate(zip(heads, tensors, sizes, ends, strict=True)):
        check_head(head, tensor, f'inputs[{position}]')
        binary = None if size is None else tail[end - size : end]
        inputs.append(input_of(head, tensor, position, binary))
    counts = {one.shape[0] for one in inputs}
    if len(counts) > 1:
        raise InvalidInstance('inputs', f'differ in their number of rows, the first of each shape: {sorted(counts)}')
    write = partial(_response, signature=signature, model=model, wanted=_wanted(envelope, signature))
    as_list = not (signature.takes_arrays and all(hasattr(one.data, 'dtype') for one in inputs))
    if not as_list:
        for one in inputs:
            tensor_data.check_bounds(one.data, one.tensor.bounds, f'inputs[{one.position}].data')
    instance, place = _rows(inputs, signature, is_table, as_list)
    return Call(inputs[0].shape[0], instance, place, write, not as_list)


def _rows(inputs, signature, is_table, as_list):
    """Return the functions `instance` and `place` of a call."""
    if is_table:
        (one,), names = inputs, signature.names

        def instance(row):
            return dict(zip(names, one.value(row), strict=True))

        def place(row, path):
            name, _ = split(path, names)
            return one.place(row, f'[{names.index(name)}]') if name else f'row {row}'

    else:
        named = {one.tensor.name: one for one in inputs}

        def instance(row):
            return {name: one.value(row, as_list) for name, one in named.items()}

        def place(row, path):
            name, rest = split(path, named)
            return named[name].place(row, rest) if name else f'row {row}'

    return instance, place


def _table(signature):
    """Return a tensor for all properties, which are plain numbers, together."""
    first, inputs = next(iter(signature.inputs.values())), signature.inputs.values()
    nullable = any(one.nullable for one in inputs)
    return first._replace(name='the only input', kind='number', shape=(len(inputs),), nullable=nullable)


def _is_unnamed(envelope, signature):
    parameters = envelope.get('parameters')
    is_whole = isinstance(parameters, dict) and parameters.get('content_type') in UNNAMED
    return is_whole and len(envelope['inputs']) == 1 and signature.only is not None


def _named_tensors(heads, signature):
    names = [head['name'] for head in heads]
    for position, name in enumerate(names):
        if name not in signature.inputs:
            hint = did_you_mean(name, signature.inputs)
            known = clip(', '.join(signature.inputs))
            raise InvalidInstance(
                f'inputs[{position}].name', f'{clip(name, 60)!r} is no input of the model.{hint} It has: {known}'
            )
        if name in names[:position]:
            raise InvalidInstance(f'inputs[{position}].name', f'{name!r} is there twice')
    missing = [name for name, tensor in signature.inputs.items() if tensor.required and name not in names]
    if missing:
        raise InvalidInstance('inputs', f'lack {clip(", ".join(missing))}')
    return [signature.inputs[name] for name in names]


def _wanted(envelope, signature):
    """Return `(tensor, is_binary)` for each output of the response."""
    parameters = envelope.get('parameters')
    is_binary = isinstance(parameters, dict) and parameters.get('binary_data_output') is True
    asked = envelope.get('outputs')
    if not asked:
        return [(tensor, is_binary) for tensor in signature.outputs.values()]
    wanted = []
    for position, one in enumerate(asked if isinstance(asked, list) else [asked]):
        name = one.get('name') if isinstance(one, dict) else None
        if name not in signature.outputs:
            known = ', '.join(signature.outputs)
            raise InvalidInstance(
                f'outputs[{position}].name', f'{clip(repr(name), 60)} is no output of the model. It has: {clip(known)}'
            )
        own = one.get('parameters') if isinstance(one.get('parameters'), dict) else {}
        for parameter in NOT_SUPPORTED:
            if parameter in own:
                raise InvalidInstance(f'outputs[{position}].parameters', f'{parameter} is not supported')
        wanted.append((signature.outputs[name], own.get('binary_data', is_binary) is True))
    return wanted


def _response(results, signature, model, wanted):
    outputs = [output(tensor, results, signature.is_single, is_binary) for tensor, is_binary in wanted]
    return {**model, 'outputs': [head for head, _ in outputs]}, b''.join(encoded for _, encoded in outputs)
