"""TensorFlow Serving's REST API over HTTP, as Vertex AI's containers and KServe's V1 have it too."""

import base64
import json
import re

import pytest

from model_serving.app import create_app
from model_serving.serving.errors import StartError
from model_serving.utils.conf_utils import Conf

URL = '/v1/models/{}:predict'


@pytest.fixture(scope='module')
def wine(service):
    """An instance of WineModel and its result."""
    example = service.get('/v1/WineModel').json()['examples'][0]
    return example, service.post('/v1/WineModel', example).json()['result']


def test_rows_in_each_form(service, wine):
    instance, result = wine
    rows = [instance, list(instance.values())]
    answer = service.post(URL.format('WineModel'), {'signature_name': 'serving_default', 'instances': rows}).json()
    for prediction in answer['predictions']:
        assert prediction['label'] == result['label']
        assert prediction['probabilities'] == pytest.approx(result['probabilities'])


def test_the_value_alone_of_a_model_with_one_property(service):
    answer = service.post(URL.format('XXXModel'), {'instances': ['Leo', {'name': 'Ada'}]})
    assert answer.json() == {'predictions': ['Hello, Leo!', 'Hello, Ada!']}
    answer = service.post(URL.format('XXXModel'), {'inputs': ['Leo', 'Ada']})
    assert answer.json() == {'outputs': ['Hello, Leo!', 'Hello, Ada!']}


def test_columns(service, wine):
    instance, result = wine
    answer = service.post(URL.format('WineModel'), {'inputs': {name: [value] for name, value in instance.items()}})
    assert answer.json() == {'outputs': {name: [value] for name, value in result.items()}}


def test_texts_in_base64(service):
    coded = {'b64': base64.b64encode('范叶亮'.encode()).decode()}
    rows = {'instances': [coded, {'name': coded}]}
    assert service.post(URL.format('XXXModel'), rows).json() == {'predictions': ['Hello, 范叶亮!'] * 2}


def test_without_a_content_type_as_curl_sends_it(service):
    headers = {'Content-Type': 'application/x-www-form-urlencoded'}
    answer = service.post(URL.format('XXXModel'), data='{"instances": ["Leo"]}', headers=headers)
    assert answer.json() == {'predictions': ['Hello, Leo!']}


@pytest.mark.parametrize('path', ['', '/versions/1', '/labels/stable', '/labels/latest'])
def test_each_way_to_name_a_version(service, path):
    answer = service.post(f'/v1/models/XXXModel{path}:predict', {'instances': ['Leo']})
    assert answer.json() == {'predictions': ['Hello, Leo!']}
    status = service.get(f'/v1/models/XXXModel{path}').json()
    assert status['model_version_status'] == [
        {'version': '1', 'state': 'AVAILABLE', 'status': {'error_code': 'OK', 'error_message': ''}}
    ]
    # What KServe's V1 says in the same place.
    assert (status['name'], status['ready']) == ('XXXModel', True)
    signature = service.get(f'/v1/models/XXXModel{path}/metadata').json()['metadata']['signature_def']['signature_def']
    assert signature['serving_default']['inputs']['name']['dtype'] == 'DT_STRING'


def test_the_names_of_the_models(service):
    assert service.get('/v1/models').json() == {'models': ['XXXModel', 'DigitsModel', 'TextModel', 'WineModel']}


REFUSED = {
    'nothing': ('XXXModel', {}, 'The body must have exactly one of instances, inputs; it has none of them.'),
    'a typo': ('XXXModel', {'instance': []}, 'it has instance.'),
    'both': ('XXXModel', {'instances': ['a'], 'inputs': ['a']}, 'it has instances and inputs.'),
    'a list': ('XXXModel', ['Leo'], 'The body must be an object with instances or inputs.'),
    'no list': ('XXXModel', {'instances': 'Leo'}, 'instances: must be a list of rows'),
    'no row': ('XXXModel', {'instances': []}, 'instances: must not be empty'),
    'a bad row': ('XXXModel', {'instances': ['a', 'b', 7]}, "instances[2]: 7 is not of type 'string'"),
    'a bad property': ('XXXModel', {'instances': [{'name': 7}]}, "instances[0].name: 7 is not of type 'string'"),
    'a missing property': ('XXXModel', {'instances': [{}]}, "instances[0]: 'name' is a required property"),
    'null': ('XXXModel', {'instances': ['a', None]}, "instances[1]: null is not of type 'string'"),
    'inside of an array': (
        'DigitsModel',
        {'instances': [{'image': [[0] * 8] * 7 + [[0] * 7 + [17]]}]},
        'instances[0].image[7][7]: 17 is greater than the maximum of 16',
    ),
    'inside of a value alone': (
        'DigitsModel',
        {'instances': [[[0] * 8] * 7 + [[0] * 7 + [17]]]},
        'instances[0][7][7]: 17 is greater than the maximum of 16',
    ),
    'a short row of a table': ('WineModel', {'instances': [[1, 2]]}, 'or a list of 13 numbers'),
    'in a row of a table': ('WineModel', {'instances': [[13, 'x', *[1] * 11]]}, "instances[0][1]: 'x' is not of type"),
    'a column that is none': ('XXXModel', {'inputs': {'name': 'Leo'}}, 'inputs.name: must be a list of rows'),
    'in a column': ('XXXModel', {'inputs': {'name': ['a', 7]}}, "inputs.name[1]: 7 is not of type 'string'"),
    'unequal columns': ('WineModel', {'inputs': {'ash': [1], 'hue': [1, 2]}}, 'inputs: must have lists of the same'),
    'no columns': ('WineModel', {'inputs': {}}, 'inputs: must have lists of the same length, not none'),
    'not base64': ('XXXModel', {'instances': [{'b64': '!'}]}, 'instances[0].b64: is not base64 of a text in UTF-8'),
    'a stream': (
        'TextModel',
        {'instances': ['a']},
        'TextModel answers at /v1/TextModel only, since its answer is a stream.',
    ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_refused(service, name):
    model, body, reason = REFUSED[name]
    answer = service.post(URL.format(model), data=json.dumps(body))
    assert answer.status_code == 400
    assert set(answer.json()) == {'error'}
    assert reason in answer.json()['error']


@pytest.mark.parametrize(
    'path, reason',
    [
        ('/v1/models/NoModel', "There is no model 'NoModel'."),
        ('/v1/models/XXXModel/versions/2', 'XXXModel has no version 2. There are: 1'),
        (
            '/v1/models/XXXModel/labels/canary',
            "XXXModel has no label 'canary'. There are stable and latest, both of the highest version.",
        ),
    ],
)
def test_no_such_model(service, path, reason):
    for answer in (service.get(path), service.post(f'{path}:predict', {'instances': [1]})):
        assert answer.status_code == 404
        assert reason in answer.json()['error']


@pytest.mark.parametrize(
    'environment, reason',
    [
        ({'AIP_PREDICT_ROUTE': '/predict'}, 'AIP_PREDICT_ROUTE is set, and there are several models.'),
        ({'MODEL_SERVING_SERVING_DEFAULT_MODEL': 'WinModel'}, "there is no such model. Did you mean 'WineModel'?"),
    ],
)
def test_no_default_model(environment, reason):
    with pytest.raises(StartError, match=re.escape(reason)):
        create_app(conf=Conf(environ=environment))
