"""The folder that the processes of one service share, in memory if possible.

It holds what they count for /metrics, in the files of prometheus-client's multi-process mode, and a file for each
master, which says when the master's workers are ready. The masters of a reload share a folder, so that the counters go
on.
"""

import atexit
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from . import ended_workers

LOGGER = logging.getLogger('metrics')
# prometheus-client reads this variable once, when it is imported.
VARIABLE = 'PROMETHEUS_MULTIPROC_DIR'
PREFIX = 'model-serving-shared-'

# The descriptor of this master's locked file.
_marker = None


def join():
    """Make the folder, or join that of the master that this one replaces; sets PROMETHEUS_MULTIPROC_DIR.

    gunicorn's master calls this before anything can import prometheus_client, and again whenever it reads its settings.
    """
    global _marker
    if _marker is not None:
        return
    memory, disk = Path('/dev/shm'), Path(tempfile.gettempdir())
    _remove_left(memory)
    _remove_left(disk)
    joined = _folder_of(os.environ.get('GUNICORN_PID'), memory, disk)
    root = memory if os.access(memory, os.W_OK) and ended_workers.has_room(memory) else disk
    shared = joined or Path(tempfile.mkdtemp(prefix=f'.{PREFIX}', dir=root))
    # Locked as long as this process or one of its workers runs, however it ends.
    _marker = os.open(_marker_of(os.getpid(), shared), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    _lock(_marker, waits=True)
    if joined is None:
        # Only now others see it: they remove a folder that nobody has locked.
        shared = shared.rename(root / shared.name.removeprefix('.'))
    os.environ[VARIABLE] = str(shared)
    atexit.register(_leave, shared, os.getpid())


def folder() -> Path | None:
    """Return the folder; None if this process has none. If something has cleared it away, it is made again."""
    if VARIABLE not in os.environ:
        return None
    path = Path(os.environ[VARIABLE])
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_ready(master: int):
    """Note that all workers of a master are ready, for bin/reload.sh."""
    if shared := folder():
        _marker_of(master, shared).write_text('ready\n')


def write_next(master: int, new: int):
    """Note which new master is to replace another one, for bin/reload.sh and bin/stop.sh; raises OSError."""
    if shared := folder():
        _next_of(master, shared).write_text(f'{new}\n')


def worker_ended(pid: int):
    """Keep the counts of a process that has ended."""
    try:
        if shared := folder():
            ended_workers.add(pid, shared)
    # The master goes on without the counts, whatever is wrong with the files.
    except Exception:
        LOGGER.exception('The counts of process %d are lost', pid)


def _leave(shared, master):
    """Remove the folder at the end of the master, unless another master uses it."""
    # A forked process inherits what is registered to run at exit.
    if os.getpid() == master:
        _marker_of(master, shared).unlink(missing_ok=True)
        _next_of(master, shared).unlink(missing_ok=True)
        if any(map(_is_locked, shared.glob('master-*'))):
            worker_ended(master)
        else:
            shutil.rmtree(shared, ignore_errors=True)


def _remove_left(root):
    """Remove the folders of services that were killed: they have files of masters, and nobody holds a lock."""
    for shared in root.glob(f'{PREFIX}*'):
        with suppress(OSError):
            markers = list(shared.glob('master-*')) if _is_own(shared) else []
            if markers and not any(map(_is_locked, markers)):
                shutil.rmtree(shared)


def _is_own(path):
    # Of a link itself, which may be somebody else's, to a folder of ours.
    return path.lstat().st_uid == os.getuid()


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
    found = [path.parent for root in roots for path in root.glob(f'{PREFIX}*/master-{master}')]
    return next(filter(_is_own, found), None)


def _marker_of(master, shared):
    return shared / f'master-{master}'


def _next_of(master, shared):
    return shared / f'next-{master}'
