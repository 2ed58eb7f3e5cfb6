"""Calls that wait at the same time are predicted together: one call of `predict` for many callers."""

import threading
from queue import Empty, SimpleQueue
from time import monotonic

from .errors import DeadlineExceeded


class Call:
    """One caller's instance, and later its result or error."""

    __slots__ = ('answered', 'error', 'instance', 'result')

    def __init__(self, instance):
        self.instance = instance
        self.result = None
        self.error = None
        # A bare lock, released once: a third of the cost of threading.Event.
        self.answered = threading.Lock()
        self.answered.acquire()

    def answer(self, result=None, error=None):
        self.result = result
        self.error = error
        self.answered.release()


class Batcher:
    """Runs `predict(instances: list) -> list` in one thread of its own, for callers in many threads.

    The thread starts at the first call, so after the server has forked. While it predicts, calls
    queue up; then it takes what waits, up to `max_batch_size`. `predict` is never entered twice at
    a time, and a caller is let go at its deadline even when `predict` hangs.
    """

    def __init__(self, name, predict, max_batch_size):
        self.name = name
        self._predict = predict
        self._max_batch_size = max_batch_size
        self._queue = SimpleQueue()
        self._thread = None
        self._starting = threading.Lock()

    def predict(self, instance, timeout):
        """Return the result for one instance.

        Raises DeadlineExceeded after `timeout` seconds, and whatever `predict` raised for it.
        """
        call = Call(instance)
        self._queue.put(call)
        if self._thread is None:
            self._start()
        if not call.answered.acquire(timeout=timeout):
            raise DeadlineExceeded(f'{self.name} did not answer within {timeout:g} s.')
        if call.error is not None:
            raise call.error
        return call.result

    def _start(self):
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f'predict {self.name}', daemon=True)
                self._thread.start()

    def _run(self):
        together, seconds = 1, 0.0
        while True:
            calls = [self._queue.get()]
            self._gather(calls, together, seconds / 4)
            together, started = len(calls), monotonic()
            self._answer(calls)
            seconds = monotonic() - started
            # A waiting thread must not keep the last batch alive.
            del calls

    def _gather(self, calls, expected, linger):
        """Add what waits to `calls`; linger for as many as were answered together last time.

        Callers that were answered together come back together: waiting for them a quarter of the
        last predict's time, in seconds, gave a forest a third more answers and costs nothing when idle.
        """
        until = monotonic() + linger
        while len(calls) < self._max_batch_size:
            try:
                if len(calls) < expected:
                    calls.append(self._queue.get(timeout=max(0, until - monotonic())))
                else:
                    calls.append(self._queue.get_nowait())
            except Empty:
                return

    def _answer(self, calls):
        """Predict once for all `calls`; where that fails, halve, so that a bad instance fails alone."""
        try:
            results = self._checked([call.instance for call in calls])
        # BaseException: a model that calls sys.exit must neither end this thread nor leave its caller waiting.
        except BaseException as error:
            if len(calls) == 1:
                calls[0].answer(error=error if isinstance(error, Exception) else RuntimeError(repr(error)))
                return
            middle = len(calls) // 2
            self._answer(calls[:middle])
            self._answer(calls[middle:])
        else:
            for call, result in zip(calls, results, strict=True):
                call.answer(result)

    def _checked(self, instances):
        results = self._predict(instances)
        # NumPy arrays and tensors have `tolist`; a dict or a generator has no order or no length to trust.
        if not (isinstance(results, (list, tuple)) or hasattr(results, 'tolist')):
            raise TypeError(f'{self.name}: predict must return a list, not {type(results).__name__}.')
        if len(results) != len(instances):
            raise ValueError(f'{self.name}: predict returned {len(results)} results for {len(instances)} instances.')
        return results
