"""GET on a model's URL tells what it is, and GET /v1 which models there are."""

from urllib.parse import urljoin

import pytest
import requests
from flask_restful import Resource

from model_serving.app import create_app
from model_serving.resources.model_resource import ModelResource
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json
from tests.web.conftest import message_of

SCHEMA = {'type': 'object', 'properties': {'a': {'type': 'integer'}}, 'examples': [{'a': 1}]}


class PlainResource(Resource):
    """Written as in the article."""

    @validate_json(SCHEMA)
    def post(self):
        return {'result': 1}


class UndescribedResource(ModelResource):
    @validate_json({'description': 'Says the same.', **SCHEMA})
    async def post(self, instance):
        return {'result': instance}


class ReadableResource(PlainResource):
    def get(self):
        return {'own': True}


class BareResource(Resource):
    def put(self):
        return {}


RESOURCES = (PlainResource, UndescribedResource, ReadableResource, BareResource)


def client_of(*resources, version=1, **environ):
    """Return a client of an app that serves resources as `/v1/Plain` and so on."""
    routes = [
        Route(f'/v{number}/{resource.__name__.removesuffix("Resource")}', resource, object)
        for number, resource in enumerate(resources, version)
    ]
    return create_app(routes, Conf('nowhere', environ)).test_client()


@pytest.mark.parametrize(
    'name, description', [('XXXModel', 'A name → a greeting.'), ('WineModel', 'A chemical analysis of a wine')]
)
def test_a_model_tells_what_it_is(service, name, description):
    told = service.get(f'/v1/{name}').json()
    assert (told['name'], told['version'], told['state']) == (name, 1, 'ready')
    assert told['description'].startswith(description)
    assert 'problem' not in told
    answer = service.post(f'/v1/{name}', told['examples'][0]).json()
    assert set(answer) == set(told['result_schema']['properties'])
    assert set(told['examples'][0]) == set(told['schema']['properties'])


@pytest.mark.parametrize('base', ['http://localhost/v1/WineModel', 'https://example.com/models/v1/WineModel'])
def test_its_links_are_right_behind_a_prefix_too(service, base):
    links = service.get('/v1/WineModel').json()['links']
    folder = base.removesuffix('/v1/WineModel')
    assert {name: urljoin(base, link) for name, link in links.items()} == {
        'models': f'{folder}/v1',
        'health': f'{folder}/health/ready?model=/v1/WineModel',
        'openapi': f'{folder}/openapi.json',
        'documentation': f'{folder}/docs/',
        'page': f'{folder}/#/v1/WineModel',
    }
    for link in links.values():
        assert requests.get(urljoin(f'{service.url}/v1/WineModel', link), timeout=30).status_code == 200


def test_no_page_no_link_to_it():
    client = client_of(PlainResource, MODEL_SERVING_SERVING_PAGE='off')
    assert set(client.get('/v1/Plain').json['links']) == {'models', 'health', 'openapi'}


def test_head_is_answered(service):
    head, get = (requests.request(method, f'{service.url}/v1/WineModel', timeout=30) for method in ('HEAD', 'GET'))
    assert (head.status_code, head.content) == (200, b'')
    assert head.headers['Content-Length'] == get.headers['Content-Length']


def test_resources_of_every_kind_are_described():
    client = client_of(*RESOURCES)
    plain, undescribed = client.get('/v1/Plain').json, client.get('/v2/Undescribed').json
    assert (plain['description'], plain['schema']) == ('Written as in the article.', SCHEMA)
    assert (plain['result_schema'], plain['examples']) == (None, [{'a': 1}])
    assert undescribed['description'] == 'Says the same.'
    # A resource's own `get` wins.
    assert client.get('/v3/Readable').json == {'own': True}
    bare = client.get('/v4/Bare').json
    assert (bare['description'], bare['schema'], bare['examples']) == ('', None, [])


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH'])
def test_another_method_is_told_what_get_and_post_do(misbehaving, method):
    answer = requests.request(method, f'{misbehaving.url}/v1/XXXModel', timeout=30)
    expected = f'{method} is not allowed here: POST JSON to this URL. GET tells what the model is.'
    assert message_of(answer, 405) == expected
    assert set(answer.headers['Allow'].split(', ')) == {'GET', 'HEAD', 'OPTIONS', 'POST'}


def test_of_a_get_of_ones_own_nothing_is_said():
    answer = client_of(ReadableResource).put('/v1/Readable')
    assert answer.json['message'] == 'PUT is not allowed here: POST JSON to this URL.'
    assert set(answer.headers['Allow'].split(', ')) == {'GET', 'HEAD', 'OPTIONS', 'POST'}
    answer = client_of(BareResource).delete('/v1/Bare')
    assert answer.json['message'] == 'DELETE is not allowed here. Allowed: GET, HEAD, OPTIONS, PUT'


@pytest.mark.parametrize('path', ['/v1', '/v1/'])
def test_the_list_of_a_version(service, path):
    models = {model.pop('name'): model for model in service.get(path).json()['models']}
    assert {'XXXModel', 'DigitsModel', 'WineModel'} <= set(models)
    xxx = models['XXXModel']
    assert service.get(urljoin(path, xxx.pop('url'))).json()['name'] == 'XXXModel'
    assert xxx == {'version': 1, 'state': 'ready', 'description': 'A name → a greeting.'}


def test_each_version_has_its_list_and_another_one_is_a_404():
    client = client_of(PlainResource, ReadableResource, version=2)
    assert [model['url'] for model in client.get('/v3').json['models']] == ['v3/Readable']
    for version in (0, 1, 7):
        assert client.get(f'/v{version}').json['message'] == f'No model has version {version}. There are: /v2, /v3'
    assert client.get('/nothing').json['message'].endswith('. GET /v2 or /v3 lists the models.')
    assert client.get('/v7').status_code == client.get(f'/v{"9" * 5000}').status_code == 404


def test_of_many_models_a_404_names_some():
    resources = [type(f'R{number}Resource', (PlainResource,), {}) for number in range(12)]
    routes = [Route(f'/v1/{each.__name__}', each) for each in resources]
    message = create_app(routes, Conf('nowhere', {})).test_client().get('/nothing').json['message']
    assert '/v1/R9Resource, …, /, /docs/' in message
    assert 'R10Resource' not in message
