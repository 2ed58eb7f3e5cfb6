"""gunicorn's hooks, which conf/gunicorn.conf.py imports: how the service starts, and how its workers end."""

import gc
import logging
import os
import sys

from gunicorn.errors import HaltServer

from ..utils import service_folder
from . import addresses
from .workers import Workers

LOGGER = logging.getLogger('start')
# gunicorn's own status for a service of which no worker can start.
WORKER_BOOT_ERROR = 3


def on_starting(server):
    """Make the shared memory of the workers; exit with the fix if the address is taken, which gunicorn only retries."""
    if not hasattr(server.worker_class, 'workers'):
        sys.exit('conf/gunicorn.conf.py is for its own worker class. For another one leave it out: gunicorn main:app')
    server.worker_class.workers = Workers(server.cfg.workers)
    if {'GUNICORN_FD', 'LISTEN_FDS'} & os.environ.keys():
        return  # it inherits its sockets
    for host, port in (address for address in server.cfg.address if isinstance(address, tuple)):
        problem = addresses.problem(host, port)
        if problem:
            fix = 'Give another PORT or HOST: PORT=8080 bin/start.sh'
            sys.exit(f'The service cannot start. It cannot listen at {problem}. {fix}')


def pre_exec(server):
    """Write down the process id of a reload's new master, before its code runs; it is this process."""
    try:
        service_folder.write_next(os.getppid(), os.getpid())
    except OSError:
        LOGGER.exception('No new master is started')
        # After an exception this copy of the old master would end the workers.
        os._exit(1)


def when_ready(server):
    """Keep the workers' garbage collectors from touching, and so copying, the master's objects."""
    gc.collect()
    gc.freeze()


def post_fork(server, worker):
    """Give the worker the signals that came before it had handlers of its own: they are in the master's queue."""
    worker.early_signals = server.SIG_QUEUE


def child_exit(server, worker):
    """Clear up after a worker. End the service if not all have been ready: gunicorn would make new ones for ever."""
    worker.workers.forget(worker.age)
    service_folder.worker_ended(worker.pid)
    is_stopping = not server.LISTENERS
    # HUP and TTOU end workers that may not have been ready yet. Then there are enough others.
    is_missed = len(server.WORKERS) < server.num_workers
    if is_missed and not (is_stopping or worker.workers.have_started):
        raise HaltServer('Not all workers could start.', WORKER_BOOT_ERROR)


def worker_exit(server, worker):
    """End the worker's process at once: Python would wait for threads that hang."""
    worker.end()
