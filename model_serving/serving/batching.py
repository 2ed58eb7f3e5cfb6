"""Batching: calls that wait at the same time are predicted together, by one call of `predict`."""

import asyncio
import threading
from math import ceil
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import NamedTuple

from .errors import Overloaded
from .futures import hand_back

# How long a batch waits for more calls, as a fraction of the last batch's time.
LINGER = 0.25


class Call(NamedTuple):
    """One caller's instance, and the future of its result."""

    instance: object
    future: object


class Batcher:
    """Runs `predict(instances: list) -> list` in a thread of its own, for callers on event loops.

    The thread starts at the first call, so after the fork. While it predicts, calls queue up; then it takes up to
    `max_batch_size` of them. Only one `predict` runs at a time. A call is dropped from the queue when its deadline
    passes or its client leaves.
    """

    def __init__(self, name, predict, max_batch_size, max_queue=1000):
        self.name = name
        self._predict = predict
        self._max_batch_size = max_batch_size
        self._max_queue = max_queue
        self._queue = SimpleQueue()
        # Adding to a set and discarding from it need no lock.
        self._waiting = set()
        self._predicting_since, self._seconds_per_batch = None, 0.0
        self._thread = None
        self._starting = threading.Lock()

    async def predict_async(self, instance):
        """Return the result for one instance.

        Raises Overloaded when `max_queue` calls wait already, and whatever `predict` raised for this instance.
        """
        waiting = len(self._waiting)
        if waiting >= self._max_queue:
            seconds = ceil(waiting / self._max_batch_size) * self._seconds_per_batch
            raise Overloaded(self.name, waiting, max(seconds, self.running_for()))
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        self._queue.put(Call(instance, future))
        if self._thread is None:
            self._start()
        try:
            return await future
        finally:
            self._waiting.discard(future)

    def running_for(self) -> float:
        """Return for how many seconds the current call of `predict` has been running; 0 when none is."""
        since = self._predicting_since
        return 0.0 if since is None else perf_counter() - since

    def give_up(self, error):
        """Raise `error` for every caller: their calls will never be predicted."""
        hand_back([(future, None, error) for future in list(self._waiting)])

    def _start(self):
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f'predict {self.name}', daemon=True)
                self._thread.start()

    def _run(self):
        together, seconds = 1, 0.0
        while True:
            calls = [self._queue.get()]
            self._gather(calls, together, seconds * LINGER)
            together, started = len(calls), perf_counter()
            self._answer(calls)
            seconds = perf_counter() - started
            # A waiting thread must not keep the last batch alive.
            del calls

    def _gather(self, calls, expected, linger):
        """Add the waiting calls; wait up to `linger` seconds for as many as were answered together last time.

        Callers that were answered together tend to come back together, and a slow model gains by larger batches.
        """
        until = perf_counter() + linger
        while len(calls) < self._max_batch_size:
            try:
                if len(calls) < expected:
                    calls.append(self._queue.get(timeout=max(0, until - perf_counter())))
                else:
                    calls.append(self._queue.get_nowait())
            except Empty:
                return

    def _answer(self, calls):
        """Predict once for all calls. If that fails, halve the batch, so that a bad instance fails alone."""
        calls = [call for call in calls if not call.future.done()]
        if not calls:
            return
        try:
            results = self._results([call.instance for call in calls])
        # BaseException: a model that calls sys.exit must neither end this thread nor leave its caller waiting.
        except BaseException as error:
            if len(calls) == 1:
                hand_back([(calls[0].future, None, _exception(error))])
                return
            middle = len(calls) // 2
            self._answer(calls[:middle])
            self._answer(calls[middle:])
        else:
            hand_back([(call.future, result, None) for call, result in zip(calls, results, strict=True)])

    def _results(self, instances):
        """Return the results of `predict` as a list of the right length, and measure how long it took."""
        started = self._predicting_since = perf_counter()
        try:
            results = self._predict(instances)
        finally:
            self._predicting_since = None
            measured = perf_counter() - started
            known = self._seconds_per_batch or measured
            self._seconds_per_batch = known + (measured - known) / 4
        # NumPy arrays and tensors have `tolist`. A dict or a generator can't be matched with the instances.
        if not (isinstance(results, (list, tuple)) or hasattr(results, 'tolist')):
            raise TypeError(f'{self.name}: predict must return a list, not {type(results).__name__}.')
        results = list(results)
        if len(results) != len(instances):
            raise ValueError(f'{self.name}: predict returned {len(results)} results for {len(instances)} instances.')
        return results


def _exception(error):
    """Return an error that is safe to raise in the caller: SystemExit would end the worker."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    exception = RuntimeError(f'The model raised {type(error).__name__}.')
    exception.__cause__ = error
    return exception
