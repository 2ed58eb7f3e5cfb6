"""OpenAPI 3.1 at /openapi.json, made from the routes, so that it agrees with the code."""

import inspect
import re
from functools import cached_property

import orjson
from flask_restful import Resource

from .. import __version__
from . import access, streams
from .errors import ERROR_SCHEMA, MAX_EXAMPLE
from .models import MODEL_SCHEMA, MODELS_SCHEMA, state_of
from .protocols.base import LABELS
from .protocols.bodies import request_body
from .protocols.handler import native_only
from .protocols.schemas import PROTOCOL_SCHEMAS

SCHEMAS = '#/components/schemas/'

# The errors that a model's URL answers: status, name, meaning.
ERRORS = (
    (400, 'NotValid', 'The body is not JSON, or the schema does not allow it; `errors` then names every failure.'),
    (401, 'NoKey', 'The service asks for an API key, and the request has none that is valid.'),
    (403, 'OtherKey', 'The API key is for other models.'),
    (413, 'TooLarge', 'The body is larger than the service accepts.'),
    (
        415,
        'NotJSON',
        'The body is of a type that is not listed: JSON needs the header `Content-Type: application/json`.',
    ),
    (
        429,
        'TooManyRequests',
        'Too many requests wait, or the rate limit is reached: try again after `Retry-After` seconds.',
    ),
    (500, 'Failed', 'The model failed on this body; the log tells why, under the request id of the message.'),
    (503, 'NotReady', 'The model cannot answer at present; the message tells why.'),
    (504, 'TooSlow', 'The model did not answer in time.'),
)
STREAM = (
    'The answer, piece by piece: a line of JSON for each, or with `Accept: text/event-stream` an event with JSON as '
    'its data. The schema is that of a piece. If the model fails after the first piece, the last line, or event of the '
    'type `error`, has a `message`.'
)
REQUEST_ID = {'type': 'string', 'description': 'The id of this request, as sent or else made; the log has it too'}
RETRY_AFTER = {'type': 'string', 'description': 'When to try again, in seconds'}
ALWAYS = ('X-Request-ID',)
RETRY = ('X-Request-ID', 'Retry-After')


class Document:
    """The document of `app`; its models are described with their schemas and state."""

    def __init__(self, app):
        self._app = app

    def as_dict(self) -> dict:
        """Return the document, with the present state of the models."""
        paths = dict(self._paths)
        for url, servable in self._app.servables.items():
            facts = {
                'name': servable.name,
                'version': servable.version,
                'timeout': servable.settings['timeout'],
                'stream': servable.is_stream,
            }
            reason = native_only(servable)
            if reason:
                facts['native_only'] = reason
            if 'post' in paths[url]:
                paths[url] = {**paths[url], 'post': {**paths[url]['post'], 'x-model': {**facts, **state_of(servable)}}}
        asks_for_key = self._app.keys.is_on
        return {
            'openapi': '3.1.0',
            'info': {'title': 'Model Serving Demo', 'version': __version__},
            # Relative to this document: a proxy may serve us by TLS and below a path.
            'servers': [{'url': '.', 'description': 'This service'}],
            **({'security': [{name: []} for name in access.SCHEMES]} if asks_for_key else {}),
            'paths': paths,
            'components': {**self._components, **({'securitySchemes': access.SCHEMES} if asks_for_key else {})},
        }

    @cached_property
    def _paths(self):
        # Made at the first request, when the examples have been answered: their answers are shown.
        paths = {}
        for rule in self._app.url_map.iter_rules():
            resource = getattr(self._app.view_functions[rule.endpoint], 'view_class', None)
            if resource and not getattr(resource, 'undocumented', False):
                path = re.sub(r'<\w+:(\w+)>', r'{\1}', str(rule))
                servable, uploads = self._app.servables.get(path), self._app.uploads.get(path)
                operations = {
                    method.lower(): _operation(path, resource, method, servable, uploads)
                    for method in sorted(rule.methods - {'HEAD', 'OPTIONS'})
                }
                if hasattr(resource, 'dialect'):
                    operations['post']['requestBody'] = request_body(resource, self._app.handlers.values())
                if rule.arguments:
                    operations['parameters'] = [self._parameter(name) for name in sorted(rule.arguments)]
                paths[path] = paths.get(path, {}) | operations
        return paths

    def _parameter(self, name):
        """Return the description of a part of a path: the `name` of a model, a `version` or a `label`."""
        servables = self._app.servables.values()
        known = {'name': [one.name for one in servables], 'version': [str(one.version) for one in servables]}
        schema = {'type': 'string', 'enum': list(dict.fromkeys(known.get(name, LABELS)))}
        return {'name': name, 'in': 'path', 'required': True, 'schema': schema}

    @cached_property
    def _components(self):
        schemas = {'Error': ERROR_SCHEMA, 'Model': MODEL_SCHEMA, 'Models': MODELS_SCHEMA, **PROTOCOL_SCHEMAS}
        for servable in self._app.servables.values():
            for suffix, schema in (('instance', servable.schema), ('answer', servable.result_schema)):
                name = _schema_name(servable, suffix)
                schemas[name] = placed(schema or {}, SCHEMAS + name)
        errors = {
            name: _response(meaning, {'$ref': SCHEMAS + 'Error'}, RETRY if status in (429, 503) else ALWAYS)
            for status, name, meaning in ERRORS
        }
        headers = {'X-Request-ID': {'schema': REQUEST_ID}, 'Retry-After': {'schema': RETRY_AFTER}}
        return {'schemas': schemas, 'headers': headers, 'responses': errors}


