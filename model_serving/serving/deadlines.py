"""When a request must be answered. The time counts from its arrival: reading the body and waiting are included."""

import re
from contextvars import ContextVar
from time import perf_counter

SECONDS = re.compile(rb'[0-9]{1,9}(\.[0-9]{1,9})?')

# When the current request arrived (perf_counter), and how many seconds it may take.
_request = ContextVar('request', default=None)


def begin(arrived: float, seconds: float):
    """Set the deadline of the current request."""
    _request.set((arrived, seconds))


def end():
    """Forget the deadline: the thread may do something else next."""
    _request.set(None)


def of_call(timeout: float) -> tuple[float, float]:
    """Return when the current request arrived and how many seconds it may take: outside of one, `timeout` from now."""
    return _request.get() or (perf_counter(), timeout)


def of_header(value: bytes | None, timeout: float) -> float:
    """Return the seconds of an X-Request-Timeout header, at most `timeout`; `timeout` if it is missing or invalid."""
    return min(float(value), timeout) if value is not None and is_valid(value) else timeout


def is_valid(value: bytes | None) -> bool:
    """Tell whether an X-Request-Timeout header is missing, or a number of seconds above 0."""
    return value is None or (bool(SECONDS.fullmatch(value)) and float(value) > 0)
