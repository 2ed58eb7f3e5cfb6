"""ONNX's own tests of its operators, each as a model file: it gives the recorded answer, or it is refused."""

import json
import warnings
from collections import defaultdict

import jsonschema_rs
import numpy as np
import onnx
import onnxruntime
import pytest

from model_serving.formats import ModelFile
from model_serving.formats.batches import as_json
from model_serving.serving.errors import InvalidInstance, StartError
from tests.formats.answers import problem, settings_of
from tests.formats.files import write_onnx

pytestmark = pytest.mark.long

# Of booleans, numbers and texts; bfloat16 and others beyond NumPy have another.
KINDS_IN_JSON = 'biufOSU'
# What the tests of ONNX allow.
RELATIVE, ABSOLUTE = 1e-3, 1e-7


@pytest.fixture(scope='module')
def cases():
    """The tests of ONNX; making them divides by zero and overflows on purpose."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), np.errstate(all='ignore'):
        warnings.simplefilter('ignore')
        return load_model_tests(kind='node')


def is_in_json(value, is_finite=np.isfinite) -> bool:
    """Tell whether JSON holds a tensor: of finite numbers, booleans or texts."""
    is_tensor = isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in KINDS_IN_JSON
    return is_tensor and (value.dtype.kind != 'f' or bool(is_finite(value).all()))


def is_result_in_json(value) -> bool:
    """Tell whether JSON holds what was recorded: a tensor, a list of them, or nothing; null stands for NaN."""
    if isinstance(value, list):
        return all(map(is_result_in_json, value))
    return value is None or is_in_json(value, lambda numbers: ~np.isinf(numbers))


def is_same(result, expected) -> bool:
    """Tell whether a JSON value has the shape, the texts and the numbers of a tensor, or of a list of them."""
    if isinstance(expected, list):
        return len(result) == len(expected) and all(map(is_same, result, expected))
    # JSON does not tell the lengths inside of an empty array.
    if expected is None or expected.size == 0 or expected.dtype.kind in 'OSU':
        return result == (expected if expected is None else expected.tolist())
    found, numbers = np.array(result, dtype=float), expected.astype(float)
    return found.shape == numbers.shape and np.allclose(found, numbers, RELATIVE, ABSOLUTE, equal_nan=True)


def own_answers(path, tensors) -> list | None:
    """Return what onnxruntime itself answers, twice; None if it can't."""
    try:
        session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        names = [one.name for one in session.get_inputs()]
        feed = dict(zip(names, map(np.asarray, tensors), strict=True))
        return [session.run(None, feed) for _ in range(2)]
    # There are many reasons; some of its errors derive from Exception alone.
    except Exception:
        return None


def instance_of(schema, tensors) -> dict:
    """Return the tensors as JSON values; a tensor of one element is a plain value where the schema says so."""
    pairs = zip(schema['properties'].items(), tensors, strict=True)
    return {name: one.tolist() if value['type'] == 'array' else one.item() for (name, value), one in pairs}


def served(path, tensors, **settings):
    """Return the result for recorded tensors as a client reads it; raises what the file raises."""
    file = ModelFile(settings_of(path, batch=False, **settings))
    model = file()
    schema, result_schema = file.schemas()
    instance = instance_of(schema, tensors)
    # As the service does before it predicts.
    if not jsonschema_rs.is_valid(schema, instance):
        raise InvalidInstance('', 'it does not fit the schema')
    result = as_json(model.predict([instance])[0])
    assert jsonschema_rs.is_valid(result_schema, result)
    return result


def served_with_an_example(path, tensors):
    """Return the result of a file which refuses the example that is made up, and so is given the recorded one."""
    try:
        return served(path, tensors)
    except StartError as error:
        if 'add an example' not in str(error):
            raise
    schema = path.with_suffix('.schema.json')
    instance = instance_of(ModelFile(settings_of(path, batch=False))().schema, tensors)
    schema.write_text(json.dumps({'examples': [instance]}))
    return served(path, tensors, schema=schema)


def outcome(path, tensors, expected) -> str:
    """Return how what is served compares with what was recorded, and with what onnxruntime itself answers."""
    if not all(map(is_in_json, tensors)) or not all(map(is_result_in_json, expected)):
        return 'not JSON'
    try:
        result = served_with_an_example(path, tensors)
    except (StartError, InvalidInstance):
        return 'refused' if own_answers(path, tensors) else 'refused by onnxruntime'
    results = [result] if len(expected) == 1 else list(result.values())
    if all(map(is_same, results, expected)):
        return 'the same'
    first, second = own_answers(path, tensors)
    if not all(map(is_same, as_json(first), second)):
        return 'random'
    return 'other in onnxruntime' if all(map(is_same, results, first)) else 'different'


@pytest.mark.timeout(600)
def test_each_operator_gives_the_recorded_answer_or_is_refused(cases, tmp_path):
    names = defaultdict(list)
    for number, case in enumerate(cases):
        path = tmp_path / f'{number}.onnx'
        onnx.save(case.model, path)
        for tensors, expected in case.data_sets:
            names[outcome(path, tensors, expected)].append(case.name)
    counts = {found: len(its_names) for found, its_names in names.items()}
    print(counts)
    assert names['different'] == []
    assert counts['the same'] >= 1500


@pytest.mark.parametrize('kind', ['BFLOAT16', 'FLOAT8E4M3FN', 'FLOAT8E5M2', 'INT4', 'UINT4'])
def test_an_output_of_numbers_that_json_cannot_hold_is_refused(kind, tmp_path):
    number, name = getattr(onnx.TensorProto, kind), kind.lower()
    graph = f'(float[n, 4] x) => ({name}[n, 4] y) {{ y = Cast<to = {number}>(x) }}'
    path = write_onnx(tmp_path / 'cast.onnx', graph, opset=21)
    assert f'its output y is a tensor({name}), which cannot be written as JSON' in problem(path)
