"""The threads of one model's handlers, for those that the leader does not call itself."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter

from ..serving import deadlines
from ..serving.errors import DeadlineExceeded, Overloaded
from .hub import HASTE, PATIENCE


class HandlerThreads:
    """Calls handlers of one servable, so many at a time; a servable's own, so that those of others do not wait.

    It holds at most `most_calls`, those that wait for a thread included.
    """

    def __init__(self, servable, count, most_calls):
        self._servable = servable
        self._count = count
        self._most_calls = most_calls
        self._pool = ThreadPoolExecutor(count)
        # Adding to a set and removing from it need no lock.
        self._waits = set()

    def call(self, wait, make_haste, function, *arguments):
        """Return what the function returns; the caller waits on `wait`, and calls `make_haste` while that takes long.

        Raises Overloaded where too many calls are held already, DeadlineExceeded where none of the threads was free
        before the servable's deadline, NotReady where the worker ends first, and what the function raises.
        """
        if len(self._waits) >= self._most_calls:
            raise Overloaded(self._servable.name, len(self._waits), self._servable.handling_for())
        since, seconds = deadlines.of_call(self._servable.settings['timeout'])
        call = [copy_context().run, self._servable.handle, function, *arguments]
        future = self._pool.submit(lambda: call[0](*call[1:]))
        self._waits.add(wait)
        future.add_done_callback(lambda _: wait.release())
        try:
            patience = PATIENCE
            while not wait.acquire(patience):
                make_haste()
                rest = since + seconds - perf_counter()
                if (rest <= 0 or self._servable.problem) and future.cancel():
                    # The pool holds what it was given until a thread is free, and this may be a large body.
                    call.clear()
                    self._servable.check_ready()
                    raise DeadlineExceeded(
                        f'{self._servable.name} did not come to answer within {seconds:g} s: '
                        f'{self._count} calls of it have all of its threads. Try again later.'
                    )
                patience = min(HASTE / 2, rest) if rest > 0 else HASTE / 2
        finally:
            self._waits.remove(wait)
        return future.result()
