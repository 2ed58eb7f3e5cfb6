"""Batching: calls that wait at the same time are predicted together, by one call of `predict`."""

import asyncio
import threading
from contextlib import suppress
from math import ceil
from queue import Empty, SimpleQueue
from time import perf_counter

from . import deadlines
from .errors import NotReady, Overloaded

# How long a batch waits for more calls, as a fraction of the last batch's time.
LINGER = 0.25


class Batcher:
    """Runs `predict(instances: list) -> list` in a thread of its own, for callers on event loops.

    The thread starts at the first call, so after the fork. While it predicts, calls queue up; then it takes up to
    `max_batch_size` of them. Only one `predict` runs at a time. A call whose caller has gone, since its deadline has
    passed or its client has left, is dropped. `predict` is None until the model is loaded;
    `problem` says why it can't answer. `observers` collect the metrics of its batches; None if metrics are off.
    """

    def __init__(self, name, predict, max_batch_size, max_queue=1000):
        self.name = name
        self.predict = predict
        self.problem = self.observers = None
        self.max_batch_size = max_batch_size
        self._max_queue = max_queue
        # Futures of results. A caller that leaves takes its instance with it, so it must not be in the queue.
        self._queue = SimpleQueue()
        # The instance of each future, its request, and since when it waits. Changing a dict needs no lock.
        self._waiting = {}
        self._predicting_since, self._seconds_per_batch = None, 0.0
        # The calls that are being predicted.
        self._batch = ()
        self._thread = None
        self._starting = threading.Lock()

    async def predict_async(self, instance):
        """Return the result for one instance.

        Raises NotReady, Overloaded when `max_queue` calls wait already, and what `predict` raises for this instance.
        """
        if self.problem:
            raise NotReady(self.name, self.problem)
        if self.predict is None:
            raise TypeError(f'{self.name} has no method predict(instances).')
        waiting = len(self._waiting)
        if waiting >= self._max_queue:
            seconds = ceil(waiting / self.max_batch_size) * self._seconds_per_batch
            raise Overloaded(self.name, waiting, max(seconds, self.running_for()))
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = instance, deadlines.current.get(), perf_counter()
        self._queue.put(future)
        if self._thread is None:
            self._start()
        try:
            return await future
        finally:
            self._waiting.pop(future, None)

    @property
    def waiting(self) -> int:
        """How many calls wait for their results, including those being predicted."""
        return len(self._waiting)

    @property
    def queued(self) -> int:
        """How many calls wait to be predicted."""
        return len(self._waiting) - sum(future in self._waiting for _, future in self._batch)

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
        """Collect a batch and predict it, again and again.

        A batch waits a little for as many calls as were answered together last time: these callers tend to come back
        together, and a slow model gains by larger batches.
        """
        together, seconds = 1, 0.0
        while True:
            future = self._queue.get()
            futures = [future]
            until = perf_counter() + seconds * LINGER
            with suppress(Empty):
                while len(futures) < self.max_batch_size:
                    wait = max(0.0, until - perf_counter()) if len(futures) < together else 0.0
                    future = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
                    if future in self._waiting:
                        futures.append(future)
            together, started = len(futures), perf_counter()
            self._answer([(self._waiting.get(future), future) for future in futures])
            seconds = perf_counter() - started
            # A waiting thread must not keep the last batch alive.
            del futures, future

    def _answer(self, calls):
        """Predict once for all calls, pairs of what `_waiting` has and its future; each gets its result."""
        calls = [call for call in calls if call[0] is not None and not call[1].done()]
        if not calls:
            return
        self._batch, started = calls, perf_counter()
        self._predicting_since = started
        try:
            try:
                results = self.predict([waiting[0] for waiting, _ in calls])
            finally:
                self._predicting_since, self._batch = None, ()
                measured, known = perf_counter() - started, self._seconds_per_batch
                self._seconds_per_batch += (measured - known) / (4 if known else 1)
                for (_, request, since), _ in calls:
                    if request is not None:
                        request.batches[started] = started - since, measured
            # NumPy arrays and tensors have `tolist`. A dict or a generator can't be matched with the instances.
            is_list = isinstance(results, (list, tuple)) or hasattr(results, 'tolist')
            if not is_list or len(results := list(results)) != len(calls):
                raise self._wrong(results, len(calls))
        # BaseException: a model that calls sys.exit must neither end this thread nor leave its caller waiting.
        except BaseException as error:
            self._answer_failed(calls, error)
        else:
            hand_back([(future, result, None) for (_, future), result in zip(calls, results, strict=True)])
        # Afterwards, so that no caller waits for it.
        if self.observers is not None:
            self.observers.queue.append(started - calls[0][0][2])
            self.observers.predict.append(measured)
            self.observers.size.append(len(calls))

    def _wrong(self, results, count):
        """Return what is wrong with the results for `count` instances."""
        if isinstance(results, list):
            told = f'a result for each instance, but returned {len(results)} for {count}'
            return ValueError(f'{self.name}: predict must return {told}.')
        return TypeError(f'{self.name}: predict must return a list, not {type(results).__name__}.')

    def _answer_failed(self, calls, error):
        """Halve a batch that failed, so that a bad instance fails alone."""
        if len(calls) == 1:
            hand_back([(calls[0][1], None, safe_exception(error))])
            return
        middle = len(calls) // 2
        self._answer(calls[:middle])
        self._answer(calls[middle:])


def hand_back(outcomes):
    """Settle each `(future, result, error)` from any thread, in one callback for each event loop."""
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
            continue  # its caller has gone
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def safe_exception(error):
    """Return an error that is safe to raise in the caller: SystemExit would end the worker."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    exception = RuntimeError(f'It raised {type(error).__name__}.')
    exception.__cause__ = error
    return exception
