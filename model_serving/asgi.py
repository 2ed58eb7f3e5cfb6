"""The ASGI front: it answers valid calls of async handlers, and passes everything else to Flask in a thread."""

import asyncio
import logging
from math import inf
from random import getrandbits
from time import perf_counter

import flask_restful
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from .front import failures, startup
from .front.admission import admit, normalized
from .front.streams import StreamedAnswer, begin
from .front.wsgi import by_flask, json_headers
from .serving import deadlines
from .web import strict_json
from .web.request import request_id

LOGGER = logging.getLogger('server')
# The key in the scope for the server's connection, which cancels its `task` when the client leaves.
CONNECTION = 'model_serving.connection'


class Front:
    """The ASGI application of a Flask application that `create_app` made; front/startup.py starts it."""

    def __init__(self, app, max_bodies: int):
        """`max_bodies` is the budget for all bodies that are unfinished or wait for their answers, in bytes."""
        self.app, self.access_log = app, app.access_log
        self.max_bodies, self.held = max_bodies, 0
        self.exchanges = set()
        # How each model's URL is answered, and any other URL.
        self.endpoints, self.other = {}, None
        self.headers, self.headers_by_origin = startup.constant_headers(app)
        self.own_hooks = startup.hooks(app)
        self.starting, self.is_started = asyncio.Lock(), False

    async def __call__(self, scope, receive, send):
        if scope['type'] == 'lifespan':
            await startup.lifespan(self, receive, send)
        elif scope['type'] == 'http':
            if not self.is_started:
                await self.start()  # a server without lifespan
            if self.app.trusted_proxies or scope['path'].startswith('//'):
                scope = normalized(scope, self.app.trusted_proxies)
            await Exchange(self, scope, receive, send).run()

    async def start(self, threads: int = 16):
        """Make the models ready; `threads` are those for pages, and for each model's `def` handlers."""
        await startup.start(self, threads)

    def end(self):
        """Say that this process is not ready for further requests; it goes on answering them."""
        self.app.readiness.is_ending = True


