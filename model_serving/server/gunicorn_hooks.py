"""gunicorn's hooks, which conf/gunicorn.conf.py imports: how the service starts, and how its workers end."""

import faulthandler
import gc
import logging
import os
import signal
import sys

from gunicorn.errors import HaltServer

from ..serving import hang_watch
from . import banner, listening
from .workers import Workers

LOGGER = logging.getLogger('start')
# gunicorn's own status for a service of which no worker can start.
WORKER_BOOT_ERROR = 3

# Made in the master before the first fork.
_workers = None


def on_starting(server):
    """Make what the workers share; exit if the address is taken: gunicorn would try for 5 s and not say what to do."""
    global _workers
    if not hasattr(server.worker_class, 'on_start'):
        sys.exit('conf/gunicorn.conf.py is for its own worker class. For another one leave it out: gunicorn main:app')
    _workers = Workers(server.cfg.workers)
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
    worker.signals_before = server.SIG_QUEUE


def post_worker_init(worker):
    """Have the worker's `on_start` decide whether it serves."""
    # Until a worker has handlers of its own, a signal to end goes into its copy of the master's queue, where it
    # would be lost: the worker would serve on, and the master wait for it in vain.
    signals = worker.signals_before
    if signal.SIGTERM in [signals.get_nowait() for _ in range(signals.qsize())]:
        sys.exit(0)
    # Says where each thread was when a library crashes, or when gunicorn ends a worker that hangs.
    faulthandler.enable()
    worker.workers = _workers
    worker.on_start = lambda unready: _start(worker, unready)


def _start(worker, unready):
    """Let the worker serve. At the first start a model that is not ready ends the service.

    A worker that is made later serves on: it answers 503 for this model, and `/health/ready` says why.
    """
    first_start = not _workers.have_started
    for servable in unready:
        must_stop = first_start and servable.settings['on_error'] == 'stop'
        consequence = 'The service can not start.' if must_stop else 'Not ready:'
        LOGGER.error('%s %s: %s', consequence, servable.url, servable.problem)
        if must_stop:
            sys.exit(1)
    servables = worker.front.app.servables.values()
    hang_watch.start(servables, lambda: _workers.may_end(worker.age), lambda: os.kill(os.getpid(), signal.SIGTERM))
    _workers.note(worker.age, 0)
    if _workers.completes_start():
        for line in banner.lines(worker.front, _workers.count, worker.cfg.threads, worker.cfg.address):
            LOGGER.info(line)


def child_exit(server, worker):
    """End the service if a worker ends before all were ready: gunicorn would go on making new ones."""
    _workers.forget(worker.age)
    is_stopping = not server.LISTENERS
    if not (is_stopping or _workers.have_started):
        raise HaltServer('Not all workers could start.', WORKER_BOOT_ERROR)


def worker_int(worker):
    """Write what the access log still holds, and end the process."""
    front = getattr(worker, 'front', None)
    if front and front.app.access_log:
        front.app.access_log.write()
    # What Python does at its end would wait for threads that hang.
    os._exit(0 if front else 1)


def worker_exit(server, worker):
    worker_int(worker)
