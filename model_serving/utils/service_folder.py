"""The folder that the processes of one service share, in memory if possible.

It holds what they count for /metrics, in the files of prometheus-client's multi-process mode, and a file for each
master, which says when the master's workers are ready. The masters of a reload share a folder: in another one all
counters would begin at 0 again.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

# prometheus-client reads this variable once, when it is imported.
VARIABLE = 'PROMETHEUS_MULTIPROC_DIR'
PREFIX = 'model-serving-'
# The process id in the names of the files with the counts of all workers that have ended.
ENDED = 0

# The descriptor of this master's locked file; and workers that have ended, whose counts are not added up yet.
_marker, _ended = None, []


def join():
    """Make the folder, or find that of the master which this one is to replace. Its name goes to the environment.

    gunicorn's master calls this before anything can import prometheus_client, and again whenever it reads its settings.
    """
    global _marker
    if _marker is not None:
        return
    root = Path('/dev/shm' if os.access('/dev/shm', os.W_OK) else tempfile.gettempdir())
    _remove_unused(root)
    folder = _folder_of(os.environ.get('GUNICORN_PID'), root)
    new = folder or Path(tempfile.mkdtemp(prefix=f'.{PREFIX}', dir=root))
    # Locked as long as this process or one of its workers runs, however it ends.
    _marker = os.open(_marker_of(os.getpid(), new), os.O_WRONLY | os.O_CREAT, 0o600)
    _lock(_marker, waits=True)
    if folder is None:
        # Only now others see it: they remove a folder that has no lock.
        folder = new.rename(root / new.name.removeprefix('.'))
    os.environ[VARIABLE] = str(folder)
    atexit.register(_leave, folder, os.getpid())


def say_ready(master: int):
    """Note that all workers of a master are ready, for bin/reload.sh."""
    if VARIABLE in os.environ:
        _marker_of(master, Path(os.environ[VARIABLE])).write_text('ready\n')


def worker_ended(pid: int):
    """Add what a worker has counted to the counts of all that have ended, or their files would pile up."""
    if VARIABLE not in os.environ:
        return
    from prometheus_client import multiprocess

    folder = Path(os.environ[VARIABLE])
    multiprocess.mark_process_dead(pid, folder)
    _ended.append(pid)
    # While somebody reads the files, they stay until the next worker ends: the master must not wait.
    with suppress(BlockingIOError), open(folder / 'lock', 'w') as file:
        _lock(file)
        while _ended:
            _add_up(folder, _ended[-1])
            _ended.pop()


def say_next(master: int, successor: int):
    """Note which master is to replace another one, for bin/reload.sh and bin/stop.sh."""
    if VARIABLE in os.environ:
        _successor_of(master, Path(os.environ[VARIABLE])).write_text(f'{successor}\n')


@contextmanager
def reading(folder: str):
    """Keep the master from adding counts up, which moves them from file to file."""
    import fcntl

    with open(Path(folder) / 'lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _add_up(folder, pid):
    from prometheus_client.mmap_dict import MmapedDict

    for kind in ('counter', 'histogram'):
        path = folder / f'{kind}_{pid}.db'
        if path.exists():
            totals = MmapedDict(str(folder / f'{kind}_{ENDED}.db'))
            for key, value, *_ in MmapedDict.read_all_values_from_file(path):
                totals.write_value(key, totals.read_value(key)[0] + value, 0)
            totals.close()
            path.unlink()


def _leave(folder, master):
    """Remove the folder at the end of the master, unless another master uses it."""
    # A forked process inherits what is registered to run at exit.
    if os.getpid() == master:
        _marker_of(master, folder).unlink(missing_ok=True)
        _successor_of(master, folder).unlink(missing_ok=True)
        if not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_unused(root):
    """Remove the folders of services that were killed."""
    for folder in root.glob(f'{PREFIX}*'):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and not _is_used(folder):
                shutil.rmtree(folder)


def _is_used(folder):
    return any(map(_is_locked, folder.glob('master-*')))


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


def _folder_of(master, root):
    return next((path.parent for path in root.glob(f'{PREFIX}*/master-{master}')), None) if master else None


def _marker_of(master, folder):
    return folder / f'master-{master}'


def _successor_of(master, folder):
    return folder / f'next-{master}'
