"""The two files of a model as the article has them, in place of ours: they serve unchanged."""

import pytest

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

FILES = {'model_serving/models/xxx_model.py': MODEL, 'model_serving/resources/xxx_model_resource.py': RESOURCE}


@pytest.fixture(scope='module')
def article(service_class, tmp_path_factory):
    """The service with the article's two files."""
    with service_class(tmp_path_factory.mktemp('article') / 'model serving', FILES, {'WORKERS': '2'}) as running:
        yield running


@pytest.mark.parametrize(
    'json, status, answer',
    [
        (None, 400, 'No JSON object'),
        ({}, 400, "'name' is a required property"),
        ({'name': 'Leo'}, 200, 'Good day, Leo.'),
        ({'name': '范叶亮'}, 200, '范叶亮'),
    ],
)
def test_the_contract(article, json, status, answer):
    answered = article.post('/v1/XXXModel', json)
    assert answered.status_code == status
    assert answer in answered.text
    assert answered.headers['Access-Control-Allow-Origin'] == '*'


def test_it_is_ready_documented_and_initialised_once(article):
    # By the master, before it forks the workers, which then share it.
    assert article.log.count('Initializing XXX Model ...') == 1
    assert len(article.worker_pids) == 2
    assert article.get('/v1/XXXModel').json()['name'] == 'XXXModel'
    assert article.get('/health/ready').status_code == 200
    document = article.get('/openapi.json').json()
    content = document['paths']['/v1/XXXModel']['post']['requestBody']['content']['application/json']
    schema = document['components']['schemas'][content['schema']['$ref'].rpartition('/')[2]]
    assert schema['properties']['name']['type'] == 'string'
