"""Hands results from a thread back to callers that wait on futures of event loops."""

from contextlib import suppress


def hand_back(outcomes):
    """Settle each `(future, result, error)`; all futures of an event loop are settled in one callback on it.

    Futures that are done already are skipped: their callers have gone.
    """
    by_loop = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].get_loop(), []).append(outcome)
    for loop, its_outcomes in by_loop.items():
        # A closed loop has no callers left.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, its_outcomes)


def _settle(outcomes):
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
