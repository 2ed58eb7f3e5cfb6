"""What the worker processes of one service know of each other."""

import fcntl
import os
import tempfile
from contextlib import contextmanager

# Which byte of the file is locked for what; from SEATS on, a byte for each worker that is ready.
COUNTING, ENDING, SEATS = 0, 1, 2


class Workers:
    """Which workers have become ready and which end, shared by a file that is made before the fork.

    A file and its locks rather than shared memory: the system lets go of the locks when a process is killed.
    """

    def __init__(self, count: int):
        self.count = count
        self._seat = None
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the process

    def ready_so_far(self) -> int:
        """Return how many workers have become ready since the service was started."""
        return os.fstat(self._file.fileno()).st_size

    def add_ready(self) -> int:
        """Count this worker as ready and return how many have been so far, this one included."""
        with self.locked():
            os.pwrite(self._file.fileno(), b'.', self.ready_so_far())
            seats = range(SEATS, SEATS + self.count)
            self._seat = next((seat for seat in seats if self._take(seat)), None)
            return self.ready_so_far()

    def may_end(self) -> bool:
        """Tell whether this worker may end by its own will: all others are ready, and none of them ends.

        Where it says so, it says no to every other worker until this one is gone and replaced.
        """
        with self.locked():
            others = [seat for seat in range(SEATS, SEATS + self.count) if seat != self._seat]
            free = [seat for seat in others if self._take(seat)]
            for seat in free:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, seat)
            return not free and self._take(ENDING)

    @contextmanager
    def locked(self):
        """Hold the lock that one process at a time can hold."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, COUNTING)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, COUNTING)

    def _take(self, byte):
        """Lock a byte of the file; returns whether no other process has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return False
        return True
