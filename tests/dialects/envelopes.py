"""Requests in each protocol for a list of instances, and the results in its answers, as a client writes and reads them.

A client knows nothing of the model but its metadata, so this is no copy of the service's own code.
"""

import csv
import io
import itertools
import math
from typing import NamedTuple

KINDS = {'FP16': float, 'FP32': float, 'FP64': float, 'BOOL': bool, 'BYTES': str}


class Protocol(NamedTuple):
    """`body(instances, metadata)` returns the options of a request, `results(answer, native)` a list of results.

    `native` are the results of the model's own URL; those of tensors are compared flat.
    """

    url: str
    body: callable
    results: callable
    only_tensors: bool = False
    only_plain: bool = False


def tensors(instances, metadata, is_nested=False):
    inputs = []
    for tensor in metadata['inputs']:
        values = [instance[tensor['name']] for instance in instances if tensor['name'] in instance]
        if len(values) == len(instances):
            parameters = {'content_type': 'base64'}
            data = values if is_nested else flat(values)
            inputs.append({**tensor, 'shape': shape_of(values), 'data': data, 'parameters': parameters})
    return {'json': {'inputs': inputs}}


def shape_of(value):
    return [len(value), *shape_of(value[0])] if isinstance(value, list) else []


def flat(value):
    """Return all values in lists and objects, in order."""
    if isinstance(value, dict):
        return flat(list(value.values()))
    return list(itertools.chain.from_iterable(map(flat, value))) if isinstance(value, list) else [value]


def of_tensors(answer, native):
    """Return the results with all of their values in order, as `flat` has them."""
    count, outputs = len(native), answer['outputs']
    rows = []
    for row in range(count):
        values = []
        for output in outputs:
            size = math.prod(output['shape'][1:])
            assert output['shape'][0] == count
            assert len(output['data']) == count * size
            values += output['data'][row * size : (row + 1) * size]
        rows.append(values)
    return rows


def columns(instances, metadata):
    return {name: [instance[name] for instance in instances] for name in instances[0]}


def from_columns(answer, native):
    outputs = answer['outputs']
    if isinstance(native[0], dict) and isinstance(outputs, dict):
        return [dict(zip(outputs, values, strict=True)) for values in zip(*outputs.values(), strict=True)]
    return outputs


def split(instances, metadata):
    names = list(instances[0])
    return {'columns': names, 'data': [[instance[name] for name in names] for instance in instances]}


def as_csv(instances, metadata):
    file = io.StringIO()
    writer = csv.DictWriter(file, list(instances[0]))
    writer.writeheader()
    writer.writerows(instances)
    return {'data': file.getvalue().encode(), 'headers': {'Content-Type': 'text/csv'}}


def predictions(answer, native):
    return answer['predictions']


TF, MLFLOW = '/v1/models/{name}/versions/{version}:predict', '/v{version}/{name}/invocations'
OIP = '/v2/models/{name}/versions/{version}/infer'
PROTOCOLS = {
    'tensors': Protocol(OIP, tensors, of_tensors, only_tensors=True),
    'nested tensors': Protocol(OIP, lambda *given: tensors(*given, is_nested=True), of_tensors, only_tensors=True),
    'TensorFlow rows': Protocol(TF, lambda rows, _: {'json': {'instances': rows}}, predictions),
    'TensorFlow columns': Protocol(TF, lambda *given: {'json': {'inputs': columns(*given)}}, from_columns),
    'MLflow split': Protocol(MLFLOW, lambda *given: {'json': {'dataframe_split': split(*given)}}, predictions),
    'MLflow records': Protocol(MLFLOW, lambda rows, _: {'json': {'dataframe_records': rows}}, predictions),
    'MLflow instances': Protocol(MLFLOW, lambda rows, _: {'json': {'instances': rows}}, predictions),
    'MLflow inputs': Protocol(MLFLOW, lambda *given: {'json': {'inputs': columns(*given)}}, predictions),
    'MLflow CSV': Protocol(MLFLOW, as_csv, predictions, only_plain=True),
}
