"""The one event loop of a process: the server's, or one in a background thread where the server has none.

All async handlers run on it, so that clients and futures that a model keeps belong to a single loop.
"""

import asyncio
import os
import threading
from contextvars import Context
from time import perf_counter

from . import deadlines
from .errors import DeadlineExceeded

_lock = threading.Lock()
_loop = None


def use(loop):
    """Make `loop` the loop of this process; None: forget it."""
    global _loop
    _loop = loop
    if loop is not None:
        loop.set_task_factory(lambda loop, coroutine, **options: asyncio.Task(_safe(coroutine), loop=loop, **options))


async def _safe(coroutine):
    """Await the coroutine of a task. SystemExit and KeyboardInterrupt would stop the loop, so they become errors."""
    try:
        return await coroutine
    # Ctrl-C raises nothing here: the servers handle its signal, or the loop is not in the main thread.
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f'A handler raised {type(error).__name__}.') from error


# The thread that ran the parent's loop does not exist in a forked child.
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=lambda: use(None))


def is_running_here() -> bool:
    """Tell whether this thread runs the loop, where blocking would stop everything."""
    try:
        return asyncio.get_running_loop() is _loop
    except RuntimeError:
        return False


def get() -> asyncio.AbstractEventLoop:
    """Return the loop; start one in a background thread if there is none."""
    with _lock:
        if _loop is None or _loop.is_closed():
            use(asyncio.new_event_loop())
            threading.Thread(target=_loop.run_forever, name='event loop', daemon=True).start()
        return _loop


def run(coroutine, name: str, timeout: float, late=DeadlineExceeded):
    """Run a coroutine on the loop, from another thread, and return its result.

    When the current request's deadline passes or, outside of a request, after `timeout` seconds, the coroutine is
    cancelled. Raises `late` then, with the `name` of the model, or of another one that it waits for.
    """
    request = deadlines.of_call(timeout)
    # An empty context: Flask's `request` is not available to async handlers, whichever way they are called.
    context = Context()
    context.run(deadlines.current.set, request)
    future = context.run(asyncio.run_coroutine_threadsafe, coroutine, get())
    try:
        return future.result(max(0.0, request.arrived + request.seconds - perf_counter()))
    except TimeoutError:
        if future.done():
            raise  # the handler's own
        raise late(request.late_model or name, request.seconds) from None
    finally:
        future.cancel()
