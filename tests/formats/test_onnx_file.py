"""ONNX files of strangers, served from a few lines of conf by the real service."""

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.formats.answers import concurrently, predict

FLOAT, DOUBLE, INT64, STRING, BOOL = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.STRING,
    TensorProto.BOOL,
)
WEIGHTS = np.array([[0.5], [-2.0]], dtype=np.float32)
KINDS = {'single': FLOAT, 'double': DOUBLE, 'whole': INT64, 'small': TensorProto.UINT8, 'yes': BOOL, 'text': STRING}
CLASSES = ['cat', 'dog', '鸟']
SCORES = {'coefficients': [1.0, 0.0, 0.0, 1.0, -1.0, -1.0], 'intercepts': [0.0, 0.1, 0.2], 'post_transform': 'SOFTMAX'}


def zip_map():
    value = helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, []))
    return helper.make_value_info('probabilities', helper.make_sequence_type_proto(value))


@pytest.fixture(scope='module')
def service(serve, write_onnx, tmp_path_factory):
    folder = tmp_path_factory.mktemp('onnx files')

    def write(name, *arguments, **options):
        return write_onnx(folder / f'{name}.onnx', *arguments, **options), ''

    linear = ('LinearClassifier', ['x'], ['label', 'scores'], {'classlabels_strings': CLASSES, **SCORES})
    one_hot = ('OneHotEncoder', ['colour'], ['x'], {'cats_strings': ['red', 'green'], 'zeros': 0})
    zipped = ('ZipMap', ['scores'], ['probabilities'], {'classlabels_strings': CLASSES})
    flat = ('Reshape', ['x', 'two'], ['flat'], {})
    text = ('LinearClassifier', ['flat'], ['label', 'scores'], {'classlabels_strings': CLASSES, **SCORES})
    return serve(
        {
            'TwoInputs': write(
                'two_inputs',
                [('MatMul', ['table', 'weights'], ['product'], {}), ('Add', ['product', 'offset'], ['price'], {})],
                {'table': (FLOAT, ['n', 2]), 'offset': (FLOAT, ['n', 1])},
                {'price': (FLOAT, ['n', 1]), 'product': (FLOAT, ['n', 1])},
                {'weights': WEIGHTS},
                external=True,
            ),
            'Colour': (
                write(
                    'colour',
                    [one_hot, flat, text, zipped],
                    {'colour': (STRING, [None, 1])},
                    {'label': (STRING, [None]), 'probabilities': zip_map()},
                    {'two': np.array([-1, 2])},
                )[0],
                'schema = conf/colour.schema.json',
            ),
            'Animal': write(
                'animal',
                [linear],
                {'x': (FLOAT, [None, 2])},
                {'label': (STRING, [None]), 'scores': (FLOAT, [None, 3])},
                metadata={'feature_names': '["weight (kg)", "legs"]'},
            ),
            'FixedBatch': write(
                'fixed_batch',
                [('Gather', ['table', 'index'], ['rows'], {}), ('Softmax', ['rows'], ['y'], {'axis': -1})],
                {'index': (INT64, [1, 2])},
                {'y': (FLOAT, [1, 2, 3])},
                {'table': np.arange(12, dtype=np.float32).reshape(4, 3)},
            ),
            'FourTogether': write(
                'four_together',
                [('ReduceMean', ['x'], ['mean'], {'axes': [0], 'keepdims': 0}), ('Neg', ['half'], ['minus'], {})],
                {'x': (FLOAT, [4, 2]), 'half': (TensorProto.FLOAT16, [])},
                {'mean': (FLOAT, [2]), 'minus': (TensorProto.FLOAT16, [])},
            ),
            'Dynamic': write(
                'dynamic',
                [('ReduceSum', ['x', 'axis'], ['sum'], {'keepdims': 0})],
                {'x': (FLOAT, ['n', 'length'])},
                {'sum': (FLOAT, ['n'])},
                {'axis': np.array([1])},
            ),
            'OverAll': write(
                'over_all',
                [('ReduceMean', ['x'], ['mean'], {'axes': [0], 'keepdims': 1})],
                {'x': (FLOAT, [None, 2])},
                {'mean': (FLOAT, [None, 2])},
            ),
            'Kinds': write(
                'kinds',
                [('Identity', [name], [f'{name}_out'], {}) for name in KINDS],
                {name: (kind, ['n', 1] if name == 'text' else ['n']) for name, kind in KINDS.items()},
                {f'{name}_out': (kind, ['n', 1] if name == 'text' else ['n']) for name, kind in KINDS.items()},
            ),
        },
        environment={'OMP_NUM_THREADS': '1'},
        start=False,
    )


@pytest.fixture(scope='module', autouse=True)
def running(service):
    schema = '{"title": "A colour", "properties": {"colour": {"enum": ["red", "green"], "type": null}}}'
    (service.folder / 'conf' / 'colour.schema.json').write_text(schema)
    service.start()
    yield
    service.stop()


def test_several_inputs_and_outputs_and_external_data(service):
    table = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    instances = [{'table': row.tolist(), 'offset': 10} for row in table]
    alone = [predict(service, 'TwoInputs', one) for one in instances]
    for results in (alone, concurrently(service, 'TwoInputs', instances)):
        assert [result['price'] for result in results] == pytest.approx((table @ WEIGHTS + 10)[:, 0].tolist(), rel=1e-6)
        assert [result['product'] for result in results] == pytest.approx((table @ WEIGHTS)[:, 0].tolist(), rel=1e-6)


