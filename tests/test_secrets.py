"""A secret that a model gets by `${…}` is never shown, whatever goes wrong; and one class serves in two rows."""

import json
from urllib.parse import quote

import pytest

from tests.conftest import wait_until

SECRET = 'hf_TopSecret"ü\'42'
MODEL = """
import logging
import threading
import warnings

from ..serving.errors import InvalidInstance, StartError

LOGGER = logging.getLogger('HubModel')


class HubModel:
    def __init__(self, token: str, greeting: str = 'Hello', fails: str = ''):
        self._token, self._greeting = token, greeting
        LOGGER.info('with %s', token)
        warnings.warn(f'{token} is old')
        threading.Thread(target=int, args=(token,)).start()
        if fails:
            raise {'error': ValueError(f'{token} is no good'), 'start': StartError(f'{token} expired')}[fails]

    def predict(self, instances):
        return [self._greeted(instance['name']) for instance in instances]

    def _greeted(self, name):
        if name == 'invalid':
            raise InvalidInstance('name', f'{"x" * 230} {self._token} does not know it')
        if name == 'error':
            raise RuntimeError(f'{self._token} was refused', {'token': self._token})
        return f'{self._greeting}, {name}!'
"""
RESOURCE = """
from flask_restful import abort

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


class HubModelResource(ModelResource):
    @validate_json({'type': 'object', 'required': ['name'], 'examples': [{'name': 'Leo'}]})
    async def post(self, instance):
        if instance['name'] == 'abort':
            abort(409, message=f'{self.model._token} is taken')
        return {'result': await self.predict_async(instance)}
"""
ROUTES = """
from .models.hub_model import HubModel
from .resources.hub_model_resource import HubModelResource
from .serving.route import Route

ROUTES = (
    Route('/v1/HubModel', HubModelResource, HubModel),
    Route('/v1/OtherModel', HubModelResource, HubModel),
)
"""


def files(fails=''):
    return {
        'model_serving/models/hub_model.py': MODEL,
        'model_serving/resources/hub_model_resource.py': RESOURCE,
        'model_serving/routes.py': ROUTES,
        'conf/hub.conf': f'[model]\nname = HubModel\n[params]\ntoken = ${{HUB_TOKEN}}\nfails = {fails}\n',
        'conf/other.conf': '[model]\nname = OtherModel\n[params]\ntoken = another\ngreeting = Hi\n',
    }


def hides_it(text):
    return not any(form in text for form in (SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], 'TopSecret'))


@pytest.fixture(scope='module')
def hub(service_class, tmp_path_factory):
    folder = tmp_path_factory.mktemp('hub') / 'model serving'
    with service_class(folder, files(), {'HUB_TOKEN': f' {SECRET}\n', 'WORKERS': '1'}).without_models() as service:
        yield service
    assert hides_it(service.log)


def test_one_class_in_two_rows_has_parameters_of_its_own_in_each(hub):
    answers = [hub.post(f'/v1/{name}', {'name': 'Leo'}).json()['result'] for name in ('HubModel', 'OtherModel')]
    assert answers == ['Hello, Leo!', 'Hi, Leo!']


@pytest.mark.parametrize('name, status', [('invalid', 400), ('error', 500), ('abort', 409)])
def test_no_error_shows_the_secret(hub, name, status):
    answer = hub.post('/v1/HubModel', {'name': name})
    assert answer.status_code == status
    assert hides_it(answer.text)
    assert ('***' in answer.text) == (status != 500)
    # The other row has no such secret to hide.
    assert ('another' in hub.post('/v1/OtherModel', {'name': name}).text) == (status != 500)


def test_nothing_that_describes_the_service_shows_the_secret(hub):
    for path in ('/openapi.json', '/v1/HubModel', '/v1', '/health/ready', '/'):
        assert hides_it(hub.get(path).text)
    assert '[HubModel] - with ***' in hub.log
    # Python itself would write these to stderr.
    assert 'UserWarning: *** is old' in hub.log
    assert "invalid literal for int() with base 10: '***'" in hub.log
    hub.post('/v1/HubModel', {'name': 'error'})
    assert 'RuntimeError: (' in hub.log
    hub.get(f'/{quote(SECRET, safe="")}')
    wait_until(lambda: '"GET /***" 404 ' in hub.log)
    assert hides_it(hub.log)


@pytest.mark.parametrize('fails, on_error', [('error', 'stop'), ('start', 'skip')])
def test_no_start_shows_the_secret(make_service, fails, on_error):
    environment = {'HUB_TOKEN': SECRET, 'WORKERS': '1', 'MODEL_SERVING_MODEL_ON_ERROR': on_error}
    service = make_service(files(fails), environment, start=False).without_models()
    finished = service.run('bin/start.sh')
    assert finished.returncode == (on_error == 'stop')
    said = finished.stdout + finished.stderr + service.log
    assert '***' in said
    assert hides_it(said)
    if on_error == 'skip':
        assert hides_it(service.get('/health/ready').text)
        assert '***' in service.post('/v1/HubModel', {'name': 'Leo'}).json()['message']
