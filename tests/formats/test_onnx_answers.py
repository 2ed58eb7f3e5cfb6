"""ONNX files that are easily answered wrongly: batches that mix, odd dimensions, other names, large inputs."""

import json
import os
import signal

import numpy as np
import pytest

from tests.conftest import wait_until
from tests.formats.answers import assert_close, banner, both_ways, concurrently, predict, problem, refused
from tests.formats.files import write_onnx

GRAPHS = {
    'Quantised': """(float[n, 2] x) => (float[n, 2] y) {
        q, s, z = DynamicQuantizeLinear(x)
        y = DequantizeLinear(q, s, z)
    }""",
    # In a subgraph.
    'QuantisedInside': """(float[n, 2] x, bool yes) => (float[n, 2] y) {
        y = If (yes) <
            then_branch = quantised () => (float[n, 2] a) {
                q, s, z = DynamicQuantizeLinear(x)
                a = DequantizeLinear(q, s, z)
            },
            else_branch = whole () => (float[n, 2] b) { b = Identity(x) }
        >
    }""",
    'Centred': '(float[n, 2] x) => (float[n, 2] y) { mean = ReduceMean<axes = [0], keepdims = 1>(x) y = Sub(x, mean) }',
    # A picture, divided by its brightest point; of a batch, by that of all.
    'Bright': """(uint8[n, 4] x) => (float[n, 4] y) {
        whole = Cast<to = 1>(x)
        most = ReduceMax<keepdims = 0>(whole)
        y = Div(whole, most)
    }""",
    'Yes': """(bool[n, 2] x) => (float[n, 2] y) {
        whole = Cast<to = 1>(x)
        mean = ReduceMean<axes = [0], keepdims = 1>(whole)
        y = Sub(whole, mean)
    }""",
    # As many as are found, of one picture.
    'Found': """(float[1, 4] x) => (float[found] y) {
        flat = Reshape(x, all)
        is_found = Greater(flat, zero)
        y = Compress(flat, is_found)
    }""",
    'Free': '(float[n, length] x) => (float[n, length] y) { y = Identity(x) }',
    'One': '(float[n, 1] x) => (float[n, 1] y) { y = Identity(x) }',
    'Pair': '(float[n, length] a, float[n, length] b) => (float[n, length] y) { y = Add(a, b) }',
    'Unknown': '(float[unk__1, unk__2] a, float[unk__1, unk__2] b) => (float[unk__9, unk__2] y) { y = Mul(a, b) }',
    'Paddle': '(float[p2o_DynamicDimension_0, 2] x) => (float[p2o_DynamicDimension_1, 2] y) { y = Mul(x, x) }',
    'Table': '(int64[n] row) => (float[n, 2] y) { y = Gather(table, row) }',
    'Recurrent': """(float[steps, 2] x, float[1, 2] state) => (float[steps, 2] y, float[1, 2] last) {
        y = Add(x, state)
        last = ReduceSum<keepdims = 1>(y, first)
    }""",
    'LongEnough': '(float[n, 1, length] x) => (float[n, 1, shorter] y) { y = Conv<kernel_shape = [20]>(x, kernel) }',
    'Picture': """(float[n, 3, 224, 224] image) => (float[n] mean) {
        mean = ReduceMean<axes = [1, 2, 3], keepdims = 0>(image)
    }""",
    'Scores': '(float[n, 2] serving_default_x) => (float[n, 3] y) { y = MatMul(serving_default_x, weights) }',
    'Several': '(float[n] x) => (float[n] PartitionedCall, float[n] y) { PartitionedCall = Neg(x) y = Abs(x) }',
    'Numbers': """(float[n, 2] x) => (int64[n] label, float[n, 2] scores) {
        label, scores = ai.onnx.ml.LinearClassifier<
            classlabels_ints = [0, 1], intercepts = [0.0, 0.0],
            coefficients = [1.0, 0.0, 0.0, 1.0], post_transform = "SOFTMAX"
        >(x)
    }""",
}
GRAPHS['NamedNumbers'] = GRAPHS['Numbers']
CONSTANTS = {
    'Found': {'all': np.array([-1]), 'zero': np.float32(0)},
    'Table': {'table': np.arange(8, dtype=np.float32).reshape(4, 2)},
    'Recurrent': {'first': np.array([0])},
    'LongEnough': {'kernel': np.ones((1, 1, 20), np.float32)},
    'Scores': {'weights': np.array([[1, 0, -1], [0, 1, -1]], np.float32)},
}
METADATA = {'NamedNumbers': {'classes': 'small, large'}}
LINES = {
    'Free': 'schema = conf/free.schema.json',
    'Recurrent': 'batch = no',
    'Scores': 'classes = cat, a dog, 鸟\n[inputs]\nx = serving_default_x',
    'Several': '[outputs]\nminus = PartitionedCall',
    'Numbers': 'classes = yes, no',
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('odd onnx files')
    for name, graph in GRAPHS.items():
        path = write_onnx(folder / f'{name}.onnx', graph, CONSTANTS.get(name), METADATA.get(name))
        # ONNX's text form has no names with dots.
        path.write_bytes(path.read_bytes().replace(b'p2o_DynamicDimension_', b'p2o.DynamicDimension.'))
    return folder


@pytest.fixture(scope='module')
def service(serve, folder):
    models = {name: f'file = {folder}/{name}.onnx\n{LINES.get(name, "")}' for name in GRAPHS}
    second = f'[model]\nname = One\nversion = 2\nfile = {folder}/Free.onnx\nmax_body = 64\n'
    return serve(models, {'conf/second.conf': second, 'conf/free.schema.json': '\ufeff{"title": "A net"}'})


@pytest.mark.parametrize('name, more', [('Quantised', {}), ('QuantisedInside', {'yes': True}), ('Centred', {})])
def test_a_batch_never_changes_an_answer(service, name, more):
    instances = [{'x': [0.1 * 10 ** (n % 4), 0.2], **more} for n in range(64)]
    alone = [predict(service, name, instance) for instance in instances[:4]]
    assert concurrently(service, name, instances) == alone * 16
    if name == 'Quantised':
        # As onnxruntime computes it for one row; in a batch with 100 it would be [0.0, 0.39].
        assert_close(alone[0], [0.10039216, 0.2])


@pytest.mark.parametrize('name, values', [('Bright', [1, 2, 255, 0]), ('Yes', [True, False, False, True])])
def test_a_batch_of_whole_numbers_or_booleans_changes_no_answer(service, name, values):
    instances = [{'x': [value] * (len(values) // (1 + (name == 'Yes')))} for value in values if value or name == 'Yes']
    alone = [predict(service, name, instance) for instance in instances]
    assert concurrently(service, name, instances * 16) == alone * 16
    assert 'one by one' in banner(service, name)


@pytest.mark.parametrize('found', [[], [5], [5, 6]])
def test_a_length_that_depends_on_the_data_is_always_an_array(service, found):
    assert predict(service, 'Found', {'x': [*found, *[-1] * (4 - len(found))]}) == found


def test_the_banner_says_what_is_predicted_one_by_one(service):
    assert 'one by one, since a batch would change its results' in banner(service, 'Centred')
    assert 'one by one' not in banner(service, 'Free')


@pytest.mark.parametrize('length', [1, 2, 7])
def test_an_array_of_one_element_stays_an_array_where_its_length_is_free(service, length):
    assert predict(service, 'Free', {'x': [5] * length}) == [5] * length
    assert predict(service, 'One', {'x': 5}) == 5
    answer = service.get('/openapi.json').json()['components']['schemas']['v1.Free.answer']
    assert answer['properties']['result']['type'] == 'array'


@pytest.mark.parametrize(
    'name, instance, message',
    [
        ('Pair', {'a': [1, 2], 'b': [1, 2, 3]}, 'b: its length is 3, but that of a is 2'),
        ('Unknown', {'a': [1, 2], 'b': [1, 2, 3]}, 'the network does not accept it; a has the shape [1, 2], b has'),
        ('Table', {'row': 4}, 'row: the network does not accept it; row has the shape [1]: '),
        ('LongEnough', {'x': [[1] * 19]}, 'x: the network does not accept it; x has the shape [1, 1, 19]: '),
        ('Scores', {'x': [1, 1e39]}, 'x[1]: is too large for float32'),
    ],
)
def test_a_mistake_of_the_client_is_a_400_that_names_the_input(service, name, instance, message):
    assert message in refused(service, name, instance)


def test_a_mistake_in_a_batch_is_refused_alone(service, threads):
    instances = [{'row': n % 5} for n in range(60)]
    answers = list(threads.map(lambda instance: service.post('/v1/Table', json=instance), instances))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 400] * 12
    assert [answer.json()['result'] for answer in answers[:4]] == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize('name', ['Unknown', 'Paddle'])
def test_names_of_dimensions_that_a_converter_made_up_mean_nothing(service, name):
    inputs = {'Unknown': ['a', 'b'], 'Paddle': ['x']}[name]
    instances = [{key: [n, n + 1] for key in inputs} for n in range(40)]
    assert both_ways(service, name, instances) == [[n * n, (n + 1) ** 2] for n in range(40)]


def test_a_file_without_a_batch_takes_its_inputs_whole(service):
    results = both_ways(service, 'Recurrent', [{'x': [[n, 1]] * 3, 'state': [[1, 2]]} for n in range(20)])
    assert results == [{'y': [[n + 1, 3]] * 3, 'last': [[3 * n + 3, 9]]} for n in range(20)]


def test_a_network_that_needs_a_minimum_length_gets_an_example(service):
    examples = service.get('/openapi.json').json()['components']['schemas']
    assert '[[0, 0, 0' in json.dumps(examples)
    assert 'no example could be made' not in service.log


def test_a_picture_is_not_too_large(service):
    picture = np.random.default_rng(0).random((3, 224, 224))
    assert len(json.dumps(picture.tolist())) > 2**21
    assert_close(predict(service, 'Picture', {'image': picture.tolist()}), picture.astype(np.float32).mean())
    too_large = service.post('/v1/Picture', data=b' ' * 2**22, headers={'Content-Type': 'application/json'})
    assert too_large.status_code == 413
    assert 'max_body' in too_large.json()['message']


def test_inputs_outputs_and_classes_get_names(service):
    result = predict(service, 'Scores', {'x': [1, 4]})
    assert result == {'label': 'a dog', 'scores': {'cat': 1, 'a dog': 4, '鸟': -5}}
    assert predict(service, 'Several', {'x': 3}) == {'minus': -3, 'y': 3}
    assert predict(service, 'Numbers', {'x': [0, 9]})['label'] == 'no'
    assert list(predict(service, 'Numbers', {'x': [0, 9]})['probabilities']) == ['yes', 'no']
    # By the metadata of the file.
    result = predict(service, 'NamedNumbers', {'x': [0, 9]})
    assert (result['label'], list(result['probabilities'])) == ('large', ['small', 'large'])


@pytest.mark.parametrize(
    'name, settings, message',
    [
        ('Several', {'inputs': {'a': 'b'}}, '[inputs] a = b: the file has no such name. There are: x.'),
        ('Several', {'outputs': {'a': 'z'}}, 'There are: PartitionedCall, y.'),
        ('One', {'outputs': {'a': 'y'}}, 'the file has no such name. The file has one, and it has no name.'),
        ('Numbers', {'classes': ['a', 'b', 'c']}, 'classes = …: the file has 2 classes, not 3.'),
        ('One', {'classes': ['a', 'b']}, 'classes = …: the file has no classes'),
        ('Several', {'outputs': {'y': 'PartitionedCall'}}, 'two would have the same name'),
    ],
)
def test_names_that_do_not_fit_the_file_end_the_start(folder, name, settings, message):
    assert message in problem(folder / f'{name}.onnx', **settings)


def test_metadata_that_does_not_fit_the_file_ends_the_start(tmp_path):
    for key, names, message in (
        ('feature_names', '["a", "a"]', 'its metadata names two features alike'),
        ('classes', 'a, b, c', 'its metadata classes: the file has 2 classes, not 3.'),
    ):
        path = write_onnx(tmp_path / 'net.onnx', GRAPHS['Numbers'], metadata={key: names})
        assert message in problem(path)


def test_two_versions_of_a_name_are_two_files_with_settings_of_their_own(service):
    assert predict(service, 'One', {'x': 5}) == 5
    answer = service.post('/v2/One', json={'x': [5, 6]})
    assert answer.json() == {'result': [5, 6]}
    assert service.post('/v2/One', json={'x': [5] * 64}).status_code == 413


def test_a_file_that_is_replaced_under_a_running_service_is_told(serve, folder, tmp_path):
    path = write_onnx(tmp_path / 'net.onnx', GRAPHS['One'])
    service = serve({'Net': f'file = {path}'})
    assert 'warnings' not in service.get('/health/ready').json()
    write_onnx(tmp_path / 'new.onnx', GRAPHS['One']).replace(path)
    told = 'has changed since the service was started'
    assert told in service.get('/health/ready').json()['warnings']['/v1/Net']
    assert told not in service.log
    os.kill(service.worker_pids[0], signal.SIGKILL)
    wait_until(lambda: told in service.log)


def test_a_byte_order_mark_in_a_schema_file_is_no_obstacle(service):
    assert 'A net' in service.get('/openapi.json').text
