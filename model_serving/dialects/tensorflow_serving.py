"""TensorFlow Serving's REST API, also used by Vertex AI and KServe V1: rows or columns.

https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
from itertools import chain

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip
from .call import Call, check_columns, only_key, property_and_rest, require_rows

# TensorFlow's names of the datatypes that it names otherwise.
TENSORFLOW_DTYPES = {'BYTES': 'DT_STRING', 'FP16': 'DT_HALF', 'FP32': 'DT_FLOAT', 'FP64': 'DT_DOUBLE'}


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    return {'error': message}


def status_of(name: str, problems: dict) -> dict:
    """Return the states of versions of a model; `problems` says why a version cannot answer, None if it can.

    `name` and `ready` are what KServe says at the same URL, of the last of the versions.
    """
    versions = [
        {
            'version': str(version),
            'state': 'START' if problem else 'AVAILABLE',
            'status': {'error_code': 'UNAVAILABLE' if problem else 'OK', 'error_message': problem or ''},
        }
        for version, problem in problems.items()
    ]
    return {'model_version_status': versions, 'name': name, 'ready': not list(problems.values())[-1]}


def metadata(name: str, version: int, signature) -> dict:
    """Return the description of a model. A model without tensors has no inputs, and `no_tensors` says why."""
    inputs, outputs = signature.tensors
    definition = {
        'inputs': {key: _tensor_info(tensor) for key, tensor in inputs.items()},
        'outputs': {key: _tensor_info(tensor) for key, tensor in outputs.items()},
        'method_name': 'tensorflow/serving/predict',
    }
    described = {
        'model_spec': {'name': name, 'signature_name': '', 'version': str(version)},
        'metadata': {'signature_def': {'signature_def': {'serving_default': definition}}},
    }
    return described | ({'no_tensors': signature.problem} if signature.problem else {})


def read(envelope, signature) -> Call:
    """Return the call of a request with `instances`, in rows, or `inputs`, in columns; raises InvalidInstance."""
    if only_key(envelope, ('instances', 'inputs')) == 'instances':
        return read_rows(envelope['instances'], signature, 'instances')
    return read_columns(envelope['inputs'], signature, 'inputs')._replace(write=_outputs)


def predictions(results: list) -> tuple[dict, bytes]:
    """Return the response to rows, and no bytes behind it."""
    return {'predictions': results}, b''


def read_rows(rows, signature, place: str) -> Call:
    """Return the call for a list of rows.

    A row is an object, or the value of the only property, or the list of all properties if they are plain numbers. If
    the schema names no properties, a row is any value.
    """
    rows = require_rows(rows, place)

    def instance(row):
        return _instance(rows[row], signature, f'{place}[{row}]')

    def place_of(row, path):
        name, rest = property_and_rest(path, signature.names)
        if _is_object(rows[row], signature.names):
            return f'{place}[{row}].{path}' if path else f'{place}[{row}]'
        is_list = name and _is_list_of_all(rows[row], signature)
        return f'{place}[{row}]' + (f'[{signature.names.index(name)}]' if is_list else rest)

    return Call(len(rows), instance, place_of, predictions)


def read_columns(inputs, signature, place: str) -> Call:
    """Return the call for an object with a list of values for each property; of only one property, the list alone."""
    if isinstance(inputs, dict):
        columns, where = inputs, {name: f'{place}.{name}' for name in inputs}
    elif signature.is_table and not signature.only:
        return read_rows(inputs, signature, place)
    elif signature.only:
        columns, where = {signature.only: inputs}, {signature.only: place}
    else:
        raise InvalidInstance(place, f'must be an object with a list for each property: {clip(_listed(signature))}')
    check_columns(columns, place)
    counts = {name: len(require_rows(column, where[name])) for name, column in columns.items()}
    if len(set(counts.values())) != 1:
        raise InvalidInstance(place, f'must have lists of the same length, not {counts or "none"}')

    def instance(row):
        return {
            name: _value(column[row], signature.inputs.get(name), f'{where[name]}[{row}]')
            for name, column in columns.items()
        }

    def place_of(row, path):
        name, rest = property_and_rest(path, columns)
        return f'{where[name]}[{row}]{rest}' if name else place

    return Call(next(iter(counts.values())), instance, place_of, predictions)


def _instance(row, signature, place):
    if isinstance(row, dict):
        check_columns(row, place)
    if not signature.names:
        return row
    if _is_object(row, signature.names):
        # Most rows hold values that need no conversion.
        if not signature.texts and list not in map(type, row.values()):
            return row
        return {name: _value(value, signature.inputs.get(name), f'{place}.{name}') for name, value in row.items()}
    if _is_list_of_all(row, signature):
        return dict(zip(signature.names, row, strict=True))
    if signature.only:
        return {signature.only: _value(row, signature.inputs.get(signature.only), place)}
    has = f', not {len(row)}' if isinstance(row, list) else ''
    or_list = f', or a list of {len(signature.names)} numbers{has}' if signature.is_table else ''
    raise InvalidInstance(place, f'must be an object with {clip(_listed(signature))}{or_list}')


def _is_object(row, names):
    return isinstance(row, dict) and (row.keys() != {'b64'} or 'b64' in names)


def _is_list_of_all(row, signature):
    return signature.is_table and isinstance(row, list) and len(row) == len(signature.names)


def _listed(signature):
    return ', '.join(signature.names)


def _value(value, tensor, place):
    """Return a value as the instance has it: texts may be sent as `{"b64": …}`, plain values as a list of one."""
    if tensor is None:
        return value
    if isinstance(value, list):
        if not tensor.shape and len(value) == 1:
            return _value(value[0], tensor, f'{place}[0]')
        if tensor.datatype != 'BYTES' or not _has_objects(value):
            return value
        return [_value(each, tensor._replace(shape=(None,)), f'{place}[{n}]') for n, each in enumerate(value)]
    if tensor.datatype != 'BYTES' or not isinstance(value, dict) or value.keys() != {'b64'}:
        return value
    text = value['b64']
    if tensor.kind == 'base64' or not isinstance(text, str):
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as failure:
        raise InvalidInstance(f'{place}.b64', f'is not base64 of a text in UTF-8: {failure}') from None


def _has_objects(values):
    """Tell whether there is an object in nested lists; quickly, since nearly always there is none."""
    while values and dict not in map(type, values):
        values = list(chain.from_iterable(value for value in values if isinstance(value, list)))
    return bool(values)


def _outputs(results):
    first = results[0]
    if not isinstance(first, dict) or any(not isinstance(one, dict) or one.keys() != first.keys() for one in results):
        return {'outputs': results}, b''
    return {'outputs': {name: [one[name] for one in results] for name in first}}, b''


def _tensor_info(tensor):
    sizes = [{'size': str(length), 'name': ''} for length in tensor.metadata['shape']]
    dtype = TENSORFLOW_DTYPES.get(tensor.datatype, f'DT_{tensor.datatype}')
    return {'name': tensor.name, 'dtype': dtype, 'tensor_shape': {'dim': sizes, 'unknown_rank': False}}
