"""Every model × every protocol × one row, five rows, one bad among five: the numbers of the model's own URL.

The models are those that the service lists, so one that is added later is covered too. The tests of formats compare
their model files by the same matrix.
"""

import json

import jsonschema
import pytest

from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check, is_plain, models

SERVICES = ['service', 'gallery']


@pytest.fixture(params=SERVICES)
def served(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_the_numbers_are_those_of_the_models_own_url(served, protocol):
    assert check(served, protocol)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_one_bad_row_among_five_is_named(served, protocol):
    url, body_of, _, only_tensors, only_plain = PROTOCOLS[protocol]
    tried = 0
    for name, version, described, metadata in models(served):
        if only_tensors and not metadata['inputs']:
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
    assert metadata['parameters'] == {'no_tensors': 'its answer is a stream'}
    for url in ('/v2/models/TextModel/infer', '/v1/models/TextModel:predict', '/v1/TextModel/invocations'):
        answer = service.post(url, {'instances': [{'text': 'The'}]})
        assert answer.status_code == 400
        assert 'TextModel answers at /v1/TextModel only, since its answer is a stream.' in json.dumps(answer.json())
