"""KServe's own client, InferenceRESTClient, calls the service unchanged, by its protocols V2 and V1."""

import pytest

from tests.clients.running import CALLS, ROWS, assert_same, run_client

pytestmark = pytest.mark.kserve


@pytest.fixture(scope='module')
def answers(service):
    return run_client('kserve', 'kserve_client.py', service)


def test_health(answers):
    assert answers['v2']['live'] is True
    assert answers['v2']['ready'] is True
    assert answers['v2']['models_ready'] == [True, True, True, False]
    assert answers['v1']['models_ready'] == [True, True, True]


@pytest.mark.parametrize('call', CALLS)
def test_predictions(answers, expected, call):
    """In JSON and binary; the id that a request has is that of its response."""
    ways = {name: each for name, each in answers['v2']['predictions'].items() if name.split('-')[1] == call}
    assert len(ways) == 4
    for name, answer in ways.items():
        assert answer['head'] == [CALLS[call], name]
        assert_same(answer['outputs'], expected[CALLS[call]])


def test_all_outputs(answers, expected):
    for outputs in answers['v2']['all_outputs']:
        assert_same(outputs, expected['WineModel'])


def test_errors(answers):
    status, message = answers['v2']['failures']['shape']
    assert status == 400
    reason = 'inputs[0].shape: image must have the shape [-1, 8, 8], with the rows first, not [1, 8, 7]'
    assert message.startswith(f"{reason}, '400 Bad Request'")
    status, message = answers['v2']['failures']['model']
    assert status == 404
    assert message.startswith("There is no model 'DigitModel'. Did you mean 'DigitsModel'?")


def test_version_1(answers, expected):
    predictions = {model: answer['predictions'] for model, answer in answers['v1']['predictions'].items()}
    assert predictions['XXXModel'] == expected['XXXModel']['result']
    assert answers['v1']['values'] == {'predictions': predictions['XXXModel'][:2]}
    assert [each['digit'] for each in predictions['DigitsModel']] == expected['DigitsModel']['digit']
    assert [each['label'] for each in predictions['WineModel']] == expected['WineModel']['label']
    assert len(predictions['WineModel']) == len(ROWS['WineModel'])
