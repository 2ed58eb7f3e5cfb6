"""What the start says of a file that is not served: one line, with what to do."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from onnx import TensorProto

from model_serving.formats import PACKAGES
from model_serving.utils.conf_utils import BASE_FOLDER
from tests.formats.answers import problem


def written(path, content: bytes):
    path.write_bytes(content)
    return path


def zipped(path, *names):
    with zipfile.ZipFile(path, 'w') as archive:
        for name in names:
            archive.writestr(name, '{}')
    return path


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ('code in a model file was run',))


@pytest.mark.parametrize('name', ['model.pkl', 'model.joblib', 'model.onnx', 'model.skops', 'model.json', 'model'])
def test_a_pickle_is_never_loaded_whatever_its_suffix(tmp_path, name):
    message = problem(written(tmp_path / name, pickle.dumps(Harmful())))
    assert 'never loaded' in message
    assert f"skops.io.dump(joblib.load('{tmp_path / name}'), 'model.skops')" in message


@pytest.mark.parametrize(
    ('make', 'what', 'conversion'),
    [
        (lambda folder: written(folder / 'a.joblib', b'\x78\x9c'), 'a joblib file', 'skops.io.dump'),
        (lambda folder: zipped(folder / 'a.pt', 'a/data.pkl', 'a/data/0'), 'a file of torch.save', 'torch.onnx.export'),
        (lambda folder: zipped(folder / 'a.pt2', 'a/data.pkl'), 'a file of torch.save', 'torch.onnx.export'),
        (lambda folder: zipped(folder / 'a.pt', 'a/constants.pkl', 'a/data.pkl'), 'TorchScript', 'torch.onnx.export'),
        (
            lambda folder: zipped(folder / 'a.keras', 'model.weights.h5', 'config.json'),
            'a Keras model',
            'model.predict(X)',
        ),
        (lambda folder: written(folder / 'a.h5', b'\x89HDF\r\n'), 'a Keras model', "format='onnx'"),
        (lambda folder: written(folder / 'a.cbm', b'CBM1....'), 'a CatBoost model', "format='onnx'"),
        (lambda folder: written(folder / 'a.json', b'{"oblivious_trees": []}'), 'a CatBoost model', 'CatBoost()'),
        (lambda folder: written(folder / 'a.bin', b'binf\0\0'), 'old binary form', "save_model('model.ubj')"),
        (lambda folder: written(folder / 'a.tflite', b'\x1c\0\0\0TFL3'), 'TensorFlow Lite', '--tflite'),
        (lambda folder: written(folder / 'a.onnx', b'version https://git-lfs.github.com/'), 'Git LFS', 'lfs pull'),
    ],
)
def test_other_files_are_named_with_the_lines_that_convert_them(tmp_path, make, what, conversion):
    message = problem(make(tmp_path))
    assert what in message
    assert conversion in message
    assert '\n' not in message


def test_a_tensorflow_folder(tmp_path):
    (tmp_path / 'saved_model.pb').touch()
    assert 'python -m tf2onnx.convert --saved-model' in problem(tmp_path)


def test_another_folder(tmp_path):
    assert problem(tmp_path) == f'{tmp_path} is a folder, not the file of a model.'


@pytest.mark.parametrize(
    'suffix, what',
    [
        ('.skops', 'a skops file'),
        ('.ubj', 'an XGBoost model'),
        ('.json', 'an XGBoost model'),
        ('.txt', 'a LightGBM model'),
        ('.pt2', 'a PyTorch exported program'),
    ],
)
def test_a_file_whose_content_is_not_that_of_its_suffix(tmp_path, suffix, what):
    message = problem(written(tmp_path / f'a{suffix}', b'{"no": "such thing"}'))
    assert f'is damaged, or it is not {what}' in message


def test_a_file_of_no_known_kind_and_no_file(tmp_path):
    assert '.onnx, .skops, .ubj, .json, .txt, .pt2' in problem(written(tmp_path / 'a.bin', b'?'))
    assert 'there is no such file' in problem(tmp_path / 'a.onnx')


@pytest.mark.parametrize('module', PACKAGES)
def test_the_packages_to_install_are_those_that_are_tested(module):
    mark = module.removesuffix('_file')
    pinned = (BASE_FOLDER / 'tests' / 'requirements' / f'{mark}.txt').read_text().split()
    assert set(PACKAGES[module].split()) <= set(pinned)


def test_a_missing_package_ends_the_start_with_the_line_that_installs_it(serve, tmp_path):
    path = written(tmp_path / 'a.ubj', b'{L\0\0\0\0\0\0\0\x07learner')
    one = serve({'Bad': (path, '')}, start=False)
    python = one.folder / '.venv/bin/python'
    # A package of this name that can't be imported hides the real one, where there is one.
    (one.folder / 'xgboost.py').write_text("raise ImportError(\"No module named 'xgboost'\", name='xgboost')")
    finished = one.run(python, 'main.py', '--host', '127.0.0.1', '--port', str(one.port))
    assert finished.returncode == 1
    assert f'{python} -m pip install {PACKAGES["xgboost_file"]}' in finished.stderr.strip().splitlines()[-1]


def test_a_missing_libgomp_is_named_with_the_line_that_installs_it(serve, tmp_path):
    one = serve({'Bad': (written(tmp_path / 'a.txt', b'tree\nversion=v4\n'), '')}, start=False)
    (one.folder / 'lightgbm.py').write_text("raise OSError('libgomp.so.1: cannot open shared object file')")
    finished = one.run(one.folder / '.venv/bin/python', 'main.py', '--host', '127.0.0.1', '--port', str(one.port))
    assert finished.returncode == 1
    assert 'apt-get install libgomp1' in finished.stderr.strip().splitlines()[-1]


def test_a_damaged_onnx_file_ends_the_start_with_one_line(refusal, write_onnx, tmp_path):
    path = write_onnx(
        tmp_path / 'a.onnx',
        [('Mul', ['x', 'x'], ['y'], {})],
        {'x': (TensorProto.FLOAT, ['n'])},
        {'y': (TensorProto.FLOAT, ['n'])},
    )
    content = path.read_bytes()
    assert 'could not be loaded: ' in refusal(written(tmp_path / 'half.onnx', content[: len(content) // 2]))
    assert 'could not be loaded: ' in refusal(written(tmp_path / 'text.onnx', b'no model at all'))
    assert 'could not be loaded: ' in refusal(written(tmp_path / 'empty.onnx', b''))


def test_external_data_that_is_not_there(write_onnx, tmp_path):
    path = write_onnx(
        tmp_path / 'a.onnx',
        [('Add', ['x', 'weights'], ['y'], {})],
        {'x': (TensorProto.FLOAT, ['n'])},
        {'y': (TensorProto.FLOAT, ['n'])},
        {'weights': np.ones(2000, dtype=np.float32)},
        external=True,
    )
    for data in set(tmp_path.iterdir()) - {path}:
        data.unlink()
    assert 'could not be loaded: ' in problem(path)


def test_an_operator_set_of_a_later_version(write_onnx, tmp_path):
    path = write_onnx(
        tmp_path / 'a.onnx',
        [('Mul', ['x', 'x'], ['y'], {})],
        {'x': (TensorProto.FLOAT, ['n'])},
        {'y': (TensorProto.FLOAT, ['n'])},
        opset=99,
    )
    assert 'could not be loaded: ' in problem(path)


@pytest.mark.parametrize(
    ('patch', 'words'),
    [
        ('{', 'Expecting property name'),
        ('[]', 'must be a JSON object'),
        ('{"type": "nothing"}', 'is no JSON Schema'),
        (
            '{"properties": {"xs": {"minimum": 0}}}',
            "'xs' is not an input of the model. Did you mean 'x'? There are: x.",
        ),
        (
            '{"examples": [{"x": 1}, {"x": "one"}]}',
            "examples[1] does not fit its schema: x: 'one' is not of type 'number'",
        ),
    ],
)
def test_a_bad_patch_over_the_schema(refusal, write_onnx, tmp_path, patch, words):
    path = write_onnx(
        tmp_path / 'a.onnx',
        [('Mul', ['x', 'x'], ['y'], {})],
        {'x': (TensorProto.FLOAT, ['n'])},
        {'y': (TensorProto.FLOAT, ['n'])},
    )
    schema = written(tmp_path / 'a.schema.json', patch.encode())
    message = refusal(path, f'schema = {schema}')
    assert words in message
    assert str(schema) in message


def test_no_such_patch(refusal, tmp_path):
    message = refusal(BASE_FOLDER / 'data' / 'wine.onnx', f'schema = {tmp_path / "none.json"}')
    assert 'none.json' in message
    assert message.endswith('can not be read: No such file or directory.')


def test_the_patch_is_applied_as_rfc_7386_says():
    from model_serving.formats.schemas import merge_patch

    # The examples of RFC 7386, appendix A, that are objects.
    cases = [
        ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
        ('{"a":"b"}', '{"a":null}', '{}'),
        ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
        ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
        ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
        ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
        ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
        ('[1,2]', '{"a":"b","c":null}', '{"a":"b"}'),
        ('{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
        ('["a","b"]', '["c","d"]', '["c","d"]'),
        ('{"a":"foo"}', 'null', 'null'),
    ]
    for target, patch, result in cases:
        assert merge_patch(json.loads(target), json.loads(patch)) == json.loads(result)
