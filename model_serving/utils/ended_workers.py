"""Keeps what workers have counted after their end, or their files would pile up: one set of files for all of them."""

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

KINDS = ('counter', 'histogram', 'summary')
# The process id in the names of the files with the totals.
TOTAL = 0
# How much room there must be, in bytes: a process that writes to a mapped file on a full disk is killed.
ROOM = 2**24

# Processes that have ended, whose counts are still in files of their own.
_pending = []


def add(pid: int, folder: Path):
    """Add the counts of a process that has ended to the totals, and remove its files.

    If somebody reads the files at present, this is done when the next worker ends: the master must not wait.
    """
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid, folder)
    _pending.append(pid)
    with suppress(BlockingIOError), locked(folder, waits=False):
        while _pending and has_room(folder):
            _add(_pending.pop(), folder)


@contextmanager
def locked(folder: Path, waits=True):
    """Hold the lock of the files: with others who read them, or with `waits=False` alone, or raise BlockingIOError."""
    # Not on Windows, where there is no gunicorn either.
    import fcntl

    with open(folder / 'lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_SH if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def files_of(folder: Path) -> list:
    """Return the files with counts. One is empty for a moment when it is made, which prometheus-client can't read."""
    return [path for path in folder.glob('*.db') if _size(path)]


def has_room(folder: Path) -> bool:
    """Tell whether files in a folder may grow."""
    return shutil.disk_usage(folder).free > ROOM


def _size(path):
    try:
        return path.stat().st_size
    # The file of a worker that has just ended.
    except FileNotFoundError:
        return 0


def _add(pid, folder):
    from prometheus_client.mmap_dict import MmapedDict

    for kind in KINDS:
        path = folder / f'{kind}_{pid}.db'
        if _size(path):
            totals = MmapedDict(str(folder / f'{kind}_{TOTAL}.db'))
            for key, value, *_ in MmapedDict.read_all_values_from_file(path):
                totals.write_value(key, totals.read_value(key)[0] + value, 0)
            totals.close()
        path.unlink(missing_ok=True)
