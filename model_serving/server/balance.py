"""Spreads kept-alive connections over the workers.

An event loop accepts whatever waits, so one worker often gets all connections of a burst while the cores of the others
idle. A worker that has many more connections than the least loaded one asks its clients to reconnect.
"""

from time import monotonic

# How many more connections are too many: a quarter, and this many.
MARGIN = 1
# How long to wait before the next client is asked to reconnect, in seconds.
PAUSE = 0.01


class Balance:
    """One worker's part: it notes its number of connections, and tells whether a client should go elsewhere."""

    def __init__(self, workers, age: int, connections):
        """`connections` is the set of the worker's open connections; `age` its number."""
        self._workers = workers
        self._age = age
        self._connections = connections
        self._next = 0.0
        self._is_on = True
        self.note()

    def note(self):
        """Note how many connections there are now."""
        if self._is_on:
            self._workers.note(self._age, len(self._connections))

    def stop(self):
        """Take the worker out of the comparison: it is going to end."""
        self._is_on = False
        self._workers.forget(self._age)

    def is_too_full(self) -> bool:
        """Tell whether the current request's connection should be closed; at most one in PAUSE."""
        now = monotonic()
        if now < self._next or not self._is_on:
            return False
        self._next = now + PAUSE
        return len(self._connections) > self._workers.least_connections() * 1.25 + MARGIN
