"""Every model × every protocol × one row, five rows, one bad among five: the numbers of the model's own URL.

The models are those that the service lists, so one that is added later is covered too.
"""

import json

import jsonschema
import pytest

from tests.dialects.envelopes import PROTOCOLS, flat

SERVICES = ['service', 'gallery']


def varied(schema, example, number):
    """Return an instance like the example, with other values where the schema allows them."""
    validator, instance = jsonschema.Draft202012Validator(schema), example
    for name, value in example.items():
        candidate = {**instance, name: other(value, number)}
        instance = candidate if validator.is_valid(candidate) else instance
    return instance


def other(value, number):
    if isinstance(value, list):
        return [other(each, number) for each in value]
    if isinstance(value, float):
        return value * (1 - number / 20)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, value - number)
    return f'{value} {number}' if isinstance(value, str) else value


def same(one, other):
    """Tell whether two results are the same, but for the last bit of float32: a matrix product varies with its size."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == pytest.approx(other, rel=1e-5, abs=1e-9) if isinstance(one, float) else one == other


def is_plain(instance):
    """Tell whether the instance fits in a row of CSV, where an empty cell is null."""
    return not any(isinstance(value, list | dict) or value in (None, '') for value in instance.values())


@pytest.fixture(params=SERVICES)
def served(request):
    return request.getfixturevalue(request.param)


def models(served):
    """Yield name, version, description and OIP metadata of each model that other protocols serve."""
    for version in (1, 2):
        for row in served.get(f'/v{version}').json()['models']:
            name = row['name']
            described = served.get(f'/v{version}/{name}').json()
            metadata = served.get(f'/v2/models/{name}/versions/{version}').json()
            yield name, version, described, metadata


def is_native(metadata):
    reason = metadata.get('parameters', {}).get('native_only', '')
    return 'stream' in reason or 'handler' in reason


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_the_numbers_are_those_of_the_models_own_url(served, protocol):
    url, body_of, results_of, only_tensors, only_plain = PROTOCOLS[protocol]
    tried = different = 0
    for name, version, described, metadata in models(served):
        has_tensors = bool(metadata['inputs'])
        if is_native(metadata) or (only_tensors and not has_tensors) or not described['examples']:
            continue
        example = described['examples'][0]
        if not isinstance(example, dict) or (only_plain and not is_plain(example)):
            continue
        rows = [varied(described['schema'], example, number) for number in range(5)]
        native = [served.post(f'/v{version}/{name}', row).json()['result'] for row in rows]
        where = url.format(name=name, version=version)
        for count in (1, 5):
            answer = served.post(where, **body_of(rows[:count], metadata))
            assert answer.status_code == 200, f'{where}: {answer.text}'
            expected = native[:count]
            if only_tensors:
                expected = list(map(flat, expected))
            assert same(results_of(answer.json(), native[:count]), expected), f'{where}: {answer.text}'
        tried, different = tried + 1, different + (native[0] != native[4])
    assert tried
    # Rows that get mixed up would be seen.
    assert different


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_one_bad_row_among_five_is_named(served, protocol):
    url, body_of, _, only_tensors, only_plain = PROTOCOLS[protocol]
    tried = 0
    for name, version, described, metadata in models(served):
        if is_native(metadata) or (only_tensors and not metadata['inputs']) or not described['examples']:
            continue
        example = described['examples'][0]
        bad = bad_value(described, example) if isinstance(example, dict) else None
        if bad is None or (only_plain and not is_plain(example)):
            continue
        rows = [example, example, {**example, **bad}, example, example]
        where = url.format(name=name, version=version)
        answer = served.post(where, **body_of(rows, metadata))
        assert answer.status_code == 400, f'{where}: {answer.text}'
        error = answer.json()
        message = error.get('error') or error['message']
        if not only_tensors:
            assert any(place in message for place in ('[2]', 'line 4')), message
        else:
            assert 'inputs[' in message
            assert '.data[' in message
        tried += 1
    assert tried


def test_instances_that_are_no_objects(gallery):
    expected = [gallery.post('/v2/AnyModel', row).json()['result'] for row in ([1], [1, 2])]
    answer = gallery.post('/v1/models/AnyModel/versions/2:predict', {'instances': [[1], [1, 2]]})
    assert answer.json() == {'predictions': expected}


def bad_value(described, example):
    """Return a property with a value that the model refuses, of the kind that it has; None if there is none."""
    schema = described['schema']
    for name, value in example.items():
        for wrong in (10**6, -(10**6), 10.5**6, 'x' * 1000):
            candidate = replaced(value, wrong)
            if type(replaced_leaf(value)) is not type(wrong) and not (
                isinstance(wrong, int) and isinstance(replaced_leaf(value), float)
            ):
                continue
            if not jsonschema.Draft202012Validator(schema).is_valid({**example, name: candidate}):
                return {name: candidate}
    return None


def replaced(value, wrong):
    """Return the value with its last leaf replaced."""
    return [*value[:-1], replaced(value[-1], wrong)] if isinstance(value, list) and value else wrong


def replaced_leaf(value):
    return replaced_leaf(value[-1]) if isinstance(value, list) and value else value


def test_models_that_are_native_only_say_why(service):
    metadata = service.get('/v2/models/TextModel').json()
    assert metadata['parameters'] == {'native_only': 'its answer is a stream'}
    for url in ('/v2/models/TextModel/infer', '/v1/models/TextModel:predict', '/v1/TextModel/invocations'):
        answer = service.post(url, {'instances': [{'text': 'The'}]})
        assert answer.status_code == 400
        assert 'TextModel answers at /v1/TextModel only, since its answer is a stream.' in json.dumps(answer.json())
