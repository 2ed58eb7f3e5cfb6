"""The answer of a handler that yields, on the event loop: a line or an event for each piece."""

import asyncio

from werkzeug.exceptions import HTTPVersionNotSupported

from ..serving.streaming import END
from ..web.errors import answer_to
from ..web.streams import HEADERS, media_type, written, written_error
from . import failures
from .wsgi import MAX_WHOLE, TOO_LONG, encoded

_closing = set()


class StreamedAnswer:
    """The pieces of an async generator; what `WSGICall` is for an answer of Flask."""

    # Whether a thread is free is told by WaitedInLine.
    has_begun = True

    def __init__(self, exchange, pieces):
        self.has_more = True
        self._exchange, self._pieces = exchange, pieces
        self._type = media_type(dict(exchange.scope['headers']).get(b'accept', b'').decode('latin-1'))

    async def begin(self):
        """Return status, headers and the first piece; raises what the handler raises before it."""
        headers = encoded([('Content-Type', self._type), *HEADERS.items()])
        first = await self._next()
        if self._exchange.scope['http_version'] == '1.0':
            # Such a client can't take an answer in chunks.
            while self.has_more:
                first += await self.next_piece()
                if len(first) > MAX_WHOLE:
                    raise HTTPVersionNotSupported(TOO_LONG)
        return 200, self._exchange.with_constant(headers), first

    async def next_piece(self) -> bytes:
        """Return the next piece, empty after the last one. An error is the last piece."""
        try:
            return await self._next()
        except BaseException as error:
            self.abandon()
            exchange = self._exchange
            told = failures.told(exchange, error, is_late=True)
            body, *_ = answer_to(told, failures.call_of(exchange), exchange.request_id, exchange.endpoint.servable)
            return written_error(body, self._type)

    def abandon(self):
        """End the answer early; the `finally` of the handler runs on the event loop."""
        self.has_more = False
        task = asyncio.ensure_future(self._pieces.aclose())
        # The loop itself keeps no task alive.
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def _next(self):
        piece = await anext(self._pieces, END)
        # A handler may catch its own cancellation and go on.
        if self._exchange.task.cancelling():
            raise asyncio.CancelledError
        self.has_more = piece is not END
        return written(piece, self._type) if self.has_more else b''
