"""/openapi.json: what it says is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import openapi_spec_validator
import pytest

from model_serving.web.openapi import placed

FOLDER = Path(__file__).parent
ERROR_KEYS = {
    'Open Inference Protocol V2': ['error'],
    'TensorFlow Serving': ['error'],
    'MLflow': ['error_code', 'message'],
}
ERRORS = {'400', '413', '415', '429', '500', '503', '504'}


@pytest.fixture(scope='module')
def document(service):
    return service.get('/openapi.json').json()


def resolved(document, part):
    """Return `part` of the document, or what it refers to."""
    if '$ref' not in part:
        return part
    _, _, kind, name = part['$ref'].split('/')
    return document['components'][kind][name]


def operations(methods):
    return [operation for method, operation in methods.items() if method in ('get', 'post')]


def test_valid(document, gallery):
    openapi_spec_validator.validate(document)
    openapi_spec_validator.validate(gallery.get('/openapi.json').json())


def test_every_route_is_there_but_the_pages_own_files(client):
    paths = set(client.get('/openapi.json').json['paths'])
    assert {'/v1', '/v1/XXXModel', '/v1/DigitsModel', '/v1/WineModel', '/health/ready', '/openapi.json'} <= paths
    rules = {
        re.sub(r'<name:(\w+)>|<int:(version)>', r'{\1\2}', str(rule))
        for rule in client.application.url_map.iter_rules()
    }
    others = rules - paths
    files = {rule for rule in others if rule.startswith(('/docs/', '/page/'))}
    assert others - files <= {'/', '/metrics', '/README.md', '/<string:name>.md', '/jquery.min.js'}


def test_every_error_has_its_shape(document, service):
    for path, methods in document['paths'].items():
        for operation in operations(methods):
            errors = {status: resolved(document, response) for status, response in operation['responses'].items()}
            errors.pop('200')
            assert set(errors) >= ERRORS or 'x-model' not in operation, path
            for response in errors.values():
                schema = resolved(document, response['content']['application/json']['schema'])
                assert schema['required'] == ERROR_KEYS.get(operation['tags'][0], ['message'])
    answer, schema = service.post('/v1/DigitsModel', {'image': 1}), document['components']['schemas']['Error']
    jsonschema.validate(answer.json(), {**schema, 'additionalProperties': False})


def test_examples_and_their_answers(document, service):
    for path, methods in document['paths'].items():
        if 'x-model' in methods.get('post', {}):
            content = methods['post']['requestBody']['content']['application/json']
            (example, *_) = resolved(document, content['schema'])['examples']
            content = methods['post']['responses']['200']['content']
            if methods['post']['x-model']['stream']:
                for line in service.post(path, example).text.splitlines():
                    jsonschema.validate(json.loads(line), resolved(document, content['application/x-ndjson']['schema']))
                continue
            answer = content['application/json']
            assert service.post(path, example).json() == answer['example']
            jsonschema.validate(answer['example'], resolved(document, answer['schema']))


def test_a_description_and_the_list_are_as_their_schemas_say(document, service):
    for path, name in (('/v1/WineModel', 'WineModel'), ('/v1', 'WineModel')):
        answer = document['paths'][path]['get']['responses']['200']['content']['application/json']
        schema = resolved(document, answer['schema'])
        described = service.get(path).json()
        jsonschema.validate(described, schema)
        assert set(described) <= set(schema['properties'])
        assert name in str(described)


def test_model_says_that_it_is_ready(document):
    described = document['paths']['/v1/WineModel']['post']['x-model']
    assert described == {'name': 'WineModel', 'version': 1, 'timeout': 30.0, 'stream': False, 'state': 'ready'}


def test_references_lead_to_the_place_in_the_document(gallery):
    schemas = gallery.get('/openapi.json').json()['components']['schemas']
    form = schemas['v1.FormModel.instance']
    assert form['properties']['tree'] == {'$ref': '#/components/schemas/v1.FormModel.instance/$defs/tree'}
    kept = {'const': {'$ref': '#/a'}, '$ref': 'https://example.com/a', 'not': {'$ref': '#'}}
    assert placed(kept, '#/b') == {**kept, 'not': {'$ref': '#/b'}}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    'examples', [pytest.param(100, marks=pytest.mark.long), pytest.param(10, marks=pytest.mark.examples)]
)
def test_live_service_does_what_it_says(service, tmp_path, examples):
    """By generated requests, each answer checked in every way that Schemathesis knows."""
    program, config = Path(sys.executable).with_name('schemathesis'), FOLDER / 'schemathesis.toml'
    finished = subprocess.run(
        [program, '--config-file', config, 'run', f'{service.url}/openapi.json', '--max-examples', str(examples)],
        cwd=tmp_path,
        env={'SCHEMATHESIS_HOOKS': 'schemathesis_hooks', 'PYTHONPATH': str(FOLDER)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
