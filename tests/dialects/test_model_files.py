"""Model files by other protocols: their own names and types, and arrays that never become lists."""

import json

import numpy as np
import onnxruntime
import pytest

from model_serving.app import create_app
from model_serving.utils.conf_utils import Conf
from tests.dialects.test_open_inference import of_binary
from tests.formats.files import write_onnx

GRAPHS = {
    'Same': '(uint64[n] x) => (uint64[n] same) { same = Identity(x) }',
    'Wide': '(float[n, 2] x) => (float[n, 2] doubled) { doubled = Add(x, x) }',
    'Picture': '(float[n, 3, 4, 4] image) => (float[n, 3] means) '
    '{ means = ReduceMean<axes = [2, 3], keepdims = 0>(image) }',
    'Pair': '(int64[n, 2] ids, int64[n, 2] mask) => (int64[n, 2] both, int64[n, 2] sum) '
    '{ both = Mul(ids, mask)  sum = Add(ids, mask) }',
    'Plain': '(float[n, 1] size, int64[n, 1] rooms) => (float[n, 1] price) '
    '{ number = Cast<to = 1>(rooms)  price = Add(size, number) }',
    'Named': '(float[n, 2] x) => (int64[n] label, float[n, 2] probabilities) '
    '{ probabilities = Softmax(x)  label = ArgMax<axis = 1, keepdims = 0>(x) }',
}


@pytest.fixture(scope='module')
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp('files')
    for name, graph in GRAPHS.items():
        metadata = {'classes': json.dumps(['no', 'yes'])} if name == 'Named' else None
        write_onnx(folder / f'{name}.onnx', graph, metadata=metadata)
        (folder / f'{name}.conf').write_text(f'[model]\nname = {name}\nfile = {folder}/{name}.onnx\n')
    made = create_app([], Conf(folder, {})).test_client()
    made.folder = folder
    return made


def infer(client, name, arrays, datatypes, **more):
    """Send arrays as binary data, and return the JSON of the answer and the bytes behind it."""
    inputs = [
        {
            'name': key,
            'shape': list(array.shape),
            'datatype': datatype,
            'parameters': {'binary_data_size': array.nbytes},
        }
        for (key, array), datatype in zip(arrays.items(), datatypes, strict=True)
    ]
    envelope = json.dumps({'inputs': inputs, **more}).encode()
    body = envelope + b''.join(array.tobytes() for array in arrays.values())
    headers = {'Inference-Header-Content-Length': str(len(envelope))}
    return client.post(f'/v2/models/{name}/infer', data=body, headers=headers)


def test_integers_beyond_2_to_the_63(client):
    values = [2**63 + 1, 1, 2**64 - 1]
    head = {'name': 'x', 'shape': [3], 'datatype': 'UINT64', 'data': values}
    answer = client.post('/v2/models/Same/infer', json={'inputs': [head]})
    assert answer.json['outputs'] == [{'name': 'same', 'datatype': 'UINT64', 'shape': [3], 'data': values}]
    array = np.array(values, '<u8')
    answer = infer(client, 'Same', {'x': array}, ['UINT64'], parameters={'binary_data_output': True})
    answer.content = answer.data
    assert of_binary(answer)[1] == array.tobytes()


def test_the_only_output_has_the_files_own_name(client):
    (output,) = client.get('/v2/models/Wide').json['outputs']
    assert output == {'name': 'doubled', 'datatype': 'FP32', 'shape': [-1, 2]}
    asked = {'inputs': [{'name': 'x', 'shape': [1, 2], 'datatype': 'FP32', 'data': [1, 2]}]}
    answer = client.post('/v2/models/Wide/infer', json={**asked, 'outputs': [{'name': 'doubled'}]})
    assert answer.json['outputs'][0]['data'] == [2.0, 4.0]


def test_classes_that_the_metadata_names(client):
    head = {'name': 'x', 'shape': [2, 2], 'datatype': 'FP32', 'data': [[1, 2], [2, 1]]}
    answer = client.post('/v2/models/Named/infer', json={'inputs': [head]})
    label, probabilities = answer.json['outputs']
    assert (label['datatype'], label['data']) == ('BYTES', ['yes', 'no'])
    assert (probabilities['datatype'], probabilities['shape']) == ('FP32', [2, 2])


@pytest.mark.parametrize('count', [1, 3])
@pytest.mark.parametrize('datatype, dtype', [('FP32', '<f4'), ('FP64', '<f8'), ('FP16', '<f2'), ('INT16', '<i2')])
def test_a_picture_in_binary_is_what_the_session_gets(client, count, datatype, dtype):
    image = (np.random.default_rng(0).normal(size=(count, 3, 4, 4)) * 9).astype(dtype)
    session = onnxruntime.InferenceSession(client.folder / 'Picture.onnx')
    (expected,) = session.run(None, {'image': image.astype('f4')})
    answer = infer(client, 'Picture', {'image': image}, [datatype])
    np.testing.assert_allclose(answer.json['outputs'][0]['data'], expected.ravel(), rtol=1e-6)


def test_several_arrays_in_any_order(client):
    ids, mask = np.array([[1, 2], [3, 4]], '<i8'), np.array([[0, 1], [1, 0]], '<i4')
    answer = infer(client, 'Pair', {'mask': mask, 'ids': ids}, ['INT32', 'INT64'])
    found = {output['name']: output['data'] for output in answer.json['outputs']}
    assert found == {'both': [0, 2, 3, 0], 'sum': [1, 3, 4, 4]}


@pytest.mark.parametrize(
    'array, datatype, reason',
    [
        (np.full((1, 3, 4, 4), 1e300), 'FP64', 'inputs[0].data[0]: is too large for float32'),
        (np.full((1, 3, 4, 4), np.nan, '<f4'), 'FP32', 'inputs[0].data[0]: nan: NaN and Infinity are not accepted'),
    ],
)
def test_numbers_that_the_network_cannot_take(client, array, datatype, reason):
    answer = infer(client, 'Picture', {'image': array}, [datatype])
    assert (answer.status_code, answer.json) == (400, {'error': reason})


def test_a_plain_value_as_a_list_of_one(client):
    """As the file's own shape [n, 1] says, and as clients of TensorFlow Serving send it."""
    expected = {'predictions': [3.5, 5.5]}
    for rows in ([{'size': 1.5, 'rooms': 2}, {'size': 2.5, 'rooms': 3}], [{'size': [1.5], 'rooms': [2]}, [2.5, 3]]):
        assert client.post('/v1/models/Plain:predict', json={'instances': rows}).json == expected
    columns = {'size': [[1.5], [2.5]], 'rooms': [[2], [3]]}
    assert client.post('/v1/models/Plain:predict', json={'inputs': columns}).json == {'outputs': [3.5, 5.5]}
