"""Streams: a model's `stream(instance)`, a plain generator, runs in a thread, and its pieces go to the event loop."""

import asyncio
import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from time import perf_counter

from .batching import safe_exception
from .errors import Overloaded

LOGGER = logging.getLogger('stream')
# How many pieces of a stream may wait for the event loop. Then its generator waits.
MAX_PIECES = 16
# Stands for the piece after the last one.
END = object()


class Streams:
    """Runs up to `count` streams of a model at the same time, each in one thread from its first piece to its last.

    Further calls wait for a thread; at most `max_queue` run or wait. The threads start with the calls, so after the
    fork. `generate` is the model's method `stream`; None until the model is loaded, and if it has none.
    """

    def __init__(self, name, count, max_queue):
        self.name, self.count = name, count
        self.generate = None
        self._max_queue = max_queue
        self._threads = 0
        self._calls = set()
        # The calls that wait for a thread, in line. One that leaves is taken out; `_waiting` counts it all the same.
        self._line, self._waiting = OrderedDict(), threading.Semaphore(0)
        # When the present step of each generator began, a piece or its closing. Waiting for the client is not a step.
        self._steps = {}

    async def stream(self, instance):
        """Yield the model's pieces for one instance.

        Raises Overloaded when `max_queue` calls run or wait already, and what the generator raises. When the caller is
        cancelled, the error's `waited_for` is the number of threads if none was free. The generator is closed then.
        """
        if self.generate is None:
            raise TypeError(f'{self.name} has no method stream(instance).')
        if len(self._calls) >= self._max_queue:
            raise Overloaded(self.name, len(self._calls), self.running_for())
        call = Call(instance)
        self._calls.add(call)
        self._line[call] = True
        self._waiting.release()
        if self._threads < self.count:
            self._threads += 1
            threading.Thread(target=self._work, name=f'stream {self.name}', daemon=True).start()
        try:
            while (piece := await call.next_piece()) is not END:
                yield piece
        except asyncio.CancelledError as error:
            # Not an error of its own: asyncio.timeout in Python 3.11 knows this one only.
            error.waited_for = None if call.has_begun else self.count
            raise
        finally:
            self._calls.discard(call)
            self._line.pop(call, None)
            call.close()

    @property
    def queued(self) -> int:
        """How many calls wait for a thread."""
        return len(self._line)

    def running_for(self) -> float:
        """Return for how many seconds the longest present step of a generator has been running; 0 when none is."""
        now = perf_counter()
        return now - min(list(self._steps.values()), default=now)

    def give_up(self, error):
        """Raise `error` for every caller, from any thread."""
        for call in list(self._calls):
            call.hand_over(END, error)

    def _work(self):
        while True:
            self._waiting.acquire()
            try:
                call, _ = self._line.popitem(last=False)
            except KeyError:
                continue  # the one that waited has left
            self._run(call)
            # A waiting thread must not keep the last call alive.
            del call

    def _run(self, call):
        instance = call.begin()
        if call.is_closed:
            return
        error = None
        try:
            self._generate(call, instance)
        # BaseException: a model that calls sys.exit must neither end this thread nor leave its caller waiting.
        except BaseException as failure:
            error = safe_exception(failure)
        if not call.put(END, error) and error:
            LOGGER.error('A stream of %s failed after its client had left.', self.name, exc_info=error)

    def _generate(self, call, instance):
        # Timed, too: it need not be a generator function, and may take long before it returns its pieces.
        pieces = self._timed(call, self.generate, instance)
        if not hasattr(pieces, '__next__'):
            raise TypeError(f'{self.name}: stream must be a generator (yield the pieces), not {type(pieces).__name__}.')
        try:
            piece = self._timed(call, self._first, pieces)
            while piece is not END and call.put(piece):
                piece = self._timed(call, next, pieces, END)
        finally:
            if hasattr(pieces, 'close'):
                self._timed(call, pieces.close)

    def _first(self, pieces):
        try:
            return next(pieces)
        except StopIteration as end:
            if end.value is None:
                return END
            raise TypeError(
                f'{self.name}: stream returned a value and yielded nothing. Write `yield` in place of `return`.'
            ) from None

    def _timed(self, call, function, *arguments):
        self._steps[call] = perf_counter()
        try:
            return function(*arguments)
        finally:
            del self._steps[call]


class Call:
    """One stream, between the thread of its generator and its caller on the event loop."""

    def __init__(self, instance):
        self.has_begun = self.is_closed = False
        self._instance = instance
        self._loop = asyncio.get_running_loop()
        self._pieces = asyncio.Queue()
        self._room = threading.Semaphore(MAX_PIECES)

    async def next_piece(self):
        """Return the next piece, END after the last one; raises what the generator raised."""
        piece, error = await self._pieces.get()
        self._room.release()
        if error is not None:
            raise error
        return piece

    def close(self):
        """Tell the thread that the caller has gone."""
        self.is_closed, self._instance = True, None
        self._room.release()

    def begin(self):
        """Return the instance, in the thread; a call that waits in line keeps it until its caller has gone."""
        self.has_begun = True
        return self._instance

    def put(self, piece, error=None) -> bool:
        """Hand a piece over, in the thread, as soon as there is room; return False when the caller has gone."""
        self._room.acquire()
        if self.is_closed:
            # Nobody makes room any more, so the next piece must not wait.
            self._room.release()
            return False
        self.hand_over(piece, error)
        return True

    def hand_over(self, piece, error):
        """Give the caller a piece or an error, from any thread."""
        # A closed loop has no callers left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, (piece, error))
