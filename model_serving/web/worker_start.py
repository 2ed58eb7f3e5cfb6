"""How a gunicorn worker becomes ready: its models loaded and warmed up before it accepts a request."""

import logging
import sys
import threading
from contextlib import contextmanager

from ..serving.workers import Workers
from . import banner

LOGGER = logging.getLogger('start')
# gunicorn ends the whole service when a worker exits with this status.
WORKER_BOOT_ERROR = 3


class WorkerStart:
    """gunicorn's hook `post_worker_init`; made in the master, before the fork."""

    def __init__(self, count: int):
        self._workers = Workers(count)

    def start(self, worker):
        """Warm the models up. Where one can't, the first start ends the service; a worker made later lives.

        That one serves its other models, says 503 for this one, and `/health/ready` tells why.
        """
        readiness = worker.wsgi.extensions['readiness']
        with _heartbeat(worker):
            problems = readiness.start()
        for problem in problems:
            LOGGER.error('Not ready: %s', problem)
        if problems and not self._workers.ready_so_far():
            sys.exit(WORKER_BOOT_ERROR)
        if self._workers.add_ready() == self._workers.count:
            threads = getattr(worker.cfg, 'threads', 1)
            for line in banner.lines(readiness.servables, self._workers.count, threads, worker.cfg.address):
                LOGGER.info(line)

    def end(self, worker):
        """Write what the access log still holds, when the worker has answered its last request."""
        access_log = worker.wsgi and worker.wsgi.extensions['access_log']
        if access_log:
            access_log.close()


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
