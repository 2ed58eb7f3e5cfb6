"""Triton's own clients, tritonclient.http and tritonclient.http.aio, call the service unchanged."""

import pytest

from model_serving import __version__
from tests.clients.files import EXPECTED
from tests.clients.running import CALLS, MODELS, ROWS, assert_same, run_client

pytestmark = pytest.mark.triton
KINDS = ('http', 'aio')


@pytest.fixture(scope='module', params=KINDS)
def answers(service, request):
    return run_client('triton', 'triton_client.py', service, request.param)


def test_health(answers):
    assert answers['live'] is True
    assert answers['ready'] is True
    assert answers['models_ready'] == [True, True, True, False]
    assert answers['version_ready'] is True


def test_metadata(answers):
    assert answers['server']['name'] == 'Model Serving Demo'
    assert answers['server']['version'] == __version__
    assert 'binary_tensor_data' in answers['server']['extensions']
    models = answers['models']
    assert models['DigitsModel']['inputs'] == [{'name': 'image', 'datatype': 'FP64', 'shape': [-1, 8, 8]}]
    assert [each['name'] for each in models['WineModel']['inputs']] == list(ROWS['WineModel'][0])
    assert models['WineModel']['outputs'][0] == {'name': 'label', 'datatype': 'BYTES', 'shape': [-1]}
    assert models['XXXModel']['versions'] == ['1']
    index = {each['name']: each for each in answers['index']}
    assert index['WineModel'] == {'name': 'WineModel', 'version': '1', 'state': 'READY', 'reason': ''}
    assert index.keys() > set(MODELS)


@pytest.mark.parametrize('call', CALLS)
def test_predictions(answers, expected, call):
    """In JSON and binary, plain and compressed; the id that a request has is that of its response."""
    ways = {name: each for name, each in answers['predictions'].items() if name.split('-')[1] == call}
    assert len(ways) == 12
    for name, answer in ways.items():
        assert answer['head'] == {'model_name': CALLS[call], 'model_version': '1', 'id': name}
        assert_same(answer['outputs'], expected[CALLS[call]])


def test_the_outputs_that_were_asked_for(answers, expected):
    assert_same(answers['all_outputs'], expected['WineModel'])
    assert_same(answers['one_output'], {'probabilities': expected['WineModel']['probabilities']})


def test_a_version(answers, expected):
    assert_same(answers['version'], expected['XXXModel'])


@pytest.mark.parametrize('answers', ['http'], indirect=True)
def test_async_infer(answers, expected):
    found = {name: [each[name][0] for each in answers['async']] for name in answers['async'][0]}
    assert_same(found, expected['DigitsModel'])


def test_errors(answers):
    failures = answers['failures']
    assert failures['shape'] == [
        '400',
        'inputs[0].shape: image must have the shape [-1, 8, 8], with the rows first, not [1, 8, 7]',
    ]
    assert failures['name'] == [
        '400',
        "inputs[0].name: 'images' is not an input of the model. Did you mean 'image'? There are: image",
    ]
    assert failures['datatype'] == ['400', 'inputs[0].datatype: name must be BYTES, not INT64']
    assert failures['value'] == ['400', 'inputs[0].data[0]: 17.0 is greater than the maximum of 16']
    assert failures['classification'] == ['400', 'outputs[0].parameters: classification is not supported']
    status, message = failures['model']
    assert status == '404'
    assert message.startswith("There is no model 'DigitModel'. Did you mean 'DigitsModel'?")


@pytest.mark.parametrize('kind', KINDS)
def test_files_as_raw_bytes(files_service, kind):
    """A property with `contentEncoding: base64` takes any bytes; the model gets them as base64."""
    assert run_client('triton', 'triton_files.py', files_service, kind) == EXPECTED
