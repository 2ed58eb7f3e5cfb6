"""The pieces of a handler that yields, for a caller on the event loop who may stop waiting for them."""

import asyncio
import logging
from contextlib import aclosing

from . import deadlines
from .batching import safe_exception
from .streaming import END

LOGGER = logging.getLogger('stream')
# How long the caller waits for a handler that is cancelled, in seconds. It may catch its cancellation and go on.
PATIENCE = 1
# The loop itself keeps no task alive.
_running = set()


class HandlerStream:
    """Runs an async generator in a task of its own. It makes a piece only when the caller asks for one.

    In one task, since context variables and `asyncio.timeout` belong to a task; not in the caller's, which a handler
    could hold for as long as it likes. `call` is how the log names the request.
    """

    def __init__(self, pieces, call: str):
        self._pieces, self._call = pieces, call
        self._asked, self._made = asyncio.Semaphore(0), asyncio.Queue()
        self._task = self._error = None
        self._is_ended = False

    async def next_piece(self):
        """Return the next piece, END after the last one; raises what the handler raised.

        When the caller is cancelled, so is the handler, and the error has its `waited_for`: see `Streams.stream`.
        """
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
            _running.add(self._task)
            self._task.add_done_callback(_running.discard)
        self._asked.release()
        try:
            piece = await self._made.get()
        except asyncio.CancelledError as error:
            self.end()
            await asyncio.wait({self._task}, timeout=PATIENCE)
            error.waited_for = getattr(self._error, 'waited_for', None)
            raise
        if piece is END and self._error is not None:
            raise safe_exception(self._error)
        return piece

    def end(self):
        """End the handler early, on the event loop: its task is cancelled, and its generator is closed."""
        self._is_ended = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self):
        try:
            async with aclosing(self._pieces):
                await self._asked.acquire()
                async for piece in self._pieces:
                    self._made.put_nowait(piece)
                    if self._is_ended:
                        break
                    # The deadline was that of the first piece.
                    deadlines.current.set(None)
                    await self._asked.acquire()
        # BaseException: a handler may call sys.exit, and its caller waits for an answer.
        except BaseException as error:
            self._error = error
            if self._is_ended and not isinstance(error, asyncio.CancelledError):
                LOGGER.error('%s failed after its answer had ended.', self._call, exc_info=error)
        self._made.put_nowait(END)
