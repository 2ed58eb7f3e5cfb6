"""Replaces a worker whose model hangs: a `predict` or a handler that never returns can't be stopped otherwise."""

import faulthandler
import logging
import os
import sys
import threading
import time

LOGGER = logging.getLogger('hang')
# How often the models are checked, and how long the worker's other requests may take when it ends, in seconds.
INTERVAL = 0.5
GRACE = 5


def start(servables, may_end, stop_accepting):
    """Watch in a thread how long each model's `predict` and handlers have been running.

    `may_end()` tells whether this worker may end now: one worker at a time, so that the service goes on.
    `stop_accepting()` makes the server answer what it has accepted, and nothing more.
    """
    threading.Thread(target=_run, args=(servables, may_end, stop_accepting), name='hang watch', daemon=True).start()


def _run(servables, may_end, stop_accepting):
    hanging = []
    while not (hanging and may_end()):
        time.sleep(INTERVAL)
        hanging = [servable for servable in servables if servable.hangs_for]
    for servable in hanging:
        what = '%s hangs: a call of it has been running for %.1f s. Worker %s ends; the stacks of its threads:'
        LOGGER.error(what, servable.name, servable.hangs_for, os.getpid())
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    for servable in hanging:
        servable.give_up('it hangs, and its worker is being replaced. Send the request again.')
    stop_accepting()
    time.sleep(GRACE)
    # sys.exit would wait for the thread that hangs.
    os._exit(1)
