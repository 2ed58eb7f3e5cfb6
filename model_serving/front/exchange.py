"""One HTTP request and its answer, on the event loop."""

import asyncio
import logging
from time import perf_counter

import flask_restful
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestTimeout, ServiceUnavailable
from werkzeug.wrappers import Response

from ..serving import deadlines
from ..serving.errors import Busy, DeadlineExceeded
from ..web import strict_json
from ..web.errors import answer_to
from ..web.request import REQUEST_ID, request_id
from .bodies import Body, ClientLeft
from .wsgi import WSGICall, encoded, environ_of, raw_uri

LOGGER = logging.getLogger('server')
# The key in the scope for the server's connection, which cancels its `task` when the client leaves.
CONNECTION = 'model_serving.connection'
# How long a client may pause in the middle of a body, in seconds.
SILENCE = 30
ENDING = 'The service was stopped before the model had answered. Send the request again.'
TOO_SLOW = 'The rest of the body did not arrive in time. Send it without a pause.'
# The status in the access log when the client left before its answer, as in nginx's log.
CLIENT_LEFT = 499


class Exchange:
    """Reads a request, gets it answered, sends the answer, and writes the line of the access log."""

    def __init__(self, front, scope, receive, send):
        self.front, self.scope, self.receive, self.send = front, scope, receive, send
        self.began = self.arrived = perf_counter()
        self.headers = dict(scope['headers'])
        self.endpoint = front.endpoints.get(scope['path'], front.other)
        self.request_id = request_id(self._text(b'x-request-id'))
        timeout = self._text(b'x-request-timeout')
        self.seconds = deadlines.of_header(timeout, self.endpoint.timeout)
        self.is_direct = deadlines.is_valid(timeout)  # Flask answers an invalid header with a 400
        self.body = Body(front.bodies, self.headers, self.endpoint.max_body)
        self.expired, self.status, self.length = False, CLIENT_LEFT, '-'
        self.task = self.timer = self.wsgi_call = None

    async def run(self):
        """Answer the request; ends quietly when the client has left."""
        self.task = asyncio.current_task()
        connection = self.scope.get(CONNECTION)
        if connection is not None:
            connection.task = self.task
        self._arm()
        try:
            deadlines.begin(self.arrived, self.seconds)
            await self._send(*await self._answer())
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            # By its deadline in the middle of an answer, or by the server, because the connection was lost or it ends.
            if not self.expired and connection is None:
                raise
        except Exception:
            LOGGER.exception('%s was cut off, request id %s', self._call(), self.request_id)
        finally:
            self.timer.cancel()
            self.body.release()
            self._abandon_wsgi_call()
            if connection is not None:
                connection.task = None
            if self.front.app.access_log:
                self._log()

    async def _answer(self):
        """Return status, headers and body of the answer, or of an error; raises ClientLeft and CancelledError."""
        try:
            body = await self.body.read(self.receive, self._arm)
            if self.seconds > SILENCE:
                self._arm()
            may_be_valid = self.is_direct and not self.body.unread
            instance = self.endpoint.valid_instance(self.scope, self.headers, body) if may_be_valid else None
            if instance is None:
                return await self._by_flask(body)
            # The call may wait for long, and needs only the instance.
            del body
            return await self._by_handler(instance)
        except (ClientLeft, GeneratorExit):
            raise
        except asyncio.CancelledError as error:
            if self.expired:
                self.task.uncancel()
                return self._error(self._timeout_error())
            if not self.task.cancelling():
                return self._error(error)  # the handler's own
            if not getattr(self.scope.get(CONNECTION), 'is_cut_off', False):
                raise
            # By the server, which ends and has waited for this call long enough.
            self.task.uncancel()
            return self._error(ServiceUnavailable(ENDING))
        # BaseException: a handler may call sys.exit.
        except BaseException as error:
            response = getattr(error, 'response', None)
            return await self._by_response(response) if isinstance(response, Response) else self._error(error)

    def _arm(self):
        """Set the timer: to the deadline once the body is read; before that, to the longest pause in the body."""
        if self.timer is not None:
            self.timer.cancel()
        seconds = self.began + self.seconds - perf_counter()
        seconds = seconds if self.body.is_read else min(seconds, SILENCE)
        self.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._expire)

    def _expire(self):
        self.expired = True
        self.task.cancel()

    def _timeout_error(self):
        if not self.body.is_read:
            self.body.stop(1)
            return RequestTimeout(TOO_SLOW)
        servable, threads = self.endpoint.servable, self.endpoint.threads
        name = servable.name if servable else 'The service'
        if self.wsgi_call is not None and not self.wsgi_call.begun:
            return Busy(name, self.seconds, threads.count)
        return DeadlineExceeded(name, self.seconds)

    async def _by_handler(self, instance):
        servable = self.endpoint.servable
        result = await self.endpoint.handler(servable.resource(servable), instance=instance)
        if isinstance(result, Response):
            return await self._by_response(result)
        data, status, headers = flask_restful.utils.unpack(result)
        headers.pop('Content-Type', None)  # JSON, as Flask-RESTful answers
        own = encoded(Headers(headers)) if headers else []
        return status, self.front.with_constant_headers(own), strict_json.dumps(data)

    async def _by_flask(self, body):
        threads = self.endpoint.threads_for(self.scope['method'])
        threads.check()
        environ = environ_of(self.scope, body, self.body.unread, **{REQUEST_ID: self.request_id})
        del body
        call = self.wsgi_call = WSGICall(self.front.app.wsgi_app, environ, threads)
        return await threads.run(call.begin)

    async def _by_response(self, response):
        """Return the answer of a handler that returned or raised a Response; a stream is read in a thread."""
        threads = self.endpoint.threads
        call = self.wsgi_call = WSGICall(response, environ_of(self.scope, b'', 0), threads)
        status, headers, piece = await threads.run(call.begin) if response.is_streamed else call.begin()
        return status, self.front.with_constant_headers(headers), piece

    def _abandon_wsgi_call(self):
        if self.wsgi_call is not None and not self.wsgi_call.is_closed:
            self.wsgi_call.abandon()
        self.wsgi_call = None

    def _error(self, error):
        self._abandon_wsgi_call()
        data, status, headers = answer_to(error, self._call(), self.request_id, self.endpoint.servable)
        return status, self.front.with_constant_headers(encoded(headers.items())), strict_json.dumps(data)

    async def _send(self, status, headers, body):
        headers = [*headers, (b'x-request-id', self.request_id.encode('latin-1'))]
        more = self.wsgi_call is not None and not self.wsgi_call.is_closed
        length = next((value for name, value in headers if name == b'content-length'), None)
        if length is None and not more:
            length = b'%d' % len(body)
            headers.append((b'content-length', length))
        if self.body.unread:
            headers.append((b'connection', b'close'))
        self.status, self.length = status, '-' if length is None else length.decode()
        await self.send({'type': 'http.response.start', 'status': status, 'headers': headers})
        await self._send_piece(body, more)
        while more:
            # Once the answer has begun, each piece has the deadline anew.
            self.began = perf_counter()
            self._arm()
            piece = await self.wsgi_call.threads.run(self.wsgi_call.next_piece)
            more = not self.wsgi_call.is_closed
            await self._send_piece(piece, more)
        if self.body.unread:
            await self.body.drain(self.receive)
            await self.send({'type': 'http.response.body'})

    async def _send_piece(self, piece, more):
        more_body = more or bool(self.body.unread)
        await self.send({'type': 'http.response.body', 'body': piece, 'more_body': more_body})

    def _text(self, name):
        value = self.headers.get(name)
        return None if value is None else value.decode('latin-1')

    def _call(self):
        return f'{self.scope["method"]} {self.scope["path"]}'

    def _log(self):
        client, method = (self.scope.get('client') or ('-',))[0], self.scope['method']
        ms = (perf_counter() - self.arrived) * 1000
        uri = raw_uri(self.scope)
        self.front.app.access_log.add(client, method, uri, self.status, self.length, ms, self.request_id)
