"""A model and resources of every kind that a handler can be, for the comparison of the direct lane with Flask."""

import math
from functools import partial, wraps

import numpy
import werkzeug
from werkzeug.exceptions import Conflict

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json

schema = {
    'type': 'object',
    'properties': {'value': {'type': ['number', 'string', 'array', 'null']}, 'as': {'type': 'string'}},
    'required': ['value'],
    'examples': [{'value': 1}],
}

ANSWERS = {
    'result': lambda value: {'result': value},
    'list': lambda value: [value],
    'text': lambda value: 'text',
    'none': lambda value: None,
    'code': lambda value: ({'result': value}, 201),
    'headers': lambda value: ({'result': value}, 202, {'X-Model': 'a', 'Content-Language': 'zh'}),
    'pair': lambda value: ({'a': 1}, {'b': 2}, {'c': 3}, {'d': 4}),
    'response': lambda value: werkzeug.Response('plain', 203, {'X-Model': 'b'}, mimetype='text/plain'),
    'nan': lambda value: {'result': [math.nan, math.inf]},
    'numpy': lambda value: {'result': numpy.arange(6).reshape(2, 3).T},
    'set': lambda value: {'result': {1, 2}},
    'raise': lambda value: 1 / 0,
    'conflict': lambda value: (_ for _ in ()).throw(Conflict('There is one already.')),
}


class EchoModel:
    """Answers `value`; fails for the word `fail`."""

    load_before_fork = True

    def predict(self, instances):
        if any(instance['value'] == 'fail' for instance in instances):
            raise RuntimeError('the model failed')
        return [instance['value'] for instance in instances]


class EchoResource(ModelResource):
    """Any answer that a handler can give, chosen by `as`."""

    @validate_json(schema)
    def post(self, instance):
        return ANSWERS[instance.get('as', 'result')](self.predict(instance))


class ForcedResource(EchoResource):
    """Reads the body whatever its type."""

    @validate_json(schema, force=True)
    def post(self, instance):
        return {'result': self.predict(instance)}


class HiddenContextResource(ModelResource):
    """Asks Flask for the request where nobody can see it from outside."""

    @validate_json(schema)
    def post(self, instance):
        from flask import request

        return {'result': self.predict(instance), 'path': request.path}


class SuperResource(EchoResource):
    """Calls another validated handler, which asks Flask for the request's body."""

    @validate_json(schema)
    def post(self, instance):
        return super().post()


class StaticResource(ModelResource):
    """Is handed no resource."""

    @staticmethod
    @validate_json(schema)
    def post(instance):
        return {'result': instance['value']}


class PartialResource(ModelResource):
    """Its handler is no function of Python's."""

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
    """A decorator outside `validate_json`, which the lane must not pass by."""

    @answer_teapot
    @validate_json({**schema, 'examples': []})
    def post(self, instance):
        return {'result': 'wrong'}


class InnerDecoratedResource(ModelResource):
    """A decorator inside `validate_json`."""

    @validate_json({**schema, 'examples': []})
    @answer_teapot
    def post(self, instance):
        return {'result': 'wrong'}


class MethodDecoratedResource(ModelResource):
    """Flask-RESTful's own decorators."""

    method_decorators = [answer_teapot]

    @validate_json({**schema, 'examples': []})
    def post(self, instance):
        return {'result': 'wrong'}
