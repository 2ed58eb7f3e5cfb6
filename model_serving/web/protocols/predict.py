"""Predictions by other protocols: a body is read, its rows are checked and answered, and the answer is written."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import orjson
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.http import parse_accept_header, parse_options_header
from werkzeug.wrappers import Response

from ...dialects import mlflow, open_inference, tensorflow_serving
from ...dialects.call import MAX_ROWS
from ...serving import many
from ...serving.errors import InvalidInstance
from .. import strict_json
from .handler import Caller, Handler, RowError

# The largest body with many rows, in bytes, unless the setting max_body says otherwise.
MAX_BODY = 2**25
# Bodies that are longer are read in a thread, so that the event loop goes on meanwhile; in bytes.
LONG = 2**16
# Shorter answers are not compressed.
MIN_COMPRESSED = 1024
JSON_LENGTH, MAX_DIGITS = 'Inference-Header-Content-Length', 12


class Dialect(NamedTuple):
    """A protocol; `name` stands in the log and in the metrics, `title` in the documentation.

    `read(body, headers, handler)` returns the `Call` of a request, `error(message, status)` the JSON of an error.
    `has_tensors`: results become tensors. Long answers are compressed if the client accepts it, as Triton does.
    """

    name: str
    title: str
    read: Callable
    error: Callable
    has_tensors: bool = False


class Predictions:
    """What is answered at the URL of a protocol for one model."""

    def __init__(self, dialect: Dialect, handler: Handler):
        self.dialect, self.handler = dialect, handler
        self.servable, self.settings = handler.servable, handler.servable.settings
        self.max_body = self.settings['max_body'] or MAX_BODY

    async def answer(self, body: bytes, caller: Caller):
        """Return the answer to a request, as JSON values or as a Response.

        Raises InvalidInstance, which names a place in the body; NotReady, BadRequest and whatever the handler raises.
        """
        read = partial(self._read, body, caller.headers)
        call = await asyncio.to_thread(read) if len(body) > LONG else read()
        row_size = len(body) // call.count
        del body, read
        await self._check(call, row_size)
        at_once = min(2 * self.servable.batcher.max_batch_size, self.settings['max_queue'])
        results = await many.each(lambda row: self._result(call, row, caller), call.count, at_once)
        if not self.dialect.has_tensors:
            return call.write(results)[0]
        if not self.settings['file']:
            # What a class returns may be anything that JSON can write. Model files have arrays and plain values.
            results = orjson.loads(strict_json.dumps(results))
        answer, tail = call.write(results)
        accepted = caller.headers.get('accept-encoding', '')
        return await _encoded(answer, tail, accepted) if tail or accepted else answer

    def _read(self, body, headers):
        """Return the call of a body, whose rows are not checked yet."""
        signature, servable = self.handler.signature, self.servable
        if self.handler.native_only:
            raise BadRequest(f'{servable.name} answers at {servable.url} only, since {signature.problem}.')
        call = self.dialect.read(body, headers, self.handler)
        if call.count > MAX_ROWS:
            raise BadRequest(f'{call.count} rows are too many. Send at most {MAX_ROWS} in one request.')
        return call

    async def _check(self, call, row_size):
        """Raise InvalidInstance for the first row that does not fit the schema."""
        post = self.servable.resource.post
        for row in range(0 if call.is_checked else call.count):
            instance = call.instance(row)
            if not post.is_valid(instance):
                failure = post.errors(instance, row_size)[0]
                raise InvalidInstance(call.place(row, failure['path']), failure['message'])
            if row % many.ROWS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _result(self, call, row, caller):
        try:
            return await self.handler.result(call.instance(row), caller)
        except InvalidInstance as error:
            raise InvalidInstance(call.place(row, error.path), error.message) from error
        except HTTPException as error:
            raise RowError.of(error, call.place(row, '')) from error


async def _encoded(answer, tail, accepted):
    """Return a Response with the bytes behind the JSON, compressed if it is long and the client accepts it."""
    head, headers = strict_json.dumps(answer), {}
    body, encoding = head + tail, parse_accept_header(accepted).best_match(['gzip', 'deflate'])
    if tail:
        headers[JSON_LENGTH] = str(len(head))
    if encoding and len(body) >= MIN_COMPRESSED:
        # In a thread, so that it does not block the event loop.
        body = await asyncio.to_thread(gzip.compress if encoding == 'gzip' else zlib.compress, body, 1)
        headers |= {'Content-Encoding': encoding, 'Vary': 'Accept-Encoding'}
    return Response(body, 200, headers, content_type='application/octet-stream' if tail else 'application/json')


def _read_open_inference(body, headers, handler):
    servable, signature = handler.servable, handler.signature
    if signature.problem:
        raise BadRequest(
            f'{servable.name} has no tensors, since {signature.problem}. POST JSON to {servable.url}, or rows to '
            f'/v1/models/{servable.name}:predict.'
        )
    length, sent = len(body), headers.get(JSON_LENGTH.lower())
    is_number = sent is None or (sent.isascii() and sent.isdigit() and len(sent) < MAX_DIGITS)
    if not is_number or int(sent or 0) > length:
        raise BadRequest(f'{JSON_LENGTH} must be at most {length}, the length of the body, not {sent[:20]!r}.')
    length = length if sent is None else int(sent)
    envelope = _json(body[:length])
    model = {'model_name': servable.name, 'model_version': str(servable.version)}
    if isinstance(envelope, dict) and envelope.get('id') is not None:
        model['id'] = envelope['id']
    return open_inference.read(envelope, memoryview(body)[length:], signature, model)


def _read_tensorflow(body, headers, handler):
    return tensorflow_serving.read(_json(body), handler.signature)


def _read_mlflow(body, headers, handler):
    media_type, options = parse_options_header(headers.get('content-type', ''))
    if media_type.lower() != 'text/csv':
        return mlflow.read(_json(body), handler.signature)
    try:
        text = body.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadRequest(f'The table is not UTF-8: {error}.') from None
    # SageMaker's clients send no header. RFC 4180 has a parameter to say so.
    return mlflow.read_csv(text, handler.signature, options.get('header', '').lower() != 'absent')


def _json(body):
    if not body:
        raise BadRequest('The body is empty. Send JSON.')
    try:
        return strict_json.loads(body)
    except ValueError as error:
        raise BadRequest(str(error)) from None


OPEN_INFERENCE = Dialect(
    'open_inference', 'Open Inference Protocol V2', _read_open_inference, open_inference.error, has_tensors=True
)
TENSORFLOW = Dialect('tensorflow_serving', 'TensorFlow Serving', _read_tensorflow, tensorflow_serving.error)
MLFLOW = Dialect('mlflow', 'MLflow', _read_mlflow, mlflow.error)