class OpenAPI(Resource):
    """This description of the service, as OpenAPI 3.1."""

    def __init__(self, document):
        self._document = document

    def get(self):
        return self._document.as_dict()


def placed(schema, place: str):
    """Return `schema` with its references into itself (`#/$defs/…`) changed to its `place` in the document."""
    if isinstance(schema, list):
        return [placed(part, place) for part in schema]
    if not isinstance(schema, dict) or '$id' in schema:
        return schema
    return {
        key: place + value[1:]
        if key == '$ref' and isinstance(value, str) and (value == '#' or value.startswith('#/'))
        else value
        if key in ('examples', 'example', 'default', 'const', 'enum')
        else placed(value, place)
        for key, value in schema.items()
    }


def _schema_name(servable, suffix):
    return f'v{servable.version}.{servable.name}.{suffix}'


def _operation(url, resource, method, servable, uploads):
    handler = getattr(resource, method.lower())
    summary, _, description = inspect.cleandoc(handler.__doc__ or resource.__doc__ or url).partition('\n')
    answer = getattr(resource, 'answer', None)
    operation = {
        'operationId': re.sub(r'\W', '_', f'{method.lower()}{url}'),
        'summary': summary,
        'tags': ['models' if servable else getattr(resource, 'tag', 'service')],
        'responses': {'200': _response('The answer', {'$ref': SCHEMAS + answer} if answer else {})},
    }
    if description.strip():
        operation['description'] = description.strip()
    if servable and method == 'POST':
        operation |= _body_and_answers(servable, uploads)
    for status, meaning in getattr(resource, 'statuses', {}).items():
        operation['responses'][str(status)] = _response(
            meaning, {'$ref': SCHEMAS + getattr(resource, 'error', 'Error')}
        )
    return operation


def _body_and_answers(servable, uploads):
    schema = {'$ref': SCHEMAS + _schema_name(servable, 'answer')}
    if servable.is_stream:
        answer = _response(STREAM, schema, types=streams.MEDIA_TYPES)
    else:
        answer = _response('The answer', schema)
        if servable.answers and len(orjson.dumps(servable.answers[0])) <= MAX_EXAMPLE:
            answer['content']['application/json']['example'] = servable.answers[0]
    errors = {str(status): {'$ref': f'#/components/responses/{name}'} for status, name, _ in ERRORS}
    place = SCHEMAS + _schema_name(servable, 'instance')
    return {
        'requestBody': {
            'required': True,
            'content': {'application/json': {'schema': {'$ref': place}}, **(uploads.content(place) if uploads else {})},
        },
        'responses': {'200': answer, **errors},
    }


def _response(meaning, schema, headers=ALWAYS, types=('application/json',)):
    headers = {name: {'$ref': f'#/components/headers/{name}'} for name in headers}
    return {'description': meaning, 'headers': headers, 'content': {each: {'schema': schema} for each in types}}
