"""The answer of a handler that yields, on the event loop: a line or an event for each piece."""

from werkzeug.exceptions import HTTPVersionNotSupported

from ..serving.errors import TooManyBodies
from ..serving.handler_stream import HandlerStream
from ..serving.streaming import END
from ..web.errors import answer_to
from ..web.streams import HEADERS, media_type, written, written_error
from . import failures
from .wsgi import MAX_WHOLE, TOO_LONG, by_response, encoded, with_constant


def returning(handler):
    """Return an async handler that returns a StreamedAnswer, for one that yields."""

    async def call(resource, instance):
        return StreamedAnswer(handler(resource, instance=instance))

    return call


async def begin(exchange, result):
    """Return status, headers and first piece for a handler that returned a Response, or that yields."""
    if not isinstance(result, StreamedAnswer):
        return await by_response(exchange, result)
    exchange.rest = result
    return await result.begin(exchange)


class StreamedAnswer:
    """The pieces of an async generator; what `WSGICall` is for an answer of Flask."""

    # The error of a cancelled call tells whether a thread of the model was free.
    has_begun, slack = True, 0

    def __init__(self, pieces):
        self.has_more = True
        self._pieces = pieces
        self._exchange = self._stream = self._type = None

    async def begin(self, exchange):
        """Return status, headers and the first piece; raises what the handler raises before it."""
        self._exchange = exchange
        self._stream = HandlerStream(self._pieces, f'{failures.call_of(exchange)}, request id {exchange.request_id},')
        self._type = media_type(exchange.headers.get(b'accept', b'').decode('latin-1'))
        headers = encoded([('Content-Type', self._type), *HEADERS.items()])
        first = await self._next()
        # A client of HTTP/1.0 can't take an answer in chunks.
        is_whole = exchange.scope['http_version'] == '1.0'
        return 200, with_constant(headers, exchange.answer_headers), await self._whole(first) if is_whole else first

    async def next_piece(self) -> bytes:
        """Return the next piece, empty after the last one. An error is the last piece."""
        try:
            return await self._next()
        except BaseException as error:
            self.abandon()
            exchange = self._exchange
            told = failures.told(exchange, error, is_late=True)
            call, servable = failures.call_of(exchange), exchange.endpoint.servable
            # The client was told 200 before; the access log has the status of the error.
            body, exchange.status, _ = answer_to(told, call, exchange.request_id, servable)
            return written_error(body, self._type)

    def abandon(self):
        """End the answer early; the `finally` of the handler runs on the event loop."""
        self.has_more = False
        self._stream.end()

    async def _whole(self, first):
        whole, exchange = bytearray(first), self._exchange
        while self.has_more:
            piece = await self._next()
            whole += piece
            # It takes from what all bodies together may hold.
            exchange.held += len(piece)
            exchange.front.held += len(piece)
            if exchange.front.held > exchange.front.max_bodies:
                raise TooManyBodies
            if len(whole) > MAX_WHOLE:
                raise HTTPVersionNotSupported(TOO_LONG)
        return bytes(whole)

    async def _next(self):
        piece = await self._stream.next_piece()
        self.has_more = piece is not END
        return written(piece, self._type) if self.has_more else b''
