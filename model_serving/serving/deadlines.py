"""When a request must be answered. The time counts from its arrival: reading the body and waiting are included."""

import asyncio
import re
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple

SECONDS = re.compile(rb'[0-9]{1,9}(\.[0-9]{1,9})?')


class Request(NamedTuple):
    """When a request arrived (perf_counter), and how many seconds it may take.

    `waits_for` has each other model that its handler waits for, by name, with the task that waits. `batches` has, by
    the start of each batch with one of its calls, how long the call waited and how long `predict` took, in seconds.
    """

    arrived: float
    seconds: float
    waits_for: list
    batches: dict

    @property
    def late_model(self) -> str | None:
        """The other model that the request waited for at its deadline, if any."""
        return self.waits_for[-1][0] if self.waits_for else None


# The current request, if any.
current = ContextVar('request', default=None)


def begin(arrived: float, seconds: float, batches: dict | None = None):
    """Set the deadline of the current request, or of a part of one whose `batches` are given."""
    current.set(Request(arrived, seconds, [], {} if batches is None else batches))


def end():
    """Forget the current request, and cancel its calls of other models that nobody waits for any more."""
    request = current.get()
    if request:
        own = _task_here()
        for _, task in list(request.waits_for):
            if task is not own:
                task.get_loop().call_soon_threadsafe(task.cancel)
    current.set(None)


def of_call(timeout: float) -> Request:
    """Return the current request; outside of one, a request of `timeout` seconds from now."""
    return current.get() or Request(perf_counter(), timeout, [], {})


@contextmanager
def waiting_for(name: str):
    """Note that the current request waits for the model `name`.

    After the deadline the note stays, so that the 504 can name the model.
    """
    request, wait = of_call(0), (name, asyncio.current_task())
    request.waits_for.append(wait)
    try:
        yield
    finally:
        if perf_counter() < request.arrived + request.seconds and wait in request.waits_for:
            request.waits_for.remove(wait)


def _task_here():
    try:
        return asyncio.current_task()
    # A thread without an event loop.
    except RuntimeError:
        return None


def of_header(value: bytes | None, timeout: float) -> float:
    """Return the seconds of an X-Request-Timeout header, at most `timeout`; `timeout` if it is missing or invalid."""
    return min(float(value), timeout) if value is not None and is_valid(value) else timeout


def is_valid(value: bytes | None) -> bool:
    """Tell whether an X-Request-Timeout header is missing, or a number of seconds above 0."""
    return value is None or (bool(SECONDS.fullmatch(value)) and float(value) > 0)
