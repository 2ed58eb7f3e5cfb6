"""The direct lane: a valid POST to a model's URL is answered here, in front of Flask, for speed alone.

Flask's and werkzeug's dispatch costs more than many models do. Whatever is unusual is handed on to Flask with
its body intact, and before the model is called; so every answer is the one that Flask's way gives.
"""

import dis
import inspect
import sys

import flask_restful
from flask import request
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from ..resources.model_resource import ModelResource
from . import strict_json
from .bodies import content_length, read_body
from .hub import apart, new_wait
from .request import REFUSAL

# The key of `environ` for what Flask answers instead of dispatching.
RESULT = 'model_serving.result'
CONTENT_TYPES = {'application/json'} | {
    f'application/json;{space}charset={name}' for space in ('', ' ') for name in ('utf-8', 'UTF-8')
}
# How Flask's RuntimeError begins, where a handler asks for what is only there while Flask has the request.
NO_CONTEXT = 'Working outside of '
FLASK = ('flask', 'flask_restful')


class DirectLane:
    """WSGI middleware around Flask's `wsgi_app`."""

    def __init__(self, app, served, otherwise):
        """`served` are pairs of a resource's class and its servable; `otherwise` answers what is unusual."""
        self._flask, self._otherwise = app.wsgi_app, otherwise
        self._served = {
            servable.url: (servable.settings['max_body'], resource.post.is_valid, _call(resource, servable))
            for resource, servable in served
            if is_plain(resource)
        }
        with app.test_request_context():
            response = app.process_response(app.response_class(mimetype='application/json'))
        # Whatever Flask and its extensions put on an answer is the same for every answer: CORS is constant.
        self._headers = [(name, value) for name, value in response.headers if name != 'Content-Length']

    def __call__(self, environ, start_response):
        served = self._served.get(environ['PATH_INFO'])
        length = content_length(environ)
        if served is None or length is None or length > served[0] or not _is_usual(environ):
            return self._otherwise(environ, start_response)
        _, is_valid, call = served
        body = read_body(environ, length)
        # A body that was cut may be valid all the same; Flask's way finds out that it is too short.
        answer = _answer(environ, body, is_valid, call) if len(body) == length else None
        if answer is None:
            if _lacks_context(environ.get(REFUSAL)):
                # It is not as plain as it looked: from now on, and this time too, it is called Flask's way.
                del environ[REFUSAL]
                self._served.pop(environ['PATH_INFO'], None)
                return self._otherwise(environ, start_response)
            return self._flask(environ, start_response)
        start_response('200 OK', [('Content-Length', str(len(answer))), *self._headers])
        return (answer,)


def _call(resource, servable):
    """Return the function from an instance to what the resource's handler returns for it."""
    handler = resource.post.handler
    own = (resource.__init__, resource.predict) != (ModelResource.__init__, ModelResource.predict)
    if own or _instructions(handler) != _instructions(_only_predicts):
        return lambda instance: apart(servable, _handle, handler, resource, servable, instance)
    # A handler that does nothing else can wait without its thread, since it holds no lock meanwhile.
    return lambda instance: {'result': servable.predict(instance, new_wait())}


def _handle(handler, resource, servable, instance):
    return handler(resource(servable), instance=instance)


def _only_predicts(self, instance):
    return {'result': self.predict(instance)}


def _instructions(function):
    return [(instruction.opname, instruction.argval) for instruction in dis.get_instructions(function)]


def _is_usual(environ):
    return (
        environ['REQUEST_METHOD'] == 'POST'
        and environ.get('CONTENT_TYPE') in CONTENT_TYPES
        and 'HTTP_TRANSFER_ENCODING' not in environ
        and 'HTTP_CONTENT_ENCODING' not in environ
        and REFUSAL not in environ
    )


def _answer(environ, body, is_valid, call):
    """Return the answer's bytes; None when Flask has to answer, and then `environ` may say what."""
    try:
        instance = strict_json.loads(body)
    except ValueError:
        return None
    # `null` counts as no body; what is not valid is explained by the resource's own decorator.
    if instance is None or not is_valid(instance):
        return None
    try:
        result = call(instance)
        if not isinstance(result, (tuple, Response)):
            return strict_json.dumps(result)
        environ[RESULT] = result
    except Exception as error:
        environ[REFUSAL] = error
    return None


def _lacks_context(error):
    return type(error) is RuntimeError and str(error).startswith(NO_CONTEXT)


def answer_instead(api):
    """Return a `before_request` function: it raises or renders what the lane or the edge has left in `environ`."""

    def answer():
        refusal = request.environ.get(REFUSAL)
        if refusal is not None:
            raise refusal
        result = request.environ.get(RESULT)
        if result is None or isinstance(result, Response):
            return result
        data, code, headers = flask_restful.utils.unpack(result)
        return api.make_response(data, code, headers=headers)

    return answer


def is_plain(resource) -> bool:
    """Tell whether calling `post` without Flask is the same: `validate_json` on it, nothing else around it."""
    post = getattr(resource, 'post', None)
    return (
        post is not None
        and issubclass(resource, ModelResource)
        and getattr(post, 'validated', None) is post  # a decorator around it copies the attribute, not the function
        and post.takes_instance
        and not isinstance(inspect.getattr_static(resource, 'post'), staticmethod)
        and inspect.isfunction(post.handler)
        and not hasattr(post.handler, '__wrapped__')
        and not resource.method_decorators
        and resource.dispatch_request is flask_restful.Resource.dispatch_request
        and not any(_holds_context(base) for base in resource.__mro__[: resource.__mro__.index(ModelResource)])
    )


def _holds_context(cls):
    return any(_needs_context(value) for value in vars(sys.modules[cls.__module__]).values())


def _needs_context(value):
    """Tell whether a value may only work while Flask has the request: a proxy, a function or a module of it."""
    if type(value) is LocalProxy:
        return True
    name = value.__name__ if inspect.ismodule(value) else value.__module__ if inspect.isfunction(value) else None
    return str(name).split('.')[0] in FLASK
