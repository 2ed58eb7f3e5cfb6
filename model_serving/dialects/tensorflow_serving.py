"""TensorFlow Serving's REST API, which is also that of Vertex AI's containers and KServe's V1: rows, or columns.

https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
from functools import partial

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip
from .call import Call, only_key, rows_at, split

# TensorFlow's names of the datatypes.
DTYPES = {'BOOL': 'DT_BOOL', 'BYTES': 'DT_STRING', 'FP16': 'DT_HALF', 'FP32': 'DT_FLOAT', 'FP64': 'DT_DOUBLE'}


def error(message: str, status: int) -> dict:
    """Return the body of an error."""
    return {'error': message}


def status_of(name: str, version: int, problem: str | None) -> dict:
    """Return the state of a version of a model, with KServe's `name` and `ready`."""
    status = (
        {'error_code': 'UNAVAILABLE', 'error_message': problem}
        if problem
        else {'error_code': 'OK', 'error_message': ''}
    )
    state = {'version': str(version), 'state': 'START' if problem else 'AVAILABLE', 'status': status}
    return {'model_version_status': [state], 'name': name, 'ready': not problem}


def metadata(name: str, version: int, signature) -> dict:
    """Return the description of a model. One whose instances are not tensors says why, and has no inputs."""
    tensors = signature if signature.problem is None else signature._replace(inputs={}, outputs={})
    definition = {
        'inputs': {key: _tensor_info(tensor) for key, tensor in tensors.inputs.items()},
        'outputs': {key: _tensor_info(tensor) for key, tensor in tensors.outputs.items()},
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
        return read_rows(envelope['instances'], signature, 'instances', _predictions)
    return read_columns(envelope['inputs'], signature, 'inputs', _outputs)


def read_rows(items, signature, place, write) -> Call:
    """Return the call for a list of rows.

    A row is an object, or the value of the only property, or the list of all properties if they are plain numbers. Of a
    schema without properties, a row is whatever the schema says.
    """
    items, has_texts = rows_at(items, place), signature.has_texts

    def instance(row):
        return _instance(items[row], signature, has_texts, f'{place}[{row}]')

    def place_of(row, path):
        return f'{place}[{row}]{_inside(items[row], signature, path)}'

    return Call(len(items), instance, place_of, write)


def read_columns(inputs, signature, place, write) -> Call:
    """Return the call for an object with a list of values for each property; of only one property, the list alone."""
    if not isinstance(inputs, dict):
        if signature.is_table and len(signature.names) > 1:
            return read_rows(inputs, signature, place, write)
        if signature.only is None:
            raise InvalidInstance(
                place, f'must be an object with a list for each of {clip(", ".join(signature.names))}'
            )
        columns, place_of = {signature.only: inputs}, partial(_place_in_column, signature, place, True)
    else:
        columns, place_of = inputs, partial(_place_in_column, signature, place, False)
    counts = {name: len(rows_at(column, _column(place, inputs, name))) for name, column in columns.items()}
    if len(set(counts.values())) != 1:
        raise InvalidInstance(place, f'must have lists of the same length, not {counts or "none"}')

    def instance(row):
        return {
            name: _value(column[row], signature.inputs.get(name), f'{_column(place, inputs, name)}[{row}]')
            for name, column in columns.items()
        }

    return Call(next(iter(counts.values())), instance, place_of, write)


def _instance(item, signature, has_texts, place):
    if not signature.names or (isinstance(item, dict) and not has_texts):
        return item
    if isinstance(item, dict) and item.keys() != {'b64'}:
        return {name: _value(value, signature.inputs.get(name), f'{place}.{name}') for name, value in item.items()}
    if _is_row(item, signature):
        return dict(zip(signature.names, item, strict=True))
    if signature.only:
        return {signature.only: _value(item, signature.inputs.get(signature.only), place)}
    or_list = f', or a list of {len(signature.names)} numbers' if signature.is_table else ''
    raise InvalidInstance(place, f'must be an object with {clip(", ".join(signature.names))}{or_list}')


def _is_row(item, signature):
    return signature.is_table and isinstance(item, list) and len(item) == len(signature.names)


def _inside(item, signature, path):
    """Return where a place of an instance is inside of its row."""
    name, rest = split(path, signature.names)
    if isinstance(item, dict) and item.keys() != {'b64'}:
        return f'.{path}' if path else ''
    return f'[{signature.names.index(name)}]' if name and _is_row(item, signature) else rest


def _place_in_column(signature, place, is_bare, row, path):
    name, rest = split(path, signature.names)
    return (f'{place}[{row}]' if is_bare or not name else f'{place}.{name}[{row}]') + rest


def _column(place, inputs, name):
    return f'{place}.{name}' if isinstance(inputs, dict) else place


def _value(value, tensor, place):
    """Return a value with the texts that are sent as `{"b64": …}`."""
    if tensor is None or tensor.datatype != 'BYTES':
        return value
    if isinstance(value, list):
        return [_value(each, tensor, f'{place}[{index}]') for index, each in enumerate(value)]
    if not isinstance(value, dict) or value.keys() != {'b64'}:
        return value
    text = value['b64']
    if tensor.kind == 'base64' or not isinstance(text, str):
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as failure:
        raise InvalidInstance(f'{place}.b64', f'is not base64 of a text in UTF-8: {failure}') from None


def _predictions(results):
    return {'predictions': results}, b''


def _outputs(results):
    first = results[0]
    if not isinstance(first, dict) or any(one.keys() != first.keys() for one in results):
        return {'outputs': results}, b''
    return {'outputs': {name: [one[name] for one in results] for name in first}}, b''


def _tensor_info(tensor):
    sizes = [{'size': str(length), 'name': ''} for length in tensor.metadata['shape']]
    dtype = DTYPES.get(tensor.datatype, f'DT_{tensor.datatype}')
    return {'name': tensor.name, 'dtype': dtype, 'tensor_shape': {'dim': sizes, 'unknown_rank': False}}
