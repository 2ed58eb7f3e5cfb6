"""The folder that the processes of one service share, in memory if possible.

It holds what they count for /metrics, in the files of prometheus-client's multi-process mode, and a file for each
master, which says when the master's workers are ready. The masters of a reload share a folder: in another one all
counters would begin at 0 again.
"""

import atexit
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

LOGGER = logging.getLogger('metrics')
# prometheus-client reads this variable once, when it is imported.
VARIABLE = 'PROMETHEUS_MULTIPROC_DIR'
PREFIX = 'model-serving-'
# The process id in the names of the files with the counts of all workers that have ended.
ENDED = 0
# How much room there must be, in bytes: a process that writes to a mapped file on a full disk is killed.
ROOM = 2**24

# The descriptor of this master's locked file; and workers that have ended, whose counts are not added up yet.
_marker, _ended = None, []


def join():
    """Make the folder, or find that of the master which this one is to replace. Its name goes to the environment.

    gunicorn's master calls this before anything can import prometheus_client, and again whenever it reads its settings.
    """
    global _marker
    if _marker is not None:
        return
    memory, disk = Path('/dev/shm'), Path(tempfile.gettempdir())
    _remove_unused(memory)
    _remove_unused(disk)
    joined = _folder_of(os.environ.get('GUNICORN_PID'), memory, disk)
    root = memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM else disk
    shared = joined or Path(tempfile.mkdtemp(prefix=f'.{PREFIX}', dir=root))
    # Locked as long as this process or one of its workers runs, however it ends.
    _marker = os.open(_marker_of(os.getpid(), shared), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    _lock(_marker, waits=True)
    if joined is None:
        # Only now others see it: they remove a folder that has no lock.
        shared = shared.rename(root / shared.name.removeprefix('.'))
    os.environ[VARIABLE] = str(shared)
    atexit.register(_leave, shared, os.getpid())


def folder() -> Path | None:
    """Return the folder; None if this process has none. If something has cleared it away, it is made again."""
    path = VARIABLE in os.environ and Path(os.environ[VARIABLE])
    if not path:
        return None
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def say_ready(master: int):
    """Note that all workers of a master are ready, for bin/reload.sh."""
    if shared := folder():
        _marker_of(master, shared).write_text('ready\n')


def say_next(master: int, new: int):
    """Note which new master is to replace another one, for bin/reload.sh and bin/stop.sh."""
    if shared := folder():
        _next_of(master, shared).write_text(f'{new}\n')


def worker_ended(pid: int):
    """Add what a worker has counted to the counts of all that have ended, or their files would pile up."""
    from prometheus_client import multiprocess

    try:
        if shared := folder():
            multiprocess.mark_process_dead(pid, shared)
            _ended.append(pid)
            _add_up_all(shared)
    # The master goes on without the counts, whatever is wrong with the files.
    except Exception:
        LOGGER.exception('The counts of worker %d could not be added up', pid)


@contextmanager
def reading(shared: Path):
    """Keep the master from adding counts up, which moves them from file to file."""
    import fcntl

    with open(shared / 'lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def files_of(shared: Path) -> list:
    """Return the files with numbers. One is empty for a moment when it is made, which prometheus-client can't read."""
    return [path for path in shared.glob('*.db') if _size(path)]


def _size(path):
    try:
        return path.stat().st_size
    # The file of a worker that has just ended.
    except FileNotFoundError:
        return 0


def _add_up_all(shared):
    # While somebody reads the files, they stay until the next worker ends: the master must not wait.
    with suppress(BlockingIOError), open(shared / 'lock', 'w') as file:
        _lock(file)
        while _ended and shutil.disk_usage(shared).free > ROOM:
            _add_up(shared, _ended.pop())


def _add_up(shared, pid):
    from prometheus_client.mmap_dict import MmapedDict

    for kind in ('counter', 'histogram'):
        path = shared / f'{kind}_{pid}.db'
        if _size(path):
            totals = MmapedDict(str(shared / f'{kind}_{ENDED}.db'))
            for key, value, *_ in MmapedDict.read_all_values_from_file(path):
                totals.write_value(key, totals.read_value(key)[0] + value, 0)
            totals.close()
        path.unlink(missing_ok=True)


def _leave(shared, master):
    """Remove the folder at the end of the master, unless another master uses it."""
    # A forked process inherits what is registered to run at exit.
    if os.getpid() == master:
        _marker_of(master, shared).unlink(missing_ok=True)
        _next_of(master, shared).unlink(missing_ok=True)
        if not _is_used(shared):
            shutil.rmtree(shared, ignore_errors=True)


def _remove_unused(root):
    """Remove the folders of services that were killed."""
    for shared in root.glob(f'{PREFIX}*'):
        with suppress(OSError):
            if _is_own(shared) and not _is_used(shared):
                shutil.rmtree(shared)


def _is_used(shared):
    return any(map(_is_locked, shared.glob('master-*')))


def _is_own(path):
    return path.stat().st_uid == os.getuid()


def _is_locked(path):
    with open(path) as file:
        try:
            _lock(file)
        except BlockingIOError:
            return True
    return False


def _lock(file, waits=False):
    """Lock a file for this process alone; if another one has it, wait, or raise BlockingIOError."""
    # Not on Windows, where there is no gunicorn either.
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _folder_of(master, *roots):
    found = [path for root in roots for path in root.glob(f'{PREFIX}*/master-{master}') if _is_own(path)]
    return found[0].parent if found else None


def _marker_of(master, shared):
    return shared / f'master-{master}'


def _next_of(master, shared):
    return shared / f'next-{master}'
