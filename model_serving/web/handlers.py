"""Calls of a model's own handler for other protocols: from an instance to the result without its envelope."""

import asyncio
from contextvars import copy_context
from functools import partial

import flask_restful
from werkzeug.exceptions import InternalServerError, default_exceptions
from werkzeug.wrappers import Response

from ..serving import deadlines
from .direct import has_async_post, has_own_post


def native_only(servable) -> str | None:
    """Return why a model is not served by any other protocol; None if it is."""
    if servable.is_stream:
        return 'its answer is a stream'
    if not has_own_post(servable.resource):
        return 'its handler is not `post(self, instance)` with @validate_json alone'
    return None


def caller_of(servable, app):
    """Return a function `await call(instance)` that calls the handler of a model, as a request of its own would.

    An `async def` handler is called on the event loop, a `def` handler in one of the model's threads.
    """
    handler, resource = servable.resource.post.handler, servable.resource
    if has_async_post(resource):
        return lambda instance: handler(resource(servable), instance=instance)

    def call(instance):
        request = deadlines.of_call(servable.settings['timeout'])
        # The end of a request cancels what it waits for, and here others wait for their rows.
        deadlines.begin(request.arrived, request.seconds)
        with app.test_request_context(servable.url, method='POST', json=instance):
            return handler(resource(servable), instance=instance)

    async def call_in_thread(instance):
        run, threads = partial(copy_context().run, call, instance), servable.handler_threads
        return await (threads.run(run) if threads else asyncio.to_thread(run))

    return call_in_thread


def result_of(answer):
    """Return the result in the answer of a handler: the value of `result`, if it has nothing else.

    Raises the HTTPException of an error status.
    """
    if isinstance(answer, Response):
        raise InternalServerError('The handler returned a Response, in which other protocols find no result.')
    data, status, _ = flask_restful.utils.unpack(answer)
    if status >= 400:
        message = data.get('message') if isinstance(data, dict) else None
        raise default_exceptions.get(status, InternalServerError)(message)
    return data['result'] if isinstance(data, dict) and data.keys() == {'result'} else data


def with_place(error, place: str):
    """Return an error of a handler with the place of its row in front of its message."""
    status, message = error.code, getattr(error, 'data', {}).get('message', error.description)
    if error.response is not None:  # such an exception has no description and no code
        status, message = error.response.status_code, error.response.get_data(as_text=True)
    placed = default_exceptions.get(status, InternalServerError)(f'{place}: {message}')
    placed.retry_after = getattr(error, 'retry_after', None)
    return placed
