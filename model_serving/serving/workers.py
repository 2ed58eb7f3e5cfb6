"""What the worker processes of one service know of each other."""

import fcntl
import os
import tempfile
from contextlib import contextmanager


class Workers:
    """A counter of the workers that have become ready, shared by a file that is made before the fork.

    A file and its lock rather than shared memory: the system lets go of the lock when a process is killed.
    """

    def __init__(self, count: int):
        self.count = count
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the process

    def ready_so_far(self) -> int:
        """Return how many workers have become ready since the service was started."""
        return os.fstat(self._file.fileno()).st_size

    def add_ready(self) -> int:
        """Count this worker as ready and return how many are, this one included."""
        with self.locked():
            os.pwrite(self._file.fileno(), b'.', self.ready_so_far())
            return self.ready_so_far()

    @contextmanager
    def locked(self):
        """Hold the lock that one process at a time can hold."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
