"""The handler of a model as other protocols call it: from an instance to the result without its envelope."""

import asyncio
from contextvars import copy_context
from functools import cached_property, partial

import flask_restful
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from ...dialects.signature import Signature, result_of, signature_of
from ...serving import deadlines
from ...serving.errors import NotReady
from ..direct import has_async_post, has_own_post


class Handler:
    """Calls the `post` of a model's resource, as a request at the model's own URL would."""

    def __init__(self, servable, app):
        self.servable = servable
        self._app = app

    @cached_property
    def signature(self) -> Signature:
        """What the schemas of the model say in terms of tensors; raises NotReady."""
        servable = self.servable
        if servable.problem:
            raise NotReady(servable.name, servable.problem)
        dtypes = getattr(servable.model, 'dtypes', ({}, {}))
        # A `def` handler gets its instance through the JSON of Flask's request.
        takes_arrays = getattr(servable.model, 'takes_arrays', False) and has_async_post(servable.resource)
        name = getattr(servable.model, 'output_name', None) or 'result'
        signature = signature_of(servable.schema or {}, servable.result_schema, dtypes, takes_arrays, name)
        return signature._replace(problem=native_only(servable) or signature.problem)

    async def result(self, instance):
        """Return the result for an instance; raises what the handler raises, and RowError for an error status."""
        servable = self.servable
        if has_async_post(servable.resource):
            answer = await servable.resource.post.handler(servable.resource(servable), instance=instance)
        else:
            run, threads = partial(copy_context().run, self._call_in_thread, instance), servable.handler_threads
            answer = await (threads.run(run) if threads else asyncio.to_thread(run))
        if isinstance(answer, Response):
            raise InternalServerError('Other protocols cannot read a result from a Response.')
        data, status, headers = flask_restful.utils.unpack(answer)
        if status >= 400:
            raise RowError(status, data.get('message') if isinstance(data, dict) else data, headers)
        has_result = isinstance(data, dict) and 'result' in data
        return data['result'] if has_result and (self._has_envelope or data.keys() == {'result'}) else data

    @cached_property
    def _has_envelope(self):
        """Whether the schema has an answer with `result` alone, so that this is the result and nothing else is."""
        schema = self.servable.result_schema
        return schema is not None and result_of(schema) is not schema

    def _call_in_thread(self, instance):
        servable = self.servable
        request = deadlines.of_call(servable.settings['timeout'])
        # When a request ends, the calls that it waits for are cancelled. Those of other rows must go on.
        deadlines.begin(request.arrived, request.seconds)
        with self._app.test_request_context(servable.url, method='POST', json=instance):
            return servable.resource.post.handler(servable.resource(servable), instance=instance)


class RowError(HTTPException):
    """An error that a handler gave for one row of a request, with its status and headers."""

    def __init__(self, status: int, message, headers=None):
        super().__init__(None if message is None else str(message))
        self.code, self._headers = status, headers or {}

    def get_headers(self, *arguments):
        return list(self._headers.items())

    @classmethod
    def of(cls, error: HTTPException, place: str):
        """Return an error that a handler raised, with the place of its row in front of its message."""
        status, message = error.code, getattr(error, 'data', {}).get('message', error.description)
        headers = dict(error.get_headers())
        if error.response is not None:  # such an exception has no description and no code
            status, message = error.response.status_code, error.response.get_data(as_text=True)
            headers = dict(error.response.headers)
        own = {name: value for name, value in headers.items() if name not in ('Content-Type', 'Content-Length')}
        return cls(status, f'{place}: {message}', own)


def native_only(servable) -> str | None:
    """Return why a model answers at its own URL only; None if other protocols serve it."""
    if servable.is_stream:
        return 'its answer is a stream'
    if not has_own_post(servable.resource):
        return 'its handler is not a plain `post(self, instance)`'
    return None
