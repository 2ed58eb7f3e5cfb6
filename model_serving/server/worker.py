"""gunicorn's worker with an event loop: uvicorn serves `app.asgi_app`, the ASGI front of a Flask app."""

import asyncio
import faulthandler
import logging
import os
import select
import signal
import sys
import threading
from queue import SimpleQueue

import uvicorn
from gunicorn.workers import base

from ..utils import service_folder
from . import banner
from .protocol import Protocol
from .watch import Watch
from .workers import Workers

LOGGER = logging.getLogger('start')
# How many clients are asked to reconnect in a tenth of a second at most.
MAX_RECONNECTS = 10
# For how long an ending worker accepts clients that have connected, in seconds; new ones may come all the time.
ACCEPTING = 0.5
# How long handlers that were cancelled at the end of the graceful time may clean up, in seconds.
CLEAN_UP = 1.2
UVICORN_LOGGER = logging.getLogger('uvicorn.error')


class QuietFilter(logging.Filter):
    """Drops uvicorn's messages about answers that were cut off: the front has logged the reason."""

    def filter(self, record):
        cancelled = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
        return not cancelled and not record.getMessage().startswith('ASGI callable returned without')


class Server(uvicorn.Server):
    """uvicorn's server, which looks after its connections and accepts until it ends.

    An event loop accepts all connections that wait, so one worker may get a whole burst. A worker that has too many
    makes some of its clients reconnect. `on_tick` runs ten times a second, `on_end()` when the end begins.
    """

    def __init__(self, config, workers, age, on_end):
        super().__init__(config)
        self.workers, self.age, self.on_end = workers, age, on_end

    async def on_tick(self, counter):
        excess = self.workers.excess(self.age, len(self.server_state.connections))
        Protocol.excess = min(excess // 2, MAX_RECONNECTS)
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                connection.sweep(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets=None):
        self.on_end()
        # Clients that have connected are accepted one after the other, each in an iteration of the loop.
        until = asyncio.get_running_loop().time() + ACCEPTING
        while _is_connected(sockets or []) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        Protocol.is_ending = True
        self.workers.forget(self.age)
        await super().shutdown(sockets)
        # Handlers that were cancelled at the end of the graceful time may clean up, and their clients are told.
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CLEAN_UP)


def _is_connected(sockets) -> bool:
    """Tell whether a client waits to be accepted."""
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN)
    return bool(poll.poll(0))


class Worker(base.Worker):
    """Serves on an event loop. The hook on_starting replaces `workers` by one for the configured number."""

    workers = Workers(1)
    front = None
    is_serving = False
    early_signals = SimpleQueue()

    def load_wsgi(self):
        """Load `main:app`, a Flask application, and serve its ASGI front."""
        super().load_wsgi()
        self.front = self.wsgi.extensions['front']

    def init_signals(self):
        super().init_signals()
        signal.set_wakeup_fd(-1)  # the event loop has its own
        # A SIGTERM that came before this would be lost: the worker would go on, and the master would wait for it.
        early = [self.early_signals.get_nowait() for _ in range(self.early_signals.qsize())]
        if signal.SIGTERM in early:
            sys.exit(0)
        # Logs the stacks when a library crashes, or when gunicorn ends a worker that hangs.
        faulthandler.enable()

    def handle_exit(self, sig, frame):
        """End on SIGTERM: when uvicorn has ended and raises the signal again, or at once while the models load.

        Before uvicorn serves, an exception might only end the handler that answers an example.
        """
        if self.is_serving:
            sys.exit(0)
        os._exit(0)

    def handle_quit(self, sig, frame):
        """End at once on SIGQUIT: the loop may be blocked, and threads may hang."""
        self.end()

    def handle_abort(self, sig, frame):
        """End at once when the heartbeat has stopped: an exception would only end a handler."""
        self.cfg.worker_abort(self)
        os._exit(1)

    def end(self):
        """Write what is left to write, and end the process."""
        if self.front:
            # In a thread, since a signal may have come while this one holds a lock.
            writer = threading.Thread(target=self.front.app.write, daemon=True)
            writer.start()
            writer.join(1)
        os._exit(0 if self.front else 1)

    def run(self):
        """Serve until the worker is told to end."""
        config = uvicorn.Config(
            self.wsgi.asgi_app,
            loop='uvloop',
            http=Protocol,
            ws='none',
            interface='asgi3',
            lifespan='on',
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=self.cfg.backlog,
            timeout_keep_alive=self.cfg.keepalive,
            timeout_graceful_shutdown=max(1, self.cfg.graceful_timeout - 2),
            limit_max_requests=self.max_requests,
            ssl_certfile=self.cfg.certfile,
            ssl_keyfile=self.cfg.keyfile,
        )
        # gunicorn logs the start and the end.
        UVICORN_LOGGER.setLevel(logging.WARNING)
        UVICORN_LOGGER.addFilter(QuietFilter())
        loop = config.get_loop_factory()()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve(loop, Server(config, self.workers, self.age, self.front.end)))
        except SystemExit as error:
            sys.exit(1 if error.code else 0)  # 3 and 4 would end the whole service

    async def _serve(self, loop, server):
        watch = Watch(
            loop, self.notify, lambda: self.workers.may_end(self.age), lambda: os.kill(self.pid, signal.SIGTERM)
        )
        watch.start()
        self.front.app.rate_limits.workers = self.workers.count
        await self.front.start(self.cfg.threads)
        self._check()
        watch.servables = self.front.app.servables.values()
        self.workers.add(self.age)
        if self.workers.completes_start():
            service_folder.write_ready(self.ppid)
            for line in banner.lines(self.front, self.workers.count, self.cfg.threads, self.cfg.address):
                LOGGER.info(line)
        self.is_serving = True
        await server.serve([listener.sock for listener in self.sockets])

    def _check(self):
        """End the service at its first start if a model is not ready.

        A worker that is made later serves on: it answers 503 for this model, and `/health/ready` says why.
        """
        for servable in self.front.app.servables.values():
            if servable.problem:
                must_stop = servable.settings['on_error'] == 'stop' and not self.workers.have_started
                consequence = 'The service cannot start.' if must_stop else 'Not ready:'
                LOGGER.error('%s %s: %s', consequence, servable.url, servable.problem)
                if must_stop:
                    sys.exit(1)
