"""How many connections each worker has: shared by all, so that one with many leaves the next to one with few.

Connections that stay are answered by the worker that accepted them, and at times one worker got them all, while the
cores of the others stood still.
"""

import mmap
import time

WORKERS = 256
NO_WORKER = 255
# So many more than another worker has are no reason to wait.
MARGIN = 2
# How long to leave a connection to the others, in seconds, how often at most; and for how long not to, if none took it.
PAUSE = 0.0005
PAUSES = 10
GIVE_UP = 1.0

# Made before the fork, so it is the same memory in all workers; gunicorn counts its workers as their age.
_counts = mmap.mmap(-1, WORKERS)
_counts[:] = bytes([NO_WORKER]) * WORKERS
_pauses = 0
_alone_until = 0.0


def note(age: int, count: int):
    """Note how many connections a worker has."""
    _counts[age % WORKERS] = min(count, NO_WORKER - 1)


def forget(age: int):
    """Note that a worker has ended."""
    _counts[age % WORKERS] = NO_WORKER


def others_have_fewer(age: int, count: int) -> bool:
    """Pause and return True where another worker should accept; it may be busy, so not for long."""
    global _pauses, _alone_until
    note(age, count)
    if _counts[age % WORKERS] <= min(_counts[:]) + MARGIN or time.monotonic() < _alone_until:
        _pauses = 0
        return False
    if _pauses == PAUSES:
        _pauses, _alone_until = 0, time.monotonic() + GIVE_UP
        return False
    _pauses += 1
    time.sleep(PAUSE)
    return True
