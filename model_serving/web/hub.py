"""Requests that wait without a thread each: a hub is a thread that goes on with others meanwhile.

With a thread for every request that waits, for a prediction or for its client, the interpreter went from thread to
thread several times a request, and that cost more than a quick model. Here each request is a greenlet of its hub's
thread.
"""

import os
import select
import threading
from collections import deque
from contextlib import suppress
from time import monotonic

from greenlet import getcurrent, greenlet

# How long a step of a request may take, in seconds, before another thread takes the lead.
PATIENCE = 0.02
# For how long after that, in seconds, what may stand still is called in threads of its own.
HASTE = 1
# How long a client may stop in the middle of a request or of reading its answer, in seconds.
SILENCE = 30

_thread = threading.local()


def hub_of_thread() -> 'Hub':
    """Return the calling thread's hub, made when it is first asked for."""
    if not hasattr(_thread, 'hub'):
        _thread.hub = Hub()
    return _thread.hub


def hub_of_request() -> 'Hub | None':
    """Return the hub whose request this is, None outside of a hub's requests."""
    hub = getattr(_thread, 'hub', None)
    return None if hub is None or getcurrent() is hub.greenlet else hub


def new_wait():
    """Return what a call waits on (see Call in serving/batching.py): a Wait in a hub's request, else a held lock."""
    hub = hub_of_request()
    if hub is not None:
        return Wait(hub)
    lock = threading.Lock()
    lock.acquire()
    return lock


def apart(servable, function, *arguments):
    """Return what a function returns that may stand still: called in another thread where others wait in the hub.

    Raises Overloaded, DeadlineExceeded and NotReady where it could not begin.
    """
    hub = hub_of_request()
    if hub is None or not hub.worker.calls_apart(hub):
        return servable.handle(function, *arguments)
    return hub.worker.call_apart(hub, servable, function, *arguments)


def client_is_ready(event) -> bool:
    """Let the hub go on with others until the client of this request has sent something, or has read.

    Returns False outside of a hub's requests; raises BlockingIOError when the client is silent for too long.
    """
    hub = hub_of_request()
    if hub is None:
        return False
    hub.worker.wait_for_client(hub, event)
    return True


class Hub:
    """The requests of one thread: it runs one at a time, until it ends or waits."""

    def __init__(self):
        self.greenlet = getcurrent()
        # The gunicorn worker, which knows the connections and has other threads.
        self.worker = None
        self.waiting = {}
        # How many of those wait for a call in another thread.
        self.apart = 0
        self.answered = deque()
        # What runs now, as a number, so that another thread can see that it is still the same; None: nothing.
        self.step = None
        self._steps = 0
        self._task = None
        self._idle = []
        self._sleeping = False
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)

    def fileno(self) -> int:
        """Return what becomes readable when another thread answers a call while this one sleeps."""
        return self._wake

    def run(self, function, *arguments):
        """Call the function, as far as it goes without waiting; nothing that it raises may come out of it."""
        self._task = function, arguments
        # Making one costs more than what many requests do.
        self._go(self._idle.pop() if self._idle else greenlet(self._work, self.greenlet))

    def resume(self, now):
        """Go on with what was answered, and, unless `now` is None, with what waits no longer than until then."""
        if now is not None:
            self.answered += [wait for wait, until in self.waiting.items() if until <= now]
        while self.answered:
            waiter = self.answered.popleft().waiter
            if waiter is not None:
                self._go(waiter)

    def sleep(self, select, seconds):
        """Return what `select(seconds)` returns, a wait for this hub and for others; soon where a call is answered."""
        self._sleeping = True
        events = select(0 if self.answered else seconds)
        self._sleeping = False
        return events

    def sleep_alone(self, seconds):
        """Sleep until a call is answered, for `seconds` at most."""
        # Not select.select, which knows no file beyond the 1,024th.
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self.sleep(lambda timeout: poll.poll(1000 * timeout), seconds):
            self.was_woken()

    def was_woken(self):
        """Read what woke this hub, if it was this one: just after a change of leaders its selector may tell of both."""
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def wake(self, wait):
        """Have the hub go on with an answered call; for other threads."""
        self.answered.append(wait)
        # Once for all that are answered together.
        if self._sleeping:
            self._sleeping = False
            os.write(self._waker, b'\0')

    def _go(self, waiter):
        self._steps += 1
        self.step = self._steps
        try:
            waiter.switch()
        finally:
            self.step = None

    def _work(self):
        while True:
            function, arguments = self._task
            function(*arguments)
            self._idle.append(getcurrent())
            self.greenlet.switch()


class Wait:
    """Stands in for a held lock that is released once; who acquires it lets its hub go on with other requests."""

    __slots__ = ('_held', '_hub', 'waiter')

    def __init__(self, hub):
        self._hub = hub
        self._held = True
        self.waiter = None

    def locked(self) -> bool:
        return self._held

    def acquire(self, timeout) -> bool:
        """Return whether it is released, at the latest after `timeout` seconds and what the hub then has to do."""
        if self._held:
            self.waiter = getcurrent()
            self._hub.waiting[self] = monotonic() + timeout
            self._hub.greenlet.switch()
            del self._hub.waiting[self]
            self.waiter = None
        return not self._held

    def release(self):
        self._held = False
        self._hub.wake(self)
