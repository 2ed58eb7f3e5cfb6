"""What follows when the models of a gunicorn worker have been started."""

import faulthandler
import logging
import os
import signal
import sys
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
    """Whether each worker may serve; made in the master, before the fork."""

    def __init__(self, count: int):
        self._workers = Workers(count)
        self._hang_watch = None

    def prepare(self, worker):
        """gunicorn's hook `post_worker_init`."""
        # Until a worker has handlers of its own, a signal to end goes into its copy of the master's queue, where it
        # would be lost: the worker would serve on, and the master wait for it in vain.
        if _holds_sigterm(worker.signals_before):
            sys.exit(0)
        # Says where each thread was when a library crashes, or when gunicorn ends a worker that hangs.
        faulthandler.enable()
        worker.on_start = lambda unready: self.start(worker, unready)

    def start(self, worker, unready):
        """Serve, or not. At the first start, a model that is not ready ends the service; a worker made later serves on.

        That one answers its other models, and 503 for this one, and `/health/ready` says why.
        """
        first_start = not self._have_started()
        for servable in unready:
            must_stop = first_start and servable.settings['on_error'] == 'stop'
            consequence = 'The service can not start.' if must_stop else 'Not ready:'
            LOGGER.error('%s %s: %s', consequence, servable.url, servable.problem)
            if must_stop:
                sys.exit(1)
        front = worker.front
        servables = front.app.extensions['readiness'].servables
        self._hang_watch = HangWatch(servables, self._workers.may_end, _stop_accepting)
        self._hang_watch.start()
        if self._workers.add_ready() == self._workers.count:
            for line in banner.lines(front, self._workers.count, worker.cfg.threads, worker.cfg.address):
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
        """gunicorn's hooks `worker_exit` and `worker_int`: write what the access log still holds, and end."""
        access_log = worker.front.access_log
        if access_log:
            access_log.close()
        # What Python does at its end would wait for threads that hang.
        os._exit(1 if self._hang_watch and self._hang_watch.ending else 0)


def _holds_sigterm(signals):
    return signal.SIGTERM in [signals.get_nowait() for _ in range(signals.qsize())]


def _stop_accepting():
    # gunicorn's own way: what is accepted is answered, then the worker ends.
    os.kill(os.getpid(), signal.SIGTERM)
