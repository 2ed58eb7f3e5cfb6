"""A model, and resources with handlers of every kind: what each way to serve them must answer alike."""

import math
import sys
from functools import partial, wraps

import flask_restful
import numpy
import werkzeug
from werkzeug.exceptions import Conflict

from model_serving.resources.model_resource import ModelResource
from model_serving.serving.errors import InvalidInstance
from model_serving.utils.validation_utils import validate_json

schema = {
    'type': 'object',
    'properties': {'value': {'type': ['number', 'string', 'array', 'null']}, 'as': {'type': 'string'}},
    'required': ['value'],
    'examples': [{'value': 1}],
}


class OddInstance(InvalidInstance):
    """A model's own kind of invalid instance."""


def raise_(error):
    raise error


def fails():
    yield str(1 / 0)


async def never_awaited():
    """For the result that a handler gives when it forgets an await."""


ANSWERS = {
    'result': lambda value: {'result': value},
    'list': lambda value: [value],
    'text': lambda value: 'text',
    'none': lambda value: None,
    'code': lambda value: ({'result': value}, 201),
    'headers': lambda value: ({'result': value}, 202, {'X-Model': 'a', 'Content-Language': 'zh'}),
    'type': lambda value: ({'result': value}, 200, {'Content-Type': 'application/problem+json'}),
    'broken header': lambda value: ({'result': value}, 200, {'X-Model': 'a\nb'}),
    'pair': lambda value: ({'a': 1}, {'b': 2}, {'c': 3}, {'d': 4}),
    'response': lambda value: werkzeug.Response('plain', 203, {'X-Model': 'b'}, mimetype='text/plain'),
    'stream': lambda value: werkzeug.Response(iter(['a', 'b' * 100_000, 'c']), mimetype='text/plain'),
    'redirect': lambda value: werkzeug.utils.redirect('/health/live', 303),
    'nan': lambda value: {'result': [math.nan, math.inf]},
    'numpy': lambda value: {'result': numpy.arange(6).reshape(2, 3).T},
    'set': lambda value: {'result': {1, 2}},
    'not awaited': lambda value: {'result': never_awaited()},
    'raise': lambda value: 1 / 0,
    'conflict': lambda value: raise_(Conflict('There is one already.')),
    'conflict as a response': lambda value: raise_(Conflict(response=werkzeug.Response('taken', 409))),
    'abort': lambda value: flask_restful.abort(409, message='It is taken.', by='Leo'),
    'invalid': lambda value: raise_(InvalidInstance('value', f'{value} is odd')),
    'odd': lambda value: raise_(OddInstance('', f'{value} is odd')),
    'exit': lambda value: sys.exit(3),
    'no content': lambda value: (None, 204),
    'not modified': lambda value: (None, 304),
    'not found': lambda value: flask_restful.abort(404),
    'an error that is not JSON': lambda value: flask_restful.abort(400, by=object()),
    'an error whose body fails': lambda value: raise_(Conflict(response=werkzeug.Response(fails()))),
}


class EchoModel:
    """Answers `value`; fails for the word `fail`."""

    load_before_fork = True

    def predict(self, instances):
        if any(instance['value'] == 'fail' for instance in instances):
            raise RuntimeError('the model failed')
        return [instance['value'] for instance in instances]


class AsyncResource(ModelResource):
    """Any answer that a handler can give, chosen by `as`."""

    @validate_json(schema)
    async def post(self, instance):
        return ANSWERS[instance.get('as', 'result')](await self.predict_async(instance))


class StreamingResource(ModelResource):
    """Yields the value, then what the model makes of it."""

    @validate_json(schema)
    async def post(self, instance):
        yield {'value': instance['value']}
        yield ANSWERS[instance.get('as', 'result')](await self.predict_async(instance))


class DefResource(ModelResource):
    """The same, in a thread."""

    @validate_json(schema)
    def post(self, instance):
        return ANSWERS[instance.get('as', 'result')](self.predict(instance))


class ForcedResource(ModelResource):
    """Reads the body whatever its type."""

    @validate_json(schema, force=True)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class RequestResource(ModelResource):
    """Asks Flask for the request, imported late."""

    @validate_json(schema)
    def post(self, instance):
        from flask import request

        return {'result': self.predict(instance), 'path': request.path}


class StaticResource(ModelResource):
    """Gets no resource."""

    @staticmethod
    @validate_json(schema)
    def post(instance):
        return {'result': instance['value']}


class PartialResource(ModelResource):
    """Its handler is not a function of Python's."""

    post = validate_json(schema)(partial(lambda prefix, self, instance: [prefix, instance['value']], 'a'))


class ReadOnlyResource(ModelResource):
    """Has no `post` at all."""

    def get(self):
        return {'result': 'read'}


def answer_teapot(handler):
    @wraps(handler)
    def wrapper(*arguments, **named):
        return {'message': 'I am a teapot.'}, 418

    return wrapper


class DecoratedResource(ModelResource):
    """A decorator outside `validate_json`, such as a guard, which must never be skipped."""

    @answer_teapot
    @validate_json({**schema, 'examples': []})
    async def post(self, instance):
        return {'result': 'wrong'}


class InnerDecoratedResource(ModelResource):
    """A decorator inside `validate_json`."""

    @validate_json({**schema, 'examples': []})
    @answer_teapot
    async def post(self, instance):
        return {'result': 'wrong'}


class MethodDecoratedResource(ModelResource):
    """Flask-RESTful's own decorators."""

    method_decorators = [answer_teapot]

    @validate_json({**schema, 'examples': []})
    async def post(self, instance):
        return {'result': 'wrong'}


class DispatchingResource(ModelResource):
    """Answers before any method is called."""

    def dispatch_request(self, *arguments, **named):
        return {'message': 'I am a teapot.'}, 418

    @validate_json({**schema, 'examples': []})
    async def post(self, instance):
        return {'result': 'wrong'}
