"""Calls that wait at the same time are predicted together: one call of `predict` for many callers."""

import threading
from queue import Empty, SimpleQueue
from time import perf_counter

from .errors import DeadlineExceeded, Overloaded


class Call:
    """One caller's instance, until when it may be answered, and later its result or error."""

    __slots__ = ('answered', 'deadline', 'error', 'instance', 'result')

    def __init__(self, instance, deadline, answered):
        self.instance = instance
        self.deadline = deadline
        self.result = None
        self.error = None
        # A bare lock that is held, and released once: a third of the cost of threading.Event.
        self.answered = answered

    def answer(self, result=None, error=None):
        if self.answered.locked():
            self.result = result
            self.error = error
            self.answered.release()


class Batcher:
    """Runs `predict(instances: list) -> list` in one thread of its own, for callers in many threads.

    The thread starts at the first call, so after the server has forked. While it predicts, calls queue up; then it
    takes what waits, up to `max_batch_size`. `predict` is never entered twice at a time, and a caller is let go at
    its deadline even when `predict` hangs.

    It holds at most `max_queue` calls, and at most `slow_share` while a prediction of more than `slow_after`
    seconds runs: so a slow model leaves threads to the others.
    """

    def __init__(self, name, predict, max_batch_size, linger=0.25, max_queue=1000, slow_after=1.0):
        self.name = name
        self.slow_share = max_queue
        # Called where a caller is going to wait on a lock, and so with its thread: a server may prepare for it.
        self.before_wait = None
        self._predict = predict
        self._max_batch_size = max_batch_size
        self._linger = linger
        self._max_queue = max_queue
        self._slow_after = slow_after
        self._queue = SimpleQueue()
        # In the order of their coming; a dict, since adding to one and removing from it need no lock.
        self._callers = {}
        self._batch = ()
        self._predicting_since, self._seconds_per_call = None, 0.0
        self._thread = None
        self._starting = threading.Lock()

    def predict(self, instance, timeout, since=None, answered=None):
        """Return the result for one instance; the caller waits on `answered`, a held lock or what behaves as one.

        Raises DeadlineExceeded when `timeout` seconds have passed since `since` (perf_counter; default now),
        Overloaded when too many wait, and whatever `predict` raised for it.
        """
        if answered is None:
            answered = threading.Lock()
            answered.acquire()
            if self.before_wait is not None:
                self.before_wait()
        call = Call(instance, (perf_counter() if since is None else since) + timeout, answered)
        if len(self._callers) >= self._most():
            raise self._overloaded()
        self._callers[call] = None
        try:
            self._queue.put(call)
            if self._thread is None:
                self._start()
            self._wait(call, timeout)
        finally:
            # What is still in the queue is not predicted.
            call.deadline = 0
            del self._callers[call]
        if call.error is not None:
            raise call.error
        return call.result

    def running_for(self) -> float:
        """Return for how many seconds the current call of `predict` has been running; 0 when none is."""
        since = self._predicting_since
        return 0.0 if since is None else perf_counter() - since

    def give_up(self, error):
        """Answer every caller with `error`: their calls will never be predicted."""
        for call in list(self._callers):
            call.answer(error=error)

    def _most(self):
        return min(self._max_queue, self.slow_share) if self.running_for() > self._slow_after else self._max_queue

    def _wait(self, call, timeout):
        """Return when `call` is answered; in between look whether it is too many for a slow model."""
        while True:
            remaining = max(0.0, call.deadline - perf_counter())
            if call.answered.acquire(timeout=min(remaining, self._slow_after)):
                return
            if perf_counter() >= call.deadline:
                raise DeadlineExceeded(f'{self.name} did not answer within {timeout:g} s. Send less, or wait longer.')
            # Those that came last have to go; who is being predicted stays, unless it takes far longer than it did.
            usual = self._seconds_per_call * len(self._batch)
            stays = call in self._batch and self.running_for() < self._slow_after + 4 * usual
            if not stays and call not in list(self._callers)[: self._most()]:
                raise self._overloaded()

    def _overloaded(self):
        waiting = len(self._callers)
        return Overloaded(self.name, waiting, max(waiting * self._seconds_per_call, self.running_for()))

    def _start(self):
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f'predict {self.name}', daemon=True)
                self._thread.start()

    def _run(self):
        together, seconds = 1, 0.0
        while True:
            calls = [self._queue.get()]
            self._gather(calls, together, seconds * self._linger)
            together, started = len(calls), perf_counter()
            self._batch = calls
            self._answer(calls)
            seconds = perf_counter() - started
            # A waiting thread must not keep the last batch alive.
            self._batch = ()
            del calls

    def _gather(self, calls, expected, linger):
        """Add what waits to `calls`; linger for as many as were answered together last time.

        Callers that were answered together come back together: waiting for them, at most `linger` seconds, gives a
        forest more answers and costs nothing when idle.
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
        """Predict once for all `calls`; where that fails, halve, so that a bad instance fails alone."""
        now = perf_counter()
        calls = [call for call in calls if call.deadline > now]
        if not calls:
            return
        try:
            results = self._results([call.instance for call in calls])
        # BaseException: a model that calls sys.exit must neither end this thread nor leave its caller waiting.
        except BaseException as error:
            if len(calls) == 1:
                calls[0].answer(error=_exception(error))
                return
            middle = len(calls) // 2
            self._answer(calls[:middle])
            self._answer(calls[middle:])
        else:
            for call, result in zip(calls, results, strict=True):
                call.answer(result)

    def _results(self, instances):
        """Return what `predict` returns, as a list of the right length, and note how long it took."""
        started = self._predicting_since = perf_counter()
        try:
            results = self._predict(instances)
        finally:
            self._predicting_since = None
            measured = (perf_counter() - started) / len(instances)
            known = self._seconds_per_call or measured
            self._seconds_per_call = known + (measured - known) / 4
        # NumPy arrays and tensors have `tolist`; a dict or a generator has no length to trust.
        if not (isinstance(results, (list, tuple)) or hasattr(results, 'tolist')):
            raise TypeError(f'{self.name}: predict must return a list, not {type(results).__name__}.')
        results = list(results)  # which counts itself in one way
        if len(results) != len(instances):
            raise ValueError(f'{self.name}: predict returned {len(results)} results for {len(instances)} instances.')
        return results


def _exception(error):
    """Return an error that may be raised in any thread: SystemExit in one of the server's would end the worker."""
    if isinstance(error, Exception):
        return error
    exception = RuntimeError(f'The model raised {type(error).__name__}.')
    exception.__cause__ = error
    return exception
