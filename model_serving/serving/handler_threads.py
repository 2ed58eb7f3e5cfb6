"""The threads in which one model's `def` handlers run, so that a model that blocks keeps no other one waiting."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from .batching import hand_back, safe_exception
from .errors import Overloaded


class HandlerThreads:
    """Runs functions in `count` threads for callers on the event loop; at most `max_calls` run or wait."""

    def __init__(self, name: str, count: int, max_calls: int):
        self.count = count
        self._name = name
        self._max_calls = max_calls
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=f'handler {name}')
        # The futures of the waiting callers, and the start time of each running function.
        self._waiting = set()
        self._running = {}

    def check(self):
        """Raise Overloaded when no more calls are taken."""
        if len(self._waiting) >= self._max_calls:
            raise Overloaded(self._name, len(self._waiting), self.running_for())

    async def run(self, function):
        """Call the function in one of the threads; return what it returns, or raise what it raises.

        When the caller is cancelled, a function that has not begun is dropped; the result of a running one is lost.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        self._pool.submit(self._do, function, future)
        try:
            return await future
        finally:
            self._waiting.discard(future)

    def start(self, function):
        """Call the function in one of the threads; nobody waits for it."""
        self._pool.submit(function)

    @property
    def queued(self) -> int:
        """How many calls wait for a thread."""
        return sum(future not in self._running for future in list(self._waiting))

    def running_for(self) -> float:
        """Return for how many seconds the longest function has been running; 0 when none is."""
        now = perf_counter()
        return now - min(list(self._running.values()), default=now)

    def give_up(self, error):
        """Raise `error` for every waiting caller, from any thread; running functions go on."""
        hand_back([(future, None, error) for future in list(self._waiting)])

    def _do(self, function, future):
        if future.done():
            return
        self._running[future] = perf_counter()
        try:
            outcome = future, function(), None
        # BaseException: a handler may call sys.exit, and its caller waits for an answer.
        except BaseException as error:
            outcome = future, None, safe_exception(error)
        finally:
            del self._running[future]
        hand_back([outcome])
