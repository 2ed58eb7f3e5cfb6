"""Ends a worker whose model hangs: nothing else stops a `predict` or a handler that does not come back."""

import faulthandler
import logging
import os
import sys
import threading
import time

LOGGER = logging.getLogger('hang')
# How often it looks, in seconds, and how long the worker's other requests may take when it ends.
INTERVAL = 0.5
GRACE = 5


class HangWatch:
    """A thread of a worker that looks how long each model's `predict` and handlers have been running.

    `may_end()` tells whether this worker may end now: not while another one does, or the service would
    stop. `stop_accepting()` makes the server answer what it has accepted, and nothing more.
    """

    def __init__(self, servables, may_end, stop_accepting):
        self._servables = servables
        self._may_end = may_end
        self._stop_accepting = stop_accepting
        self.ending = False

    def start(self):
        threading.Thread(target=self._run, name='hang watch', daemon=True).start()

    def _run(self):
        while True:
            time.sleep(INTERVAL)
            hanging = [servable for servable in self._servables if servable.hangs_for]
            if hanging and self._may_end():
                self._end(hanging)

    def _end(self, hanging):
        self.ending = True
        for servable in hanging:
            LOGGER.error(
                '%s hangs: a call of it has been running for %.1f s. Worker %s ends; the stacks of its threads:',
                servable.name,
                servable.hangs_for,
                os.getpid(),
            )
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        for servable in hanging:
            servable.give_up('it hangs, and its worker is being replaced. Send the request again.')
        self._stop_accepting()
        time.sleep(GRACE)
        # Not sys.exit, which would wait for the thread that hangs.
        os._exit(1)
