"""One HTTP request and its answer, on the event loop."""

import asyncio
import logging
from time import perf_counter
from typing import NamedTuple

import flask_restful
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestTimeout, ServiceUnavailable
from werkzeug.wrappers import Response

from ..serving import deadlines
from ..serving.errors import Busy, DeadlineExceeded
from ..serving.handler_threads import HandlerThreads
from . import strict_json
from .errors import answer_to
from .request import REQUEST_ID, request_id
from .wsgi import WSGICall, environ_of

LOGGER = logging.getLogger('server')
# The key of the scope for the server's connection, which cancels `task` when the client leaves.
CONNECTION = 'model_serving.connection'
# How long a client may stop in the middle of a body, in seconds.
SILENCE = 30
# How long the rest of a body is thrown away after its answer, in seconds, so that the client reads the answer.
DRAIN = 5
TOO_SLOW = 'The rest of the body did not arrive in time. Send it without a pause.'
TOO_MUCH = 'The service holds too many request bodies at present. Try again in a second.'
CLIENT_LEFT = 499
JSON_TYPES = {b'application/json'} | {
    b'application/json;%scharset=%s' % (space, name) for space in (b'', b' ') for name in (b'utf-8', b'UTF-8')
}


class Endpoint(NamedTuple):
    """What is known of a URL: its limits, who answers it, and in which threads Flask does.

    With a `handler`, valid calls go there directly. Methods that the resource does not have are answered in the
    threads of the `pages`, so that they never wait for a handler.
    """

    max_body: int
    timeout: float
    threads: HandlerThreads
    pages: HandlerThreads
    servable: object = None
    resource: type | None = None
    handler: object = None


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class Exchange:
    """Reads a request, has it answered, sends the answer, and writes the line of the access log."""

    def __init__(self, front, scope, receive, send):
        self.front = front
        self.scope = scope
        self.receive = receive
        self.send = send
        self.arrived = perf_counter()
        self.headers = dict(scope['headers'])
        self.endpoint = front.endpoints.get(scope['path'], front.other)
        self.seconds = self.endpoint.timeout
        self.request_id = request_id(self._text(b'x-request-id'))
        self.status, self.length = CLIENT_LEFT, '-'
        self.held = 0
        # How many bytes of the body are known not to have been read; below 0: some.
        self.unread = 0
        self.body_read = self.expired = False
        self.wsgi_call = None
        self.task = self.timer = None

    async def run(self):
        """Answer the request; ends quietly when the client has left."""
        self.task = asyncio.current_task()
        connection = self.scope.get(CONNECTION)
        if connection is not None:
            connection.task = self.task
        self._arm()
        try:
            await self._send(*await self._answer())
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            # By its deadline, after its answer had begun; by the server, when its connection was lost or at the end.
            if not self.expired and connection is None:
                raise
        except Exception:
            LOGGER.exception('%s was cut off, request id %s', self._call(), self.request_id)
        finally:
            self.timer.cancel()
            self.front.held -= self.held
            if connection is not None:
                connection.task = None
            self._abandon_wsgi_call()
            self._log()

    async def _answer(self):
        """Return status, headers and body of the answer, whatever happens."""
        try:
            self._set_deadline()
            body = await self._read_body()
            instance = self._valid_instance(body)
            if instance is None:
                return await self._by_flask(body)
            # The instance may wait for long.
            del body
            return await self._by_handler(instance)
        except ClientLeft:
            raise
        except asyncio.CancelledError as error:
            if self.expired:
                self.task.uncancel()
                return self._error(self._timeout_error())
            if self.task.cancelling():
                raise
            return self._error(error)  # the handler's own
        except GeneratorExit:
            raise
        # BaseException: a handler may call sys.exit.
        except BaseException as error:
            response = getattr(error, 'response', None)
            return await self._by_response(response) if isinstance(response, Response) else self._error(error)

    def _set_deadline(self):
        asked = self._text(b'x-request-timeout')
        if asked is not None:
            try:
                self.seconds = deadlines.read(asked, self.endpoint.timeout)
            except ValueError:
                self.endpoint = self.endpoint._replace(handler=None)  # Flask refuses it: web/application.py
            self._arm()
        deadlines.begin(self.arrived, self.seconds)

    def _arm(self):
        """Set the timer: for the whole deadline once the body is read, before that for the next piece of it."""
        if self.timer is not None:
            self.timer.cancel()
        seconds = self.arrived + self.seconds - perf_counter()
        if not self.body_read:
            seconds = min(seconds, SILENCE)
        self.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._expire)

    def _expire(self):
        self.expired = True
        self.task.cancel()

    def _timeout_error(self):
        if not self.body_read:
            self.unread = self.unread or -1
            return RequestTimeout(TOO_SLOW)
        servable, threads = self.endpoint.servable, self.endpoint.threads
        name = servable.name if servable else 'The service'
        if self.wsgi_call is not None and not self.wsgi_call.begun:
            return Busy(name, self.seconds, threads.count)
        return DeadlineExceeded(name, self.seconds)

    async def _read_body(self) -> bytes:
        """Return the body; raises ClientLeft, and ServiceUnavailable when too many bodies are held.

        A body that is too large is not read to its end: `unread` says so, and Flask refuses it.
        """
        limit, length = self.endpoint.max_body, self.headers.get(b'content-length')
        if length is not None and int(length) > limit:
            self.unread = int(length)
        pieces = []
        more = not self.unread and (length is not None or b'transfer-encoding' in self.headers)
        while more:
            message = await self.receive()
            if message['type'] != 'http.request':
                raise ClientLeft
            pieces.append(message.get('body', b''))
            more = message.get('more_body', False)
            self._hold(len(pieces[-1]))
            if more:
                self._arm()
                if self.held > limit:
                    self.unread, more = 1, False
        self.body_read = True
        if self.seconds > SILENCE:
            self._arm()
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    def _hold(self, size):
        front = self.front
        if front.held and front.held + size > front.max_held:
            self.unread, self.body_read = -1, True
            # It is thrown away, so others may come while the rest is drained.
            front.held -= self.held
            self.held = 0
            raise ServiceUnavailable(TOO_MUCH, retry_after=1)
        front.held += size
        self.held += size

    def _valid_instance(self, body):
        """Return the instance in the body of a valid call of an async handler; None: Flask answers."""
        endpoint, headers = self.endpoint, self.headers
        if (
            endpoint.handler is None
            or self.unread
            or self.scope['method'] != 'POST'
            or headers.get(b'content-type') not in JSON_TYPES
            or b'content-encoding' in headers
            or len(headers) != len(self.scope['headers'])
        ):
            return None
        try:
            instance = strict_json.loads(body)
        except ValueError:
            return None
        # `null` counts as no body. What is not valid is explained by the resource's own decorator.
        return instance if endpoint.resource.post.is_valid(instance) else None

    async def _by_handler(self, instance):
        endpoint = self.endpoint
        result = await endpoint.handler(endpoint.resource(endpoint.servable), instance=instance)
        if type(result) is dict:
            return 200, self.front.headers, strict_json.dumps(result)
        if isinstance(result, Response):
            return await self._by_response(result)
        data, status, headers = flask_restful.utils.unpack(result)
        return status, self._with_constant(headers), strict_json.dumps(data)

    async def _by_flask(self, body):
        # A resource's `get` answers HEAD, too.
        method = self.scope['method'].replace('HEAD', 'GET')
        resource = self.endpoint.resource
        threads = self.endpoint.threads if resource and method in (resource.methods or ()) else self.endpoint.pages
        threads.check()
        environ = environ_of(self.scope, body, max(0, self.unread), **{REQUEST_ID: self.request_id})
        del body
        call = self.wsgi_call = WSGICall(self.front.app.wsgi_app, environ, threads)
        status, headers, piece = await threads.run(call.begin)
        return status, _encoded(headers), piece

    async def _by_response(self, response):
        """Return the answer of a handler that returned or raised a Response; a thread makes the pieces of a stream."""
        threads = self.endpoint.threads
        call = self.wsgi_call = WSGICall(response, environ_of(self.scope, b'', 0), threads)
        status, headers, piece = await threads.run(call.begin) if response.is_streamed else call.begin()
        return status, self._with_constant(headers), piece

    def _abandon_wsgi_call(self):
        if self.wsgi_call is not None and not self.wsgi_call.is_closed:
            self.wsgi_call.abandon()
        self.wsgi_call = None

    def _error(self, error):
        self._abandon_wsgi_call()
        data, status, headers = answer_to(error, self._call(), self.request_id, self.endpoint.servable)
        return status, self._with_constant(headers), strict_json.dumps(data)

    def _with_constant(self, headers):
        """Return the headers as ASGI has them, with the constant ones that are not among them."""
        own = _encoded(Headers(headers))
        names = {name for name, _ in own}
        return own + [header for header in self.front.headers if header[0] not in names]

    async def _send(self, status, headers, body):
        headers = [*headers, (b'x-request-id', self.request_id.encode('latin-1'))]
        more = self.wsgi_call is not None and not self.wsgi_call.is_closed
        known = next((value for name, value in headers if name == b'content-length'), None)
        if known is None and not more:
            known = b'%d' % len(body)
            headers.append((b'content-length', known))
        if self.unread:
            headers.append((b'connection', b'close'))
        self.status, self.length = status, '-' if known is None else known.decode()
        await self.send({'type': 'http.response.start', 'status': status, 'headers': headers})
        await self.send({'type': 'http.response.body', 'body': body, 'more_body': more or bool(self.unread)})
        while more:
            self.arrived = perf_counter()
            self._arm()
            piece = await self.wsgi_call.threads.run(self.wsgi_call.next_piece)
            more = not self.wsgi_call.is_closed
            await self.send({'type': 'http.response.body', 'body': piece, 'more_body': more or bool(self.unread)})
        if self.unread:
            await self._drain()

    async def _drain(self):
        """Throw away what the client still sends, for a while: closed at once, it may never read its answer."""
        try:
            async with asyncio.timeout(DRAIN):
                more = True
                while more:
                    more = (await self.receive()).get('more_body', False)
        except TimeoutError:
            pass
        await self.send({'type': 'http.response.body', 'body': b'', 'more_body': False})

    def _text(self, name):
        value = self.headers.get(name)
        return None if value is None else value.decode('latin-1')

    def _call(self):
        return f'{self.scope["method"]} {self.scope["path"]}'

    def _log(self):
        access_log = self.front.access_log
        if access_log is not None:
            scope = self.scope
            path, query = scope.get('raw_path') or scope['path'].encode(), scope['query_string']
            path = (b'%s?%s' % (path, query) if query else path).decode('latin-1')
            client = (scope.get('client') or ('-',))[0]
            seconds = perf_counter() - self.arrived
            access_log.add(client, scope['method'], path, self.status, self.length, seconds, self.request_id)


def _encoded(headers):
    return [(name.lower().encode('latin-1'), value.encode('latin-1')) for name, value in headers]
