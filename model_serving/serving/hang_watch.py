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


def start(servables, may_end, stop_accepting):
    """Watch, in a thread, how long each model's `predict` and handlers have been running.

    `may_end()` tells whether this worker may end now: not while another one does, or the service would stop.
    `stop_accepting()` makes the server answer what it has accepted, and nothing more.
    """
    threading.Thread(target=_run, args=(servables, may_end, stop_accepting), name='hang watch', daemon=True).start()


def _run(servables, may_end, stop_accepting):
    hanging = []
    while not (hanging and may_end()):
        time.sleep(INTERVAL)
        hanging = [servable for servable in servables if servable.hangs_for]
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
    stop_accepting()
    time.sleep(GRACE)
    # Not sys.exit, which would wait for the thread that hangs.
    os._exit(1)
