"""gunicorn's hooks in its master, which conf/gunicorn.conf.py imports: how the service starts, and how workers end."""

import gc
import os
import sys

from gunicorn.errors import HaltServer

from . import listening
from .workers import Workers

# gunicorn's own status for a service of which no worker can start.
WORKER_BOOT_ERROR = 3


def on_starting(server):
    """Make what the workers share; exit if the address is taken: gunicorn would try for 5 s and not say what to do."""
    if not hasattr(server.worker_class, 'workers'):
        sys.exit('conf/gunicorn.conf.py is for its own worker class. For another one leave it out: gunicorn main:app')
    server.worker_class.workers = Workers(server.cfg.workers)
    if {'GUNICORN_FD', 'LISTEN_FDS'} & os.environ.keys():
        return  # it is handed its sockets
    for address in server.cfg.address:
        reason = isinstance(address, tuple) and listening.problem(*address)
        if reason:
            sys.exit(f'The service can not start. It {reason} Give another PORT or HOST: PORT=8080 bin/start.sh')


def when_ready(server):
    """Keep a worker's garbage collector from visiting, and so copying, what the master has made."""
    gc.collect()
    gc.freeze()


def post_fork(server, worker):
    """Have the worker look for signals that came before it had handlers of its own: they are in the master's queue."""
    worker.early_signals = server.SIG_QUEUE


def child_exit(server, worker):
    """End the service if a worker ends before all were ready: gunicorn would go on making new ones."""
    worker.workers.forget(worker.age)
    is_stopping = not server.LISTENERS
    if not (is_stopping or worker.workers.have_started):
        raise HaltServer('Not all workers could start.', WORKER_BOOT_ERROR)


def worker_exit(server, worker):
    """End the process of the worker: what Python does at its end would wait for threads that hang."""
    worker.end()
