"""How a gunicorn worker becomes ready: its models loaded and warmed up before it accepts a request."""

import faulthandler
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from functools import cache

from gunicorn.errors import HaltServer

from ..serving.hang_watch import HangWatch
from ..serving.workers import Workers
from . import banner

LOGGER = logging.getLogger('start')
# gunicorn's own status where no worker can start.
WORKER_BOOT_ERROR = 3


@cache
def of_service(count: int) -> 'WorkerStart':
    """Return the one WorkerStart of the process, also to a conf file that is read again, as by the signal HUP."""
    return WorkerStart(count)


class WorkerStart:
    """gunicorn's hook `post_worker_init`; made in the master, before the fork."""

    def __init__(self, count: int):
        self._workers = Workers(count)
        self._hang_watch = None

    def start(self, worker):
        """Warm the models up. Where one can't, the first start ends the service; a worker made later lives.

        That one serves its other models, says 503 for this one, and `/health/ready` tells why.
        """
        # Until a worker has handlers of its own, a signal to end goes into its copy of the master's queue, where it
        # would be lost: the worker would serve on, and the master wait for it in vain.
        if _holds_sigterm(worker.signals_before):
            worker.alive = False
            return
        # Says where each thread was when a library crashes, or when gunicorn ends a worker that stands still.
        faulthandler.enable()
        readiness = worker.wsgi.extensions['readiness']
        with _heartbeat(worker):
            unready = readiness.start()
        first_start = not self._have_started()
        for servable in unready:
            must_stop = first_start and servable.settings['on_error'] == 'stop'
            consequence = 'The service can not start.' if must_stop else 'Not ready:'
            LOGGER.error('%s %s: %s', consequence, servable.url, servable.problem)
            if must_stop:
                sys.exit(1)
        for servable in readiness.servables:
            servable.share_threads(worker.cfg.threads, getattr(worker, 'give_threads', None))
        self._hang_watch = HangWatch(readiness.servables, self._workers.may_end, _stop_accepting)
        self._hang_watch.start()
        if self._workers.add_ready() == self._workers.count:
            for line in banner.lines(readiness.servables, self._workers.count, worker.cfg.threads, worker.cfg.address):
                LOGGER.info(line)

    def check_ended(self, arbiter):
        """gunicorn's hook `child_exit`: a worker that ends before all were ready ends the service, which did not start.

        Whatever ended it: else gunicorn would make new ones for ever.
        """
        stopping = not arbiter.LISTENERS
        if not (stopping or self._have_started()):
            raise HaltServer('Not all workers could start.', WORKER_BOOT_ERROR)

    def _have_started(self):
        return self._workers.ready_so_far() >= self._workers.count

    def end(self, worker):
        """Write what the access log still holds, when the worker has answered its last request."""
        access_log = worker.wsgi and worker.wsgi.extensions['access_log']
        if access_log:
            access_log.close()
        if self._hang_watch and self._hang_watch.ending:
            # What Python does at its end would wait for the thread that hangs.
            os._exit(1)


def _holds_sigterm(signals):
    return signal.SIGTERM in [signals.get_nowait() for _ in range(signals.qsize())]


def _stop_accepting():
    # gunicorn's own way: what is accepted is answered, then the worker ends.
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _heartbeat(worker):
    """Tell the master that the worker lives, while a model takes its time to load."""
    done = threading.Event()

    def beat():
        while not done.wait(1):
            worker.notify()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
