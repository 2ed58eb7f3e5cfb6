"""The handler of a model as other protocols call it: from an instance to the result without its envelope."""

import asyncio
import inspect
import json
from contextvars import copy_context
from functools import cached_property, partial
from typing import NamedTuple

import flask_restful
from flask import g
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from ...dialects.signature import Signature, result_of, signature_of
from ...serving import deadlines, event_loop
from ...serving.errors import NotReady
from ..direct import has_async_post, has_own_post

# Headers of the whole request's body, which a row does not have.
OF_THE_BODY = {'content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'host'}
# Headers of a handler's own answer, which becomes another one.
OF_AN_ANSWER = {*OF_THE_BODY, 'location'}


class Caller(NamedTuple):
    """Who sends a request: headers, with names in small letters; the address; what hooks have left in Flask's `g`."""

    headers: dict
    address: str = ''
    state: dict = {}


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
        # Only model files say more than the schemas.
        file = servable.model if servable.settings['file'] else None
        dtypes, name = getattr(file, 'dtypes', ({}, {})), getattr(file, 'output_name', None) or 'result'
        takes_arrays = getattr(file, 'takes_arrays', False)
        signature = signature_of(servable.schema or {}, servable.result_schema, dtypes, takes_arrays, name)
        return signature._replace(problem=self.native_only or signature.problem)

    @cached_property
    def native_only(self) -> str | None:
        """Why the model answers at its own URL only; None if other protocols serve it."""
        return native_only(self.servable)

    async def result(self, instance, caller: Caller):
        """Return the result for an instance; raises what the handler raises, and RowError for any status but 2xx."""
        servable = self.servable
        if self._is_async:
            answer = await servable.resource.post.handler(servable.resource(servable), instance=instance)
        else:
            run, threads = partial(copy_context().run, self._call_in_thread, instance, caller), servable.handler_threads
            answer = await (threads.run(run) if threads else asyncio.to_thread(run))
        data, status, headers = _unpacked(answer)
        if not 200 <= status < 300:
            message = data.get('message') if isinstance(data, dict) else data
            raise RowError(status if status >= 400 else 500, message or f'The handler answered {status}.', headers)
        has_result = isinstance(data, dict) and 'result' in data
        return data['result'] if has_result and (self._has_envelope or data.keys() == {'result'}) else data

    @cached_property
    def _is_async(self):
        return has_async_post(self.servable.resource)

    @cached_property
    def _has_envelope(self):
        """Whether the schema has an answer with `result` alone, so that this is the result and nothing else is."""
        schema = self.servable.result_schema
        return schema is not None and result_of(schema) is not schema

    def _call_in_thread(self, instance, caller):
        servable, timeout = self.servable, self.servable.settings['timeout']
        request = deadlines.of_call(timeout)
        # When a request ends, the calls that it waits for are cancelled. Those of other rows must go on.
        deadlines.begin(request.arrived, request.seconds, request.batches)
        # WSGI would take `X_User` for `X-User`.
        headers = [(name, text) for name, text in caller.headers.items() if name not in OF_THE_BODY and '_' not in name]
        base = {'REMOTE_ADDR': caller.address}
        options = {'method': 'POST', 'json': instance, 'headers': headers, 'environ_base': base}
        with self._app.test_request_context(servable.url, **options):
            vars(g).update(caller.state)
            answer = servable.resource.post.handler(servable.resource(servable), instance=instance)
            # A decorator around an async handler is a plain function.
            return event_loop.run(answer, servable.name, timeout) if inspect.iscoroutine(answer) else answer


class RowError(HTTPException):
    """An error that a handler gave for one row of a request, with its status and headers."""

    def __init__(self, status: int | None, message, headers=()):
        super().__init__(str(message))
        self.code = status if status and status >= 400 else 500
        own = Headers(headers or ()).items()
        self._headers = [(name, text) for name, text in own if name.lower() not in OF_AN_ANSWER]

    def get_headers(self, *arguments):
        return self._headers

    @classmethod
    def of(cls, error: HTTPException, place: str):
        """Return an error that a handler raised, with the place of its row in front of its message."""
        if error.response is not None:  # such an exception has no description and no code
            status, message, headers = _facts_of(error.response)
        else:
            message = getattr(error, 'data', {}).get('message', error.description)
            status, headers = error.code, error.get_headers()
        return cls(status, f'{place}: {message}', headers)


def _unpacked(answer):
    """Return data, status and headers of the answer of a handler; raises InternalServerError if it is not JSON."""
    if not isinstance(answer, Response):
        data, status, headers = flask_restful.utils.unpack(answer)
        # Flask takes `201 CREATED` too.
        return data, int(str(status).split()[0]), headers
    status, text, headers = _facts_of(answer)
    is_json = answer.mimetype == 'application/json'
    if not is_json and status < 300:
        raise InternalServerError('Other protocols cannot read a result from a Response that is not JSON.')
    return json.loads(text) if is_json else text, status, headers


def _facts_of(response):
    return response.status_code, '' if response.is_streamed else response.get_data(as_text=True), response.headers


def native_only(servable) -> str | None:
    """Return why a model answers at its own URL only; None if other protocols serve it."""
    if servable.is_stream:
        return 'its answer is a stream'
    if not has_own_post(servable.resource):
        return 'its handler is not a plain `post(self, instance)`'
    return None
