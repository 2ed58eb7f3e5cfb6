"""What the real clients sent, recorded by record.py, is answered as the native URLs do; needs none of the clients."""

import json
import re

import numpy as np
import pytest

from tests.clients.record import DECODERS, RECORDED
from tests.clients.running import assert_same

PATHS = sorted(RECORDED.glob('*.http'))
DTYPES = {'FP32': '<f4', 'FP64': '<f8', 'INT64': '<i8'}


def decoded(answer):
    """Return the JSON of an answer, and its outputs."""
    coding, length = (answer.headers.get(name) for name in ('content-encoding', 'inference-header-content-length'))
    body = DECODERS[coding.encode()](answer.body) if coding else answer.body
    tail = body[int(length) :] if length else b''
    envelope, outputs = json.loads(body[: int(length)] if length else body), {}
    for output in envelope['outputs']:
        size = output.get('parameters', {}).get('binary_data_size', 0)
        data = output['data'] if 'data' in output else elements(tail[:size], output['datatype'])
        outputs[output['name']] = np.array(data).reshape(output['shape']).tolist()
        tail = tail[size:]
    assert tail == b''
    return envelope, outputs


def elements(data, datatype) -> list:
    if datatype != 'BYTES':
        return np.frombuffer(data, DTYPES[datatype]).tolist()
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], 'little')
        found.append(data[4:end].decode())
        data = data[end:]
    return found


@pytest.mark.parametrize('path', PATHS, ids=[path.stem for path in PATHS])
def test_a_recorded_request(service, expected, connect, path):
    answer = connect(service).call(path.read_bytes())
    assert answer.status == 200, answer.body
    envelope, outputs = decoded(answer)
    model = re.match(rb'POST /v2/models/(\w+)/infer ', path.read_bytes())[1].decode()
    assert (envelope['id'], envelope['model_name']) == (path.stem, model)
    assert_same(outputs, expected[model])


@pytest.mark.parametrize(
    'name, coding, type_',
    [
        ('http-digits-binary-binary-plain', None, 'application/octet-stream'),
        ('http-digits-binary-binary-gzip', 'gzip', 'application/octet-stream'),
        ('http-digits-json-json-deflate', 'deflate', 'application/json'),
        ('http-wine_columns-binary-json-plain', None, 'application/json'),
        ('kserve-wines-json-json', 'gzip', 'application/json'),
        # It is too short to be compressed.
        ('aio-names-json-json-gzip', None, 'application/json'),
    ],
)
def test_an_answer_is_compressed_and_binary_as_the_client_wants_it(service, connect, name, coding, type_):
    answer = connect(service).call((RECORDED / f'{name}.http').read_bytes())
    assert answer.headers.get('content-encoding') == coding
    assert answer.headers['content-type'] == type_
    assert ('inference-header-content-length' in answer.headers) == (type_ == 'application/octet-stream')


@pytest.mark.parametrize('parameters', [{'classification': 3}, {'shared_memory_region': 'a'}])
def test_what_an_output_cannot_be_is_refused(service, parameters):
    tensor = {'name': 'name', 'shape': [1], 'datatype': 'BYTES', 'data': ['Leo']}
    outputs = [{'name': 'result', 'parameters': parameters}]
    answer = service.post('/v2/models/XXXModel/infer', json={'inputs': [tensor], 'outputs': outputs})
    assert answer.status_code == 400
    assert answer.json() == {'error': f'outputs[0].parameters: {next(iter(parameters))} is not supported'}
