"""When a request must be answered: counted from its arrival, so reading its body and waiting in a queue count too."""

import re
from contextvars import ContextVar
from time import perf_counter

SECONDS = re.compile(r'[0-9]{1,9}(\.[0-9]{1,9})?')

# When the request arrived (perf_counter), and how many seconds it may take.
_request = ContextVar('request', default=None)


def begin(arrived: float, seconds: float):
    """Set the deadline of the current request."""
    _request.set((arrived, seconds))


def end():
    """Forget the deadline, since the same thread may do something else next."""
    _request.set(None)


def of_call(timeout: float) -> tuple[float, float]:
    """Return when the current request arrived and how many seconds it may take: `timeout` from now outside of one."""
    return _request.get() or (perf_counter(), timeout)


def of_header(text: str | None, timeout: float) -> float:
    """Return the seconds that a client asks for by X-Request-Timeout, at most `timeout`; what is no number counts not.

    `text` is the header's value, None without one.
    """
    return timeout if text is None or not is_valid(text) else min(float(text), timeout)


def is_valid(text: str) -> bool:
    """Tell whether the value of X-Request-Timeout is a number of seconds above 0."""
    return bool(SECONDS.fullmatch(text)) and float(text) > 0
