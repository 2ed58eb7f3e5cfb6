"""What the workers of a service know about each other, in shared memory."""

import mmap

# gunicorn numbers its workers (`age`); this many may run at the same time.
ROWS = 1024
# A worker has too many connections if it has a quarter more than the least loaded worker, and this many more.
MARGIN = 1


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

    def add(self, age: int):
        """Note that a worker listens."""
        self._rows[age % ROWS] = 1

    def forget(self, age: int):
        """Note that a worker has ended or is ending."""
        self._rows[age % ROWS] = 0

    def excess(self, age: int, connections: int) -> int:
        """Note a worker's number of connections; return how many of them it has too many."""
        if self._rows[age % ROWS]:
            self._rows[age % ROWS] = connections + 1
        least = min(filter(None, self._rows.tolist()), default=1) - 1
        return max(0, int(connections - least * 1.25 - MARGIN))

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
        self.add(age)
        return False

    def _listening(self):
        return sum(map(bool, self._rows.tolist()))
