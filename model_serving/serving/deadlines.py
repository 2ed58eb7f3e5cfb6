"""When a request must be answered: counted from its arrival, so reading its body and waiting in a queue count too."""

import re
from contextvars import ContextVar
from time import perf_counter

SECONDS = re.compile(r'[0-9]{1,9}(\.[0-9]{1,9})?')

# When the request arrived (perf_counter), and how many seconds it may take.
_request = ContextVar('request', default=None)


def begin(arrived: float, seconds: float):
    """Set the deadline of the current request; returns what `end` needs."""
    return _request.set((arrived, seconds))


end = _request.reset


def of_call(timeout: float) -> tuple[float, float]:
    """Return when the current request arrived and how many seconds it may take: `timeout` from now outside of one."""
    return _request.get() or (perf_counter(), timeout)


def read(text: str | None, timeout: float) -> float:
    """Return the seconds that a client asks for by X-Request-Timeout, at most `timeout`.

    `text` is the header's value, None without one. Raises ValueError, as a sentence, for anything but a number.
    """
    if text is None:
        return timeout
    if not SECONDS.fullmatch(text) or not float(text):
        raise ValueError(f'X-Request-Timeout must be a number of seconds above 0, such as 2.5, not {text[:40]!r}.')
    return min(float(text), timeout)
