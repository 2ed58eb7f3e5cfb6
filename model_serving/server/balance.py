"""Spreads kept-alive connections over the workers.

An event loop accepts whatever waits, so one worker often gets all connections of a burst while the cores of the others
idle. The workers share their numbers of connections; one that has many more than another asks clients to reconnect.
"""

import mmap
from time import monotonic

WORKERS = 1024
# How many more connections than the least loaded worker are too many: a quarter, and this many.
MARGIN = 1
# How long to wait before the next client is asked to reconnect, in seconds.
PAUSE = 0.01

# Shared, since it is made before the fork: 0 for no worker, else the number of connections plus 1.
_counts = memoryview(mmap.mmap(-1, 4 * WORKERS)).cast('I')


def forget(age: int):
    """Take a worker, by gunicorn's number of it, out of the comparison: it has ended, or is going to."""
    _counts[age % WORKERS] = 0


class Balance:
    """One worker's part: its own number, and whether a client should go elsewhere."""

    def __init__(self, age: int, connections):
        """`connections` is the set of the worker's open connections."""
        self._slot = age % WORKERS
        self._connections = connections
        self._next = 0.0
        self._is_on = True
        self.note()

    def note(self):
        """Note how many connections there are now."""
        if self._is_on:
            _counts[self._slot] = len(self._connections) + 1

    def stop(self):
        """Take the worker out of the comparison."""
        self._is_on = False
        forget(self._slot)

    def is_too_full(self) -> bool:
        """Tell whether the current request's connection should be closed; seldom True, and never twice in PAUSE."""
        now = monotonic()
        if now < self._next or not self._is_on:
            return False
        self._next = now + PAUSE
        least = min(filter(None, _counts.tolist())) - 1
        return len(self._connections) > least * 1.25 + MARGIN
