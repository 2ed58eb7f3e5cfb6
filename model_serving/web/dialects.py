"""Predictions by other protocols: how a request of one becomes calls of the model's own handler."""

import asyncio
import gzip
import zlib
from functools import cached_property
from typing import NamedTuple

import orjson
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response

from ..dialects import mlflow, open_inference, tensorflow_serving
from ..dialects.signature import signature_of
from ..serving import many
from ..serving.errors import InvalidInstance, NotReady
from . import handlers, strict_json
from .direct import has_async_post

# The largest body with many rows, in bytes, unless the setting max_body says otherwise.
MAX_BODY = 2**25
# Shorter answers are not compressed.
LEAST_COMPRESSED = 1024
FAST = 1


class Head(NamedTuple):
    """The headers of a request that count here."""

    content_type: str
    json_length: str
    accepted: str


class Dialect(NamedTuple):
    """A protocol: `read(body, head, predictions)` returns the call of a body, `error(message, status)` an error."""

    title: str
    read: object
    error: object


class Predictions:
    """What is answered at the URL of a protocol for one model."""

    def __init__(self, dialect: Dialect, servable, app):
        self.dialect, self.servable, self.settings = dialect, servable, servable.settings
        self._app = app
        self.max_body = servable.settings['max_body'] or MAX_BODY

    @cached_property
    def signature(self):
        """What the schemas of the model say in terms of tensors; known when the model is ready."""
        servable = self.servable
        dtypes = getattr(servable.model, 'dtypes', ({}, {}))
        takes_arrays = getattr(servable.model, 'takes_arrays', False) and has_async_post(servable.resource)
        return signature_of(servable.schema or {}, servable.result_schema, dtypes, takes_arrays)

    @cached_property
    def _call(self):
        return handlers.caller_of(self.servable, self._app)

    def reader(self, head: Head):
        """Return a function that reads the body of a request with these headers."""
        return lambda body: self.read(body, head)

    def read(self, body: bytes, head: Head):
        """Return what `answer` takes: the call and the headers; raises InvalidInstance, BadRequest and NotReady."""
        if self.servable.problem:
            raise NotReady(self.servable.name, self.servable.problem)
        reason = handlers.native_only(self.servable)
        if reason:
            raise BadRequest(f'{self.servable.name} answers at {self.servable.url} only, since {reason}.')
        return self.dialect.read(body, head, self), head

    async def answer(self, read):
        """Return the answer to a request that was read: JSON values, or a Response with bytes."""
        call, head = read
        await self._check(call)
        at_once = min(2 * self.servable.batcher.max_batch_size, self.settings['max_queue'])
        results = await many.each(lambda row: self._result(call, row), call.count, at_once)
        answer, tail = call.write(results)
        if self.dialect is not OPEN_INFERENCE:
            return answer
        return await _encoded(answer, tail, head.accepted)

    async def _check(self, call):
        """Raise InvalidInstance for the first row that does not fit the schema."""
        post = self.servable.resource.post
        for row in range(0 if call.is_checked else call.count):
            instance = call.instance(row)
            if not post.is_valid(instance):
                failure = post.errors(instance, len(orjson.dumps(instance)))[0]
                raise InvalidInstance(call.place(row, failure['path']), failure['message'])
            if row % many.TURN == 0:
                await asyncio.sleep(0)

    async def _result(self, call, row):
        """Return the result for a row: the answer of the model's own handler, without the envelope."""
        try:
            return handlers.result_of(await self._call(call.instance(row)))
        except InvalidInstance as error:
            raise InvalidInstance(call.place(row, error.path), error.message) from error
        except HTTPException as error:
            raise handlers.with_place(error, call.place(row, '')) from error


async def _encoded(answer, tail, accepted):
    """Return the answer as JSON values, or as a Response if bytes follow them or if the client takes it compressed."""
    encoding = next((each for each in ('gzip', 'deflate') if each in accepted.lower()), None)
    if not tail and not encoding:
        return answer
    head = strict_json.dumps(answer)
    body, headers = head + tail, {}
    if tail:
        headers['Inference-Header-Content-Length'] = str(len(head))
    if encoding and len(body) >= LEAST_COMPRESSED:
        # In a thread, where it does not keep the loop.
        body = await asyncio.to_thread(gzip.compress if encoding == 'gzip' else zlib.compress, body, FAST)
        headers |= {'Content-Encoding': encoding, 'Vary': 'Accept-Encoding'}
    return Response(body, 200, headers, content_type='application/octet-stream' if tail else 'application/json')


def _read_open_inference(body, head, predictions):
    if predictions.signature.problem:
        name, url = predictions.servable.name, predictions.servable.url
        raise BadRequest(f'{name} has no tensors, since {predictions.signature.problem}. POST JSON to {url}.')
    length = len(body)
    if head.json_length:
        if not head.json_length.isdecimal() or int(head.json_length) > length:
            raise BadRequest(f'Inference-Header-Content-Length must be at most {length}, the length of the body.')
        length = int(head.json_length)
    servable = predictions.servable
    envelope = _json(body[:length])
    model = {'model_name': servable.name, 'model_version': str(servable.version)}
    if isinstance(envelope, dict) and 'id' in envelope:
        model['id'] = envelope['id']
    return open_inference.read(envelope, memoryview(body)[length:], predictions.signature, model)


def _read_tensorflow(body, head, predictions):
    return tensorflow_serving.read(_json(body), predictions.signature)


def _read_mlflow(body, head, predictions):
    media_type, _, parameters = head.content_type.partition(';')
    if media_type.strip().lower() != 'text/csv':
        return mlflow.read(_json(body), predictions.signature)
    try:
        text = body.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadRequest(f'The table is not UTF-8: {error}.') from None
    return mlflow.read_csv(text, predictions.signature, 'header=absent' not in parameters.replace(' ', ''))


def _json(body):
    if not body:
        raise BadRequest('The body is empty. Send JSON.')
    try:
        return strict_json.loads(body)
    except ValueError as error:
        raise BadRequest(str(error)) from None


OPEN_INFERENCE = Dialect('Open Inference Protocol V2', _read_open_inference, open_inference.error)
TENSORFLOW = Dialect('TensorFlow Serving', _read_tensorflow, tensorflow_serving.error)
MLFLOW = Dialect('MLflow', _read_mlflow, mlflow.error)
