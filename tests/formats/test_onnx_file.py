"""ONNX files of strangers, served from a few lines of conf by the real service."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_serving.formats import ModelFile
from model_serving.utils.cpu_utils import available_cores
from tests.conftest import BASE_FOLDER, proportional_memory
from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check
from tests.formats.answers import (
    assert_classes,
    assert_close,
    banner,
    both_ways,
    predict,
    refused,
    results_by_worker,
    settings_of,
)
from tests.formats.files import write_onnx

LABELS = '["cat", "dog", "鸟"]'
CLASSES = json.loads(LABELS)
INTERCEPTS = [0.0, 0.1, 0.2]
CLASSIFIER = (
    f'ai.onnx.ml.LinearClassifier<classlabels_strings = {LABELS}, intercepts = {INTERCEPTS}, '
    'coefficients = [1.0, 0.0, 0.0, 1.0, -1.0, -1.0], post_transform = "SOFTMAX">'
)
KINDS = {'single': 'float[n]', 'double': 'double[n]', 'whole': 'int64[n]', 'small': 'uint8[n]', 'yes': 'bool[n]'}
KINDS['text'] = 'string[n, 1]'
KINDS_IN = ', '.join(f'{kind} {name}' for name, kind in KINDS.items())
KINDS_OUT = ', '.join(f'{kind} {name}_out' for name, kind in KINDS.items())
GRAPHS = {
    'TwoInputs': """(float[n, 2] table, float[n, 1] offset) => (float[n, 1] price, float[n, 1] product)
    <float[2, 1] weights = {0.5, -2.0}> {
        product = MatMul(table, weights)
        price = Add(product, offset)
    }""",
    'Colour': f"""(string[?, 1] colour) => (string[?] label, seq(map(string, float)) probabilities)
    <int64[2] width = {{-1, 2}}> {{
        x = ai.onnx.ml.OneHotEncoder<cats_strings = ["red", "green"], zeros = 0>(colour)
        flat = Reshape(x, width)
        label, scores = {CLASSIFIER}(flat)
        probabilities = ai.onnx.ml.ZipMap<classlabels_strings = {LABELS}>(scores)
    }}""",
    'Animal': f'(float[?, 2] x) => (string[?] label, float[?, 3] scores) {{ label, scores = {CLASSIFIER}(x) }}',
    'FixedBatch': """(int64[1, 2] index) => (float[1, 2, 3] y)
    <float[4, 3] table = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}> {
        rows = Gather(table, index)
        y = Softmax<axis = -1>(rows)
    }""",
    'FourTogether': """(float[4, 2] x, float16 half) => (float[2] mean, float16 minus) {
        mean = ReduceMean<axes = [0], keepdims = 0>(x)
        minus = Neg(half)
    }""",
    'Dynamic': """(float[n, length] x) => (float[n] sum) <int64[1] axis = {1}> {
        sum = ReduceSum<keepdims = 0>(x, axis)
    }""",
    'OverAll': '(float[?, 2] x) => (float[?, 2] mean) { mean = ReduceMean<axes = [0], keepdims = 1>(x) }',
    'Kinds': f'({KINDS_IN}) => ({KINDS_OUT}) {{ {" ".join(f"{name}_out = Identity({name})" for name in KINDS)} }}',
}
ZEROS = {'single': 0, 'double': 0, 'whole': 0, 'small': 0, 'yes': True, 'text': ''}
SOFTMAX = (np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()).tolist()
OPTIONS = {
    'TwoInputs': {'external': True},
    'Animal': {'metadata': {'feature_names': '["weight (kg)", "legs"]'}},
}
PROPERTIES = {'colour': {'enum': ['red', 'green'], 'type': None}}
SCHEMA = json.dumps({'title': 'A colour', 'description': 'Of an animal', 'properties': PROPERTIES})


@pytest.fixture(scope='module')
def service(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp('onnx files')
    for name, graph in GRAPHS.items():
        write_onnx(folder / f'{name}.onnx', graph, **OPTIONS.get(name, {}))
    models = {name: f'file = {folder}/{name}.onnx' for name in GRAPHS}
    models['Colour'] += '\nschema = conf/colour.schema.json'
    return serve(models, {'conf/colour.schema.json': SCHEMA}, {'OMP_NUM_THREADS': '1'})


@pytest.mark.parametrize(
    'name, instances, results',
    [
        (
            'TwoInputs',
            [{'table': [n, 1], 'offset': 10} for n in range(40)],
            [{'price': n / 2 + 8, 'product': n / 2 - 2} for n in range(40)],
        ),
        ('FixedBatch', [{'index': [n % 4, 3]} for n in range(40)], [[SOFTMAX] * 2] * 40),
        pytest.param(
            'FourTogether',
            [{'x': [[n, 0], [n, 4]] * 2, 'half': n / 2} for n in range(40)],
            [{'mean': [n, 2], 'minus': -n / 2} for n in range(40)],
            marks=pytest.mark.long,
        ),
        ('Dynamic', [{'x': [1] * length} for length in range(1, 60)], list(range(1, 60))),
        pytest.param(
            'OverAll', [{'x': [n, -n]} for n in range(40)], [[n, -n] for n in range(40)], marks=pytest.mark.long
        ),
    ],
)
def test_instances_are_kept_apart_in_batches_of_any_kind(service, name, instances, results):
    assert_close(both_ways(service, name, instances), results)


def test_text_input_and_class_names_of_a_zip_map(service):
    result = predict(service, 'Colour', {'colour': 'green'})
    assert (result['label'], list(result['probabilities'])) == ('dog', CLASSES)
    assert sum(result['probabilities'].values()) == pytest.approx(1)


def test_feature_names_of_the_metadata_and_class_names_without_a_zip_map(service):
    rows = [(weight, legs) for weight in range(-8, 8) for legs in (0, 2, 4)]
    results = both_ways(service, 'Animal', [{'weight (kg)': weight, 'legs': legs} for weight, legs in rows])
    expected = np.exp([np.add([weight, legs, -weight - legs], INTERCEPTS) for weight, legs in rows])
    expected /= expected.sum(axis=1, keepdims=True)
    assert_classes(results, [CLASSES[row.argmax()] for row in expected], expected)
    assert all(list(result['probabilities']) == CLASSES for result in results)


def test_every_type_comes_back_as_it_went(service):
    numbers = {'single': 0.1, 'double': 0.1234567890123456, 'whole': 2**63 - 1, 'small': 255}
    instance = {**numbers, 'yes': True, 'text': '范叶亮'}
    assert predict(service, 'Kinds', instance) == {f'{name}_out': value for name, value in instance.items()}


@pytest.mark.parametrize(
    'name, instance, message',
    [
        ('TwoInputs', {'table': [1, 2, 3], 'offset': 0}, 'table: [1, 2, 3] is too long'),
        ('Animal', {'legs': 4}, "'weight (kg)' is a required property"),
        ('FourTogether', {'x': [[1, 1]], 'half': 0}, 'x: [[1, 1]] is too short'),
        ('FourTogether', {'x': [[1, 1]] * 4, 'half': 1e5}, 'half: is too large for float16'),
        ('Dynamic', {'x': []}, 'x: [] '),
        # By the patch over the schema.
        ('Colour', {'colour': 'blue'}, "colour: 'blue' is not one of ['red', 'green']"),
        ('Kinds', ZEROS | {'single': 3.5e38}, 'single: is too large for float32'),
        ('Kinds', ZEROS | {'single': '1'}, "single: '1' is not of type 'number'"),
        ('Kinds', ZEROS | {'single': None}, "single: null is not of type 'number'"),
        ('Kinds', ZEROS | {'single': True}, "single: True is not of type 'number'"),
        ('Kinds', ZEROS | {'whole': 2**63}, f'whole: {2**63} is greater than the maximum of {2**63 - 1}'),
        ('Kinds', ZEROS | {'whole': 1.5}, "whole: 1.5 is not of type 'integer'"),
        ('Kinds', ZEROS | {'small': 256}, 'small: 256 is greater than the maximum of 255'),
        ('Kinds', ZEROS | {'small': -1}, 'small: -1 is less than the minimum of 0'),
        ('Kinds', ZEROS | {'yes': 1}, "yes: 1 is not of type 'boolean'"),
        ('Kinds', ZEROS | {'text': 1}, "text: 1 is not of type 'string'"),
        # Floats at the edge of an integer.
        ('Kinds', ZEROS | {'whole': 2.0**63}, 'whole: '),
        ('Kinds', ZEROS | {'whole': -(2.0**63) - 4096}, 'whole: '),
        ('Kinds', ZEROS | {'whole': 1e30}, 'whole: '),
    ],
)
def test_what_does_not_fit(service, name, instance, message):
    assert refused(service, name, instance).startswith(message)


def test_the_banner_shows_file_size_place_and_time(service):
    line = banner(service, 'TwoInputs')
    size = Path(re.search(r'/\S*onnx files\S*/TwoInputs\.onnx', line)[0]).stat().st_size
    columns = rf'TwoInputs\.onnx, {size / 1024:.1f} KiB +loaded once for all workers in \d+ ms, on cpu$'
    assert re.search(columns, line), line


def test_clients_learn_what_a_file_is_by_the_users_words_or_by_its_name_without_its_folder(service):
    paths = service.get('/openapi.json').json()['paths']
    colour, kinds = paths['/v1/Colour']['post'], paths['/v1/Kinds']['post']
    assert (colour['summary'], colour['description']) == ('A colour', 'Of an animal')
    assert (kinds['summary'], kinds.get('description')) == ('ONNX model file Kinds.onnx', None)
    wine = ModelFile(settings_of('data/wine.onnx'))
    assert wine.summary == 'Model file data/wine.onnx'
    wine()
    assert wine.summary == 'ONNX model file data/wine.onnx'


# One thread as the user may set it, and as many as there are for each of two workers.
@pytest.mark.long
@pytest.mark.parametrize('environment', [{'OMP_NUM_THREADS': '1'}, {}], ids=['one', 'several'])
def test_classes_and_onnx_files_are_loaded_where_they_say(in_main_threads, tmp_path, environment):
    large = write_onnx(
        tmp_path / 'large.onnx',
        '(int64[n] row) => (float[n, 4000] y) { y = Gather(table, row) }',
        {'table': np.ones((8000, 4000), np.float32)},
    )
    service = in_main_threads(large, **environment)
    threads = environment.get('OMP_NUM_THREADS') or os.environ.get('OMP_NUM_THREADS')
    threads = threads or str(max(1, available_cores() // 2))
    workers = service.worker_pids
    assert results_by_worker(service, 'ThreadsModel', {}) == dict.fromkeys(workers, threads)
    assert results_by_worker(service, 'PidModel', {}) == {pid: pid for pid in workers}
    assert results_by_worker(service, 'SharedPidModel', {}) == dict.fromkeys(workers, service.master_pid)
    assert results_by_worker(service, 'FileModel', {'row': 5}) == {pid: [1.0] * 4000 for pid in workers}
    if threads == '1':
        # Both workers predict with it from one copy: of two copies there would be more than this.
        assert proportional_memory([service.master_pid, *workers]) < 2 * large.stat().st_size
    assert 'in each worker' in banner(service, 'PidModel')
    assert ('once for all workers' if threads == '1' else 'in each worker') in banner(service, 'FileModel')
    service.stop()
    assert 'SIGKILL' not in service.log


# The most memory that the process has held, in bytes (Linux).
PEAK = """import os
import sys
from tests.conftest import memory
from tests.formats.answers import settings_of
from model_serving.formats import ModelFile
file = ModelFile(settings_of(sys.argv[1]))
file()
file.schemas()
print(memory(os.getpid(), 'VmHWM'))"""


@pytest.mark.long
def test_a_network_whose_input_is_a_shape_is_tried_with_small_ones(tmp_path):
    """Else its start makes arrays that fill the memory of the machine."""
    write_onnx(tmp_path / 'a.onnx', '(int64[3] shape) => (float[a, b, c] y) { y = ConstantOfShape(shape) }')
    command = [sys.executable, '-c', PEAK, str(tmp_path / 'a.onnx')]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=BASE_FOLDER, timeout=100)
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) < 2**29


@pytest.mark.long
def test_every_protocol_gives_the_same_numbers(service):
    assert sum(check(service, protocol) for protocol in PROTOCOLS)
