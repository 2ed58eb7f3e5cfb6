"""What only the front can measure: the requests that are being answered, and how late the event loop is."""

import asyncio
from collections import Counter
from functools import partial
from time import perf_counter

# How often the loop's lag is measured, in seconds, and after how many times the gauges are set.
INTERVAL = 0.1
GAUGES_EVERY = 10


def start(front):
    """Measure from now on, on the running event loop."""
    front.app.metrics.in_flight = partial(_in_flight, front)
    _measure(front.app.metrics, perf_counter(), 0)


def _measure(metrics, due, count):
    now = perf_counter()
    asyncio.get_running_loop().call_later(INTERVAL, _measure, metrics, now + INTERVAL, count + 1)
    metrics.lag.append(max(0.0, now - due))
    metrics.flush()
    if count % GAUGES_EVERY == 0:
        metrics.update()


def _in_flight(front) -> Counter:
    """Return how many requests of each `Call` are being answered."""
    # A copy, since /metrics is answered in a thread.
    return Counter(front.app.call_of(each.scope['method'], each.scope['path']) for each in list(front.exchanges))
