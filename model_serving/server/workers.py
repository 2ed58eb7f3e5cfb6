"""What the workers of one service know of each other, in memory that they share."""

import mmap
import os

# gunicorn numbers its workers as their age; so many may run at the same time.
ROWS = 1024


class Workers:
    """A row for each worker that listens: its number of connections. Made before the fork, so all of them see it.

    A killed worker can't hold anything up: there are no locks, and the master clears its row.
    """

    def __init__(self, count: int):
        self.count = count
        # 0 for no worker, else the number of connections plus 1.
        self._rows = memoryview(mmap.mmap(-1, 4 * ROWS)).cast('I')
        # One byte, which the worker takes that sees all of them ready.
        self._token, token = os.pipe()
        os.set_blocking(self._token, False)
        os.write(token, b'.')
        self._started = mmap.mmap(-1, 1)

    @property
    def have_started(self) -> bool:
        """Tell whether all workers have been ready at the same time."""
        return self._started[0] == 1

    def note(self, age: int, connections: int):
        """Note that a worker listens, and how many connections it has."""
        self._rows[age % ROWS] = connections + 1

    def forget(self, age: int):
        """Note that a worker has ended, or is going to."""
        self._rows[age % ROWS] = 0

    def least_connections(self) -> int:
        """Return how many connections the least loaded worker has."""
        return min(filter(None, self._rows.tolist()), default=1) - 1

    def completes_start(self) -> bool:
        """Tell whether all workers are ready now; True for one of them, and once."""
        if self._listening() < self.count or self.have_started:
            return False
        try:
            os.read(self._token, 1)
        except BlockingIOError:
            return False
        self._started[0] = 1
        return True

    def may_end(self, age: int) -> bool:
        """Tell whether a worker may end of its own will: all others listen. It counts as ended then."""
        self.forget(age)
        if self._listening() >= self.count - 1:
            return True
        self.note(age, 0)
        return False

    def _listening(self):
        return sum(map(bool, self._rows.tolist()))
