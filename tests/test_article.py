"""The two files of a model as the article has them, in place of ours: they serve unchanged."""

from pathlib import Path

import pytest
from flask_restful import Resource, request

from model_serving.app import create_app
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json

MODEL = """
from ..utils.log_utils import XXXModel_LOGGER
LOGGER = XXXModel_LOGGER
class XXXModel():
    def __init__(self):
        LOGGER.info('Initializing XXX Model ...')
        LOGGER.info('XXX Model Initialized.')
    def hello(self, name:str) -> str:
        return 'Good day, {name}.'.format(name=name)
"""

RESOURCE = """
from flask_restful import Resource, request
from ..models.xxx_model import XXXModel
from ..utils.validation_utils import validate_json
xxx_model_instance = XXXModel()
xxx_model_schema = {
    'type': 'object',
    'properties': {
        'name': {'type': 'string'}
    },
    'required': ['name']
}
class XXXModelResource(Resource):
    @validate_json(xxx_model_schema)
    def post(self):
        json = request.json
        return {'result': xxx_model_instance.hello(json['name'])}
"""

FILES = {
    'model_serving/models/xxx_model.py': MODEL,
    'model_serving/resources/xxx_model_resource.py': RESOURCE,
}


@pytest.fixture(scope='module')
def article(service_class, tmp_path_factory):
    """The service with the article's two files."""
    running = service_class(tmp_path_factory.mktemp('article') / 'model serving', FILES, {'WORKERS': '2'})
    running.start()
    yield running
    running.stop()


def test_the_contract(article):
    answers = [article.post('/v1/XXXModel', json) for json in (None, {}, {'name': 'Leo'}, {'name': '范叶亮'})]
    assert [answer.status_code for answer in answers] == [400, 400, 200, 200]
    assert answers[0].json()['message'] == 'No JSON object'
    assert answers[1].json()['message'] == "'name' is a required property"
    assert answers[2].json() == {'result': 'Good day, Leo.'}
    assert '范叶亮' in answers[3].text
    assert all(answer.headers['Access-Control-Allow-Origin'] == '*' for answer in answers)
    assert article.get('/v1/XXXModel').status_code == 405


def test_the_model_is_initialised_once(article):
    # By the master, before it forks the workers, which then share it.
    assert article.log.count('Initializing XXX Model ...') == 1
    assert len(article.worker_pids) == 2


def test_it_is_ready_and_documented(article):
    assert article.get('/health/ready').status_code == 200
    document = article.get('/openapi.json').json()
    content = document['paths']['/v1/XXXModel']['post']['requestBody']['content']['application/json']
    schema = document['components']['schemas'][content['schema']['$ref'].rpartition('/')[2]]
    assert schema['properties']['name']['type'] == 'string'


class ForcedResource(Resource):
    @validate_json({'required': ['name']}, force=True)
    def post(self):
        return {'result': request.json['name']}


def test_where_it_is_forced_a_body_of_any_type_is_read():
    client = create_app(
        [Route('/v1/ForcedModel', ForcedResource)], Conf(environ={}, folder=Path('nowhere'))
    ).test_client()
    answer = client.post('/v1/ForcedModel', data='{"name": "Leo"}', content_type='text/plain')
    assert (answer.status_code, answer.json) == (200, {'result': 'Leo'})
    assert client.post('/v1/ForcedModel').json['message'] == 'No JSON object'
