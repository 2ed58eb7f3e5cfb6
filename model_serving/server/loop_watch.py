"""Watches the event loop of a worker: sends its heartbeat to the master, and logs what blocks it."""

import logging
import sys
import threading
import time
import traceback

LOGGER = logging.getLogger('event loop')
# The interval of the heartbeat, and how long it may be missing before the stack is logged, in seconds.
BEAT = 0.25
BLOCKED = 1.0


class LoopWatch:
    """A timer on the loop calls `notify()`. When it stops, a thread logs the stack of the loop's thread."""

    def __init__(self, loop, notify):
        self._loop = loop
        self._notify = notify
        self._thread_id = threading.get_ident()
        self._last = time.monotonic()

    def start(self):
        """Start watching; call this in the thread of the loop."""
        self._beat()
        threading.Thread(target=self._watch, name='event loop watch', daemon=True).start()

    def _beat(self):
        self._last = time.monotonic()
        self._notify()
        self._loop.call_later(BEAT, self._beat)

    def _watch(self):
        logged = None
        while True:
            time.sleep(BEAT)
            last = self._last
            if time.monotonic() - last > BLOCKED and last != logged:
                logged = last
                frame = sys._current_frames().get(self._thread_id)
                stack = ''.join(traceback.format_stack(frame))
                LOGGER.error(
                    'The event loop is blocked, so this worker answers no request. Its thread is here:\n%s', stack
                )