def test_text_input_and_class_names_of_a_zip_map(service):
    result = predict(service, 'Colour', {'colour': 'green'})
    assert (result['label'], list(result['probabilities'])) == ('dog', CLASSES)
    assert sum(result['probabilities'].values()) == pytest.approx(1)


def test_the_patch_over_the_schema(service):
    answer = service.post('/v1/Colour', json={'colour': 'blue'})
    assert (answer.status_code, answer.json()['message']) == (400, "colour: 'blue' is not one of ['red', 'green']")


def test_feature_names_of_the_metadata_and_class_names_without_a_zip_map(service):
    instances = [{'weight (kg)': float(weight), 'legs': legs} for weight in range(-8, 8) for legs in (0, 2, 4)]
    expected = np.array([[one['weight (kg)'], one['legs'], -one['weight (kg)'] - one['legs']] for one in instances])
    expected = np.exp(expected + SCORES['intercepts'])
    expected /= expected.sum(axis=1, keepdims=True)
    results = concurrently(service, 'Animal', instances)
    assert [result['label'] for result in results] == [CLASSES[row.argmax()] for row in expected]
    assert [list(result['probabilities']) for result in results] == [CLASSES] * len(instances)
    probabilities = [list(result['probabilities'].values()) for result in results]
    assert np.array(probabilities) == pytest.approx(expected, abs=1e-6)


def test_a_fixed_batch_of_one(service):
    results = concurrently(service, 'FixedBatch', [{'index': [n % 4, 3]} for n in range(40)])
    softmax = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    assert np.array([result['y'] for result in results]) == pytest.approx(np.tile(softmax, (40, 2, 1)), abs=1e-6)


def test_a_fixed_batch_of_four_is_one_instance(service):
    results = concurrently(service, 'FourTogether', [{'x': [[n, 0], [n, 4]] * 2, 'half': n / 2} for n in range(40)])
    assert results == [{'mean': [n, 2], 'minus': -n / 2} for n in range(40)]
    answer = service.post('/v1/FourTogether', json={'x': [[1, 1]], 'half': 0})
    assert (answer.status_code, answer.json()['message']) == (400, 'x: [[1, 1]] is too short')
    answer = service.post('/v1/FourTogether', json={'x': [[1, 1]] * 4, 'half': 1e5})
    assert answer.json()['message'] == 'half: 100000.0 is greater than the maximum of 65504.0'


def test_arrays_of_any_length_in_one_batch(service):
    results = concurrently(service, 'Dynamic', [{'x': [1] * length} for length in range(1, 60)])
    assert [result['sum'] for result in results] == list(range(1, 60))
    ragged = service.post('/v1/Dynamic', json={'x': []})
    assert ragged.status_code == 400


def test_an_output_over_the_whole_batch_keeps_the_instances_apart(service):
    results = concurrently(service, 'OverAll', [{'x': [n, -n]} for n in range(40)])
    assert [result['mean'] for result in results] == [[n, -n] for n in range(40)]


def test_every_type_comes_back_as_it_went(service):
    numbers = {'single': 0.1, 'double': 0.1234567890123456, 'whole': 2**63 - 1, 'small': 255}
    instance = {**numbers, 'yes': True, 'text': '范叶亮'}
    assert predict(service, 'Kinds', instance) == {f'{name}_out': value for name, value in instance.items()}


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('single', 3.5e38, 'single: 3.5e+38 is greater than the maximum of 3.4028234663852886e+38'),
        ('single', '1', "single: '1' is not of type 'number'"),
        ('single', None, "single: None is not of type 'number'"),
        ('single', True, "single: True is not of type 'number'"),
        ('whole', 2**63, 'whole: 9223372036854775808 is greater than the maximum of 9223372036854775807'),
        ('whole', 1.5, "whole: 1.5 is not of type 'integer'"),
        ('small', 256, 'small: 256 is greater than the maximum of 255'),
        ('small', -1, 'small: -1 is less than the minimum of 0'),
        ('yes', 1, "yes: 1 is not of type 'boolean'"),
        ('text', 1, "text: 1 is not of type 'string'"),
    ],
)
def test_a_value_that_its_type_does_not_hold(service, name, value, message):
    instance = {'single': 0, 'double': 0, 'whole': 0, 'small': 0, 'yes': True, 'text': ''}
    answer = service.post('/v1/Kinds', json={**instance, name: value})
    assert (answer.status_code, answer.json()['message']) == (400, message)


@pytest.mark.parametrize('value', [2.0**63, -(2.0**63) - 4096, 1e30])
def test_a_float_at_the_edge_of_an_integer_is_no_500(service, value):
    instance = {'single': 0, 'double': 0, 'whole': value, 'small': 0, 'yes': True, 'text': ''}
    assert service.post('/v1/Kinds', json=instance).status_code == 400


def test_a_wrong_width_and_a_missing_feature(service):
    answer = service.post('/v1/TwoInputs', json={'table': [1, 2, 3], 'offset': 0})
    assert (answer.status_code, answer.json()['message']) == (400, 'table: [1, 2, 3] is too long')
    answer = service.post('/v1/Animal', json={'legs': 4})
    assert (answer.status_code, answer.json()['message']) == (400, "'weight (kg)' is a required property")


def test_the_banner_shows_file_size_place_and_time(service):
    line = next(line for line in service.log.splitlines() if '/v1/TwoInputs' in line)
    size = Path(re.search(r'(/.*two_inputs\.onnx)', line.partition('TwoInputs')[2])[1]).stat().st_size
    columns = rf'two_inputs\.onnx, {size / 1024:.1f} KiB +loaded once for all workers in \d+ ms$'
    assert re.search(columns, line), line
