"""How long a call may take: counted from when its request came in, so the body's way and the queue count too."""

import re
from contextvars import ContextVar
from time import perf_counter

SECONDS = re.compile(r'[0-9]{1,9}(\.[0-9]{1,9})?')

# When the request came in (perf_counter), and how many seconds its client allows it; None where it said nothing.
_request = ContextVar('request', default=None)


def begin(entered: float, allowed: float | None = None):
    """Note that a request came in; returns what `end` needs. Everything that the request does sees it."""
    return _request.set((entered, allowed))


end = _request.reset


def of_call(timeout: float) -> tuple[float, float]:
    """Return since when a call of now counts, and for how many seconds; the client may ask for less than `timeout`."""
    request = _request.get()
    if request is None:
        return perf_counter(), timeout
    entered, allowed = request
    return entered, timeout if allowed is None else min(allowed, timeout)


def read(text: str) -> float:
    """Return the seconds that a client asks for; raises ValueError, as a sentence, for anything else."""
    if not SECONDS.fullmatch(text) or not float(text):
        raise ValueError(f'X-Request-Timeout must be a number of seconds above 0, such as 2.5, not {text[:40]!r}.')
    return float(text)
