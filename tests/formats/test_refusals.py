"""What the start says of a file that is not served: one line, with what to do."""

import json
import pickle
import zipfile

import pytest

from model_serving.formats import PACKAGES, ModelFile
from model_serving.serving.errors import StartError
from model_serving.utils.conf_utils import BASE_FOLDER
from tests.formats.answers import problem, settings_of
from tests.formats.files import SQUARE, part_of, write_onnx, written

NO_PACKAGE = """raise ImportError("No module named 'xgboost'", name='xgboost')"""
NO_LIBRARY = "raise OSError('libgomp.so.1: cannot open shared object file')"
OTHER_JSON = b'{"no": "such thing"}'


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ('code in a model file was run',))


@pytest.mark.parametrize('name', ['model.pkl', 'model.joblib', 'model.onnx', 'model.skops', 'model.json', 'model'])
def test_a_pickle_is_never_loaded_whatever_its_suffix(tmp_path, name):
    message = problem(written(tmp_path / name, pickle.dumps(Harmful())))
    assert 'never loaded' in message
    assert f"skops.io.dump(joblib.load('{tmp_path / name}'), 'model.skops')" in message


@pytest.mark.parametrize(
    'name, content, what, conversion',
    [
        ('a.joblib', b'\x78\x9c', 'a joblib file', 'skops.io.dump'),
        ('a.pt', ['a/data.pkl', 'a/data/0'], 'a file of torch.save', 'torch.onnx.export'),
        ('a.pt2', ['a/data.pkl'], 'a file of torch.save', 'torch.onnx.export'),
        ('a.pt', ['a/constants.pkl', 'a/data.pkl'], 'TorchScript', 'torch.onnx.export'),
        ('a.keras', ['model.weights.h5', 'config.json'], 'a Keras model', 'model.predict(X)'),
        ('a.h5', b'\x89HDF\r\n', 'a Keras model', "format='onnx'"),
        ('a.cbm', b'CBM1....', 'a CatBoost model', "format='onnx'"),
        ('a.json', b'{"oblivious_trees": []}', 'a CatBoost model', 'CatBoost()'),
        ('a.bin', b'binf\0\0', 'old binary form', "save_model('model.ubj')"),
        ('a.tflite', b'\x1c\0\0\0TFL3', 'TensorFlow Lite', '--tflite'),
        ('a.onnx', b'version https://git-lfs.github.com/', 'Git LFS', 'lfs pull'),
        ('a.onnx.gz', b'\x1f\x8b\x08', 'a compressed file', 'gunzip '),
        ('saved_model.pb', b'\x08\x01\x12', 'a part of a SavedModel', '--saved-model FOLDER'),
        ('a.mlmodel', b'\x08\x01', 'a Core ML model', 'to ONNX'),
        # Its content is not that of its suffix.
        ('a.bin', b'\x08\x08\x12\x04', 'an ONNX model', 'rename it so that it ends with .onnx'),
        ('a.pt', b'\x08\x08:\x04', 'a file of torch.save', 'torch.onnx.export'),
        ('a.skops', OTHER_JSON, 'is damaged, or it is not', 'a skops file'),
        ('a.ubj', OTHER_JSON, 'is damaged, or it is not', 'an XGBoost model'),
        ('a.json', OTHER_JSON, 'is damaged, or it is not', 'an XGBoost model'),
        ('a.txt', OTHER_JSON, 'is damaged, or it is not', 'a LightGBM model'),
        ('a.pt2', OTHER_JSON, 'is damaged, or it is not', 'a PyTorch exported program'),
        ('a.bin', b'?', 'unknown file type', '.onnx, .skops, .ubj, .json, .txt, .pt2'),
    ],
)
def test_a_file_that_is_not_served_is_named_with_what_to_do(tmp_path, name, content, what, conversion):
    """Content that is a list stands for the members of an archive."""
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, 'w') as archive:
            for member in content:
                archive.writestr(member, '{}')
    message = problem(path)
    assert what in message
    assert conversion in message
    assert '\n' not in message


def test_a_folder_and_no_file(tmp_path):
    assert problem(tmp_path) == f'{tmp_path} is a folder, not the file of a model.'
    assert 'there is no such file' in problem(tmp_path / 'a.onnx')
    (tmp_path / 'saved_model.pb').touch()
    assert 'python -m tf2onnx.convert --saved-model' in problem(tmp_path)


@pytest.mark.parametrize('module', PACKAGES)
def test_the_packages_to_install_are_those_that_are_tested(module):
    mark = module.removesuffix('_file')
    pinned = (BASE_FOLDER / 'tests' / 'requirements' / f'{mark}.txt').read_text().split()
    assert set(PACKAGES[module].split()) <= set(pinned)


# A package of this name that can't be imported hides the real one, where there is one.
@pytest.mark.parametrize(
    'name, content, package, install',
    [
        ('a.ubj', b'{L\0\0\0\0\0\0\0\x07learner', {'xgboost.py': NO_PACKAGE}, 'bin/python -m pip install xgboost'),
        ('a.txt', b'tree\nversion=v4\n', {'lightgbm.py': NO_LIBRARY}, 'apt-get install libgomp1'),
    ],
)
def test_what_is_missing_is_named_with_the_line_that_installs_it(refusal, tmp_path, name, content, package, install):
    assert install in refusal(written(tmp_path / name, content), files=package)


def test_a_damaged_onnx_file(refusal, tmp_path):
    path = write_onnx(tmp_path / 'a.onnx', SQUARE)
    assert 'could not be loaded: ' in refusal(part_of(path, 0.5, tmp_path))
    no_data = '(float[n] x) => (float[n] y) <float[2] more = ["location": "none.bin"]> { y = Add(x, more) }'
    for damaged in (
        written(tmp_path / 'text.onnx', b'no model at all'),
        written(tmp_path / 'empty.onnx', b''),
        write_onnx(tmp_path / 'no_data.onnx', no_data),
        write_onnx(tmp_path / 'of_a_later_version.onnx', SQUARE, opset=99),
    ):
        assert f'{damaged.name} could not be loaded: ' in problem(damaged)


@pytest.mark.parametrize(
    'patch, words',
    [
        ('{"type": "nothing"}', 'is not a valid JSON Schema'),
        ('{"examples": [{"x": 1}, {"x": "a"}]}', "examples[1] does not fit its schema: x: 'a' is not of type 'number'"),
        ('{"properties": {"xs": {}}}', "'xs' is not an input of the model. Did you mean 'x'? There are: x."),
    ],
)
def test_a_bad_patch_over_the_schema(refusal, tmp_path, patch, words):
    schema = written(tmp_path / 'a.schema.json', patch.encode())
    message = refusal(write_onnx(tmp_path / 'a.onnx', SQUARE), f'schema = {schema}')
    assert words in message
    assert str(schema) in message


@pytest.mark.parametrize(
    'patch, words',
    [
        (b'{', 'Expecting property name'),
        (b'[]', 'must be a JSON object'),
        (None, 'cannot be read: No such file or directory.'),
    ],
)
def test_what_is_no_patch_at_all(tmp_path, patch, words):
    schema = tmp_path / 'a.schema.json'
    if patch is not None:
        written(schema, patch)
    file = ModelFile(settings_of(write_onnx(tmp_path / 'a.onnx', SQUARE), schema=str(schema)))
    file()
    with pytest.raises(StartError) as raised:
        file.schemas()
    assert words in str(raised.value)
    assert str(schema) in str(raised.value)


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
