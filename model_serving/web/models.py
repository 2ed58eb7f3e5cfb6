"""What the models are: GET on a model's URL, and GET /v1 for all models of a version."""

import inspect

from flask import current_app, request
from flask_restful import Resource

from ..utils.text_utils import without_folders

# Relative to a model's URL, so that they are right behind a proxy that adds a prefix.
LINKS = {'models': '../v{0.version}', 'health': '../health/ready?model={0.url}', 'openapi': '../openapi.json'}
PAGE_LINKS = {'documentation': '../docs/', 'page': '../#{0.url}'}

TEXT, OBJECT = {'type': 'string'}, {'type': ['object', 'null']}
FACTS = {'name': TEXT, 'version': {'type': 'integer'}, 'state': {'enum': ['ready', 'not ready']}, 'description': TEXT}
MODEL_SCHEMA = {
    'type': 'object',
    'required': [*FACTS, 'schema', 'result_schema', 'stream', 'examples', 'links'],
    'properties': {
        **FACTS,
        'problem': {**TEXT, 'description': 'Why the model is not ready'},
        'schema': {**OBJECT, 'description': 'The JSON Schema of the body of a POST; null if it is not known'},
        'result_schema': {
            **OBJECT,
            'description': 'The JSON Schema of the answer, or of a piece; null if it is not known',
        },
        'stream': {'type': 'boolean', 'description': 'Whether the answer comes piece by piece'},
        'examples': {'type': 'array', 'description': 'Bodies that the model accepts'},
        'links': {'type': 'object', 'additionalProperties': TEXT, 'description': 'Relative to the URL of the model'},
    },
}
ROW_SCHEMA = {
    'type': 'object',
    'required': [*FACTS, 'url'],
    'properties': {**FACTS, 'url': {**TEXT, 'description': 'Relative to the URL of the list'}},
}
MODELS_SCHEMA = {
    'type': 'object',
    'required': ['models'],
    'properties': {'models': {'type': 'array', 'items': ROW_SCHEMA}},
}


class ModelDescription(Resource):
    """What a model is."""

    answer = 'Model'

    def __init__(self, servable):
        self._servable = servable

    def get(self):
        """What this model is: its state, schemas and examples."""
        servable = self._servable
        links = {**LINKS, **(PAGE_LINKS if '/' in current_app.view_functions else {})}
        return {
            'name': servable.name,
            'version': servable.version,
            **state_of(servable),
            'description': description_of(servable),
            'schema': servable.schema,
            'result_schema': servable.result_schema,
            'stream': servable.is_stream,
            'examples': servable.examples,
            'links': {name: link.format(servable) for name, link in links.items()},
        }


class ModelList(Resource):
    """The models of one version."""

    answer = 'Models'

    def __init__(self, version):
        self._version = version

    def get(self):
        """The models of this version."""
        folder = '' if request.path.endswith('/') else f'v{self._version}/'
        servables = [each for each in current_app.servables.values() if each.version == self._version]
        return {
            'models': [
                {
                    'name': servable.name,
                    'version': servable.version,
                    'url': folder + servable.name,
                    'state': state_of(servable)['state'],
                    'description': description_of(servable),
                }
                for servable in servables
            ]
        }


def add_description(api, servable):
    """Answer GET on a model's URL, unless its resource does."""
    if not has_own_get(servable.resource):
        endpoint = f'GET {servable.url}'
        api.add_resource(ModelDescription, servable.url, endpoint=endpoint, resource_class_args=(servable,))


def add_lists(api, servables):
    """Answer GET /v1, and so on for each version that there is. At /v2 another protocol has more to say."""
    for url in list_urls(servables):
        if url == '/v2':
            continue
        api.add_resource(ModelList, url, endpoint=url, resource_class_args=(int(url[2:]),), strict_slashes=False)


def list_urls(servables) -> list:
    """Return the URLs of the lists: `/v1` for version 1."""
    return [f'/v{version}' for version in sorted({servable.version for servable in servables})]


def has_own_get(resource) -> bool:
    """Tell whether a resource answers GET itself. One without `methods` answers it by its own `dispatch_request`."""
    return 'GET' in (resource.methods or ['GET'])


def state_of(servable) -> dict:
    """Return `state`, and for a model that is not ready the `problem`."""
    if servable.problem:
        return {'state': 'not ready', 'problem': without_folders(servable.problem)}
    return {'state': 'ready'}


def description_of(servable) -> str:
    """Return what the author of a model says of it: the docstring of its resource, or the schema's description."""
    post, schema = getattr(servable.resource, 'post', None), servable.schema or {}
    return inspect.cleandoc(
        getattr(post, '__doc__', None) or servable.resource.__doc__ or schema.get('description', '')
    )