class Exchange:
    """One request and its answer.

    `read` makes the instance of the body; None: only Flask reads this type. `held`: bytes of the body in memory.
    `unread`: bytes to come that are thrown away, 1 if nobody knows how many. `rest`: the source of further pieces.
    `status` and `length`: those of the answer, as the access log has them. `key`: the caller's API key.
    """

    held, is_read, is_expired = 0, False, False
    rest, key, status, length = None, None, failures.CLIENT_LEFT, None

    def __init__(self, front, scope, receive, send):
        self.front, self.scope, self.receive, self.send = front, scope, receive, send
        self.arrived = self.heard = perf_counter()
        headers = self.headers = dict(scope['headers'])
        self.endpoint = endpoint = front.endpoints.get(scope['path'], front.other)
        self.answer_headers = front.headers_by_origin.get(headers.get(b'origin'), front.headers)
        sent_id = headers.get(b'x-request-id', b'').decode('latin-1')
        self.request_id = request_id(sent_id) if sent_id else f'{getrandbits(64):016x}'
        timeout = headers.get(b'x-request-timeout')
        self.seconds = endpoint.timeout if timeout is None else deadlines.of_header(timeout, endpoint.timeout)
        self.end = self.arrived + self.seconds
        is_json = headers.get(b'content-type') in endpoint.json_types
        self.read = strict_json.loads if is_json else endpoint.reader(headers, scope)
        # Whether the head is that of a valid call. Flask says what is wrong with any other.
        self.may_be_valid = (
            self.read is not None
            and endpoint.handler is not None
            and scope['method'] == 'POST'
            and b'content-encoding' not in headers
            and len(headers) == len(scope['headers'])
            and (timeout is None or deadlines.is_valid(timeout))
        )
        length = int(headers.get(b'content-length', 0))
        self.unread = length if length > endpoint.max_body else 0
        self.durations = endpoint.durations if scope['method'] == 'POST' else front.other.durations
        self.connection, self.task = scope.get(CONNECTION), asyncio.current_task()
        self.timer = asyncio.get_running_loop().call_later(min(self.seconds, failures.SILENCE), failures.expire, self)
        self.request = deadlines.Request(self.arrived, self.seconds, [], {})
        deadlines.current.set(self.request)
        front.exchanges.add(self)

    async def run(self):
        """Answer the request; ends quietly when the client has left."""
        if self.connection is not None:
            self.connection.task = self.task
        try:
            try:
                answer = await self._answer()
            # BaseException: a handler may call sys.exit.
            except BaseException as error:
                answer = await failures.answer(self, error)
            await self._send(*answer)
        except failures.ClientLeft:
            pass
        except asyncio.CancelledError as error:
            failures.cut_off(self, error)
        except Exception:
            LOGGER.exception('%s was cut off, request id %s', failures.call_of(self), self.request_id)
        finally:
            self.timer.cancel()
            self.front.held -= self.held
            if self.rest is not None:
                self.abandon()
            if self.connection is not None:
                self.connection.task = None
            self.front.exchanges.discard(self)
            seconds = perf_counter() - self.arrived
            if self.durations is not None:
                self.durations[self.status].append(seconds)
            if self.front.access_log is not None:
                answer = self.scope, self.status, self.length, seconds, self.request_id, self.request.batches, self.key
                self.front.access_log.answers.append(answer)

    async def _answer(self):
        """Return status, headers and body of the answer; raises ClientLeft, and whatever the handler raises."""
        if self.front.app.keys.is_on or self.endpoint.is_limited:
            await admit(self)
        pieces, more = [], not (self.unread or self.is_read)
        while more:
            message = await self.receive()
            if message['type'] != 'http.request':
                raise failures.ClientLeft
            pieces.append(message.get('body', b''))
            more = message.get('more_body', False)
            self.held += len(pieces[-1])
            self.front.held += len(pieces[-1])
            if more or self.front.held > self.front.max_bodies:
                more = failures.may_read_on(self, more)
        body, pieces, message, self.is_read = b''.join(pieces), None, None, True
        try:
            instance = self.read(body) if self.may_be_valid and len(body) <= self.endpoint.max_body else None
        except (ValueError, HTTPException):
            instance = None
        # A body of `null` counts as no body.
        if instance is None or not self.endpoint.is_valid(instance):
            return await by_flask(self, body)
        # The call may wait for long, and needs only the instance.
        del body
        servable = self.endpoint.servable
        result = await self.endpoint.handler(servable.resource(servable), instance=instance)
        if isinstance(result, (Response, StreamedAnswer)):
            return await begin(self, result)
        data, status, own = flask_restful.utils.unpack(result)
        return status, json_headers(own, self.answer_headers) if own else self.answer_headers, strict_json.dumps(data)

    def abandon(self):
        """End an answer that is not at its end."""
        if self.rest is not None and self.rest.has_more:
            self.rest.abandon()
        self.rest = None

    async def _send(self, status, headers, piece):
        # A handler that gathers may leave calls of other models behind.
        if self.request.waits_for and self.rest is None:
            deadlines.end()
        headers = [*headers, (b'x-request-id', self.request_id.encode('latin-1'))]
        rest = self.rest
        length = dict(headers).get(b'content-length')
        if status in failures.WITHOUT_BODY:
            piece = b''
        elif length is None and (rest is None or not rest.has_more):
            length = b'%d' % len(piece)
            headers.append((b'content-length', length))
        if self.unread:
            headers.append((b'connection', b'close'))
        self.status, self.length = status, length and length.decode()
        # The client has time to read: our server's connection lets it go only when it makes no progress.
        reading = inf if self.connection is not None else failures.SILENCE
        self.end = perf_counter() + reading
        await self.send({'type': 'http.response.start', 'status': status, 'headers': headers})
        while rest is not None and rest.has_more:
            await self.send({'type': 'http.response.body', 'body': piece, 'more_body': True})
            # The next piece has the deadline anew.
            self.end = perf_counter() + self.seconds + rest.slack
            piece = await rest.next_piece()
            self.end = perf_counter() + reading
        await self.send({'type': 'http.response.body', 'body': piece, 'more_body': bool(self.unread)})
        if self.unread:
            await failures.throw_away_rest(self)
            await self.send({'type': 'http.response.body'})
