"""Watches a worker: its heartbeat, what blocks its event loop, and models that hang."""

import faulthandler
import logging
import os
import sys
import threading
import time
import traceback

LOGGER = logging.getLogger('watch')
# The interval of the heartbeat, and how long it may be missing before the stack is logged, in seconds.
BEAT, BLOCKED = 0.25, 1.0
# How long the other requests of a worker whose model hangs may take, in seconds.
GRACE = 5


class Watch:
    """A timer on the event loop calls `notify()`, the heartbeat; a thread looks after the timer and the models.

    A `predict` or a handler that never returns can't be stopped, so its worker is replaced: when `may_end()` says so,
    `stop_accepting()` lets it answer what it has accepted, and it ends.
    """

    def __init__(self, loop, notify, may_end, stop_accepting):
        self.servables = ()
        self._loop = loop
        self._notify, self._may_end, self._stop_accepting = notify, may_end, stop_accepting
        self._thread_id, self._master = threading.get_ident(), os.getppid()
        self._last = self._logged = time.monotonic()

    def start(self):
        """Start watching; call this in the thread of the loop."""
        self._beat()
        threading.Thread(target=self._run, name='watch', daemon=True).start()

    def _beat(self):
        self._last = time.monotonic()
        self._notify()
        self._loop.call_later(BEAT, self._beat)

    def _run(self):
        hanging = []
        while not (hanging and self._may_end()):
            time.sleep(BEAT)
            self._log_a_blocked_loop()
            self._end_without_master()
            hanging = [servable for servable in self.servables if servable.hangs_for]
        for servable in hanging:
            what = '%s hangs: a call of it has been running for %.1f s. Worker %s ends; the stacks of its threads:'
            LOGGER.error(what, servable.name, servable.hangs_for, os.getpid())
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        for servable in hanging:
            servable.give_up('it hangs, and its worker is being replaced. Send the request again.')
        self._stop_accepting()
        time.sleep(GRACE)
        # sys.exit would wait for the thread that hangs.
        os._exit(1)

    def _end_without_master(self):
        """End the worker when its master has been killed, or nobody could end or replace it any more."""
        if os.getppid() != self._master:
            LOGGER.error('The master of worker %s has gone, so the worker ends.', os.getpid())
            self._master = os.getppid()
            self._stop_accepting()

    def _log_a_blocked_loop(self):
        last = self._last
        if time.monotonic() - last > BLOCKED and last != self._logged:
            self._logged = last
            stack = ''.join(traceback.format_stack(sys._current_frames().get(self._thread_id)))
            LOGGER.error('The event loop is blocked, so this worker answers no request. Its thread is here:\n%s', stack)
