"""What the workers of a service know about each other, in shared memory."""

import mmap
from time import monotonic

# gunicorn numbers its workers (`age`); this many may run at the same time.
ROWS = 1024
# A worker has too many connections if it has a quarter more than the least loaded worker, and this many more.
MARGIN = 1
# The shortest time between two clients that are asked to reconnect, in seconds.
PAUSE = 0.01


class Workers:
    """A row for each worker that listens, with its number of connections; made before the fork, so all share it.

    There are no locks that a killed worker could keep; the master clears its row.
    """

    def __init__(self, count: int):
        self.count = count
        # 0 for no worker, else the number of connections plus 1.
        self._rows = memoryview(mmap.mmap(-1, 4 * ROWS)).cast('I')
        self._started = mmap.mmap(-1, 1)

    @property
    def have_started(self) -> bool:
        """Tell whether all workers have ever been ready at the same time."""
        return self._started[0] == 1

    def note(self, age: int, connections: int):
        """Note that a worker listens, and its number of connections."""
        self._rows[age % ROWS] = connections + 1

    def forget(self, age: int):
        """Note that a worker has ended or is ending."""
        self._rows[age % ROWS] = 0

    def least_connections(self) -> int:
        """Return how many connections the least loaded worker has."""
        return min(filter(None, self._rows.tolist()), default=1) - 1

    def completes_start(self) -> bool:
        """Tell whether all workers are ready now, for the first time; True for one of them."""
        if self.have_started or self._listening() < self.count:
            return False
        self._started[0] = 1
        return True

    def may_end(self, age: int) -> bool:
        """Tell whether a worker may end: all others listen. If so, it counts as ended."""
        self.forget(age)
        if self._listening() >= self.count - 1:
            return True
        self.note(age, 0)
        return False

    def _listening(self):
        return sum(map(bool, self._rows.tolist()))


class Balance:
    """Spreads kept-alive connections: an event loop accepts all that wait, so one worker may get a whole burst.

    The worker notes its number of connections, and asks some clients to reconnect if it has too many.
    """

    def __init__(self, workers: Workers, age: int, connections):
        """`connections` is the set of the worker's open connections; `age` its number."""
        self._workers, self._age, self._connections = workers, age, connections
        self._next = 0.0
        self._is_on = True
        self.note()

    def note(self):
        """Note how many connections there are now."""
        if self._is_on:
            self._workers.note(self._age, len(self._connections))

    def stop(self):
        """Leave the worker out: it is ending."""
        self._is_on = False
        self._workers.forget(self._age)

    def is_too_full(self) -> bool:
        """Tell whether the current request's connection should be closed; at most one in PAUSE seconds."""
        now = monotonic()
        if now < self._next or not self._is_on:
            return False
        self._next = now + PAUSE
        return len(self._connections) > self._workers.least_connections() * 1.25 + MARGIN
