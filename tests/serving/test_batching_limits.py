"""The batcher under a slow or hanging model: deadlines, the length of the queue, callers that leave."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest

from model_serving.serving.batching import Batcher
from model_serving.serving.errors import DeadlineExceeded, NotReady, Overloaded
from tests.conftest import predict_by, run_async, wait_until


class Gate:
    """A `predict` that tells when it is entered and stays inside until it is let go."""

    def __init__(self):
        self.entered = threading.Event()
        self.open = threading.Event()
        self.predicted = []

    def predict(self, instances):
        self.predicted += instances
        self.entered.set()
        self.open.wait(20)
        return instances


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(16) as pool:
        yield pool


def occupy(batcher, gate, threads):
    """Let one call be inside `predict`."""
    first = threads.submit(predict_by, batcher, 'first', 20)
    assert gate.entered.wait(20)
    return first


def test_a_caller_gets_its_answer_on_time_while_predict_hangs(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    started = perf_counter()
    with pytest.raises(DeadlineExceeded):
        predict_by(batcher, 1, 0.1)
    assert perf_counter() - started >= 0.1


def test_what_passed_its_deadline_in_the_queue_is_not_predicted(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    first = occupy(batcher, gate, threads)
    with pytest.raises(DeadlineExceeded):
        predict_by(batcher, 'late', 0.05)
    second = threads.submit(predict_by, batcher, 'second', 20)
    wait_until(lambda: batcher._queue.qsize() == 2)
    gate.open.set()
    assert (first.result(), second.result()) == ('first', 'second')
    assert gate.predicted == ['first', 'second']


def test_a_full_queue_refuses_at_once(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8, max_queue=3)
    calls = [occupy(batcher, gate, threads)]
    calls += [threads.submit(predict_by, batcher, number, 20) for number in range(2)]
    wait_until(lambda: len(batcher._waiting) == 3)
    with pytest.raises(Overloaded, match='3 calls wait for Slow') as refused:
        predict_by(batcher, 'too many', 20)
    assert refused.value.retry_after >= 1
    gate.open.set()
    assert [call.result() for call in calls] == ['first', 0, 1]
    assert predict_by(batcher, 'again', 20) == 'again'


def test_retry_after_follows_the_measured_rate(gate, threads):
    def predict(instances):
        if instances == ['measured']:
            threading.Event().wait(0.3)
            return instances
        return gate.predict(instances)

    batcher = Batcher('Slow', predict, 8, max_queue=9)
    predict_by(batcher, 'measured', 20)
    occupy(batcher, gate, threads)
    for number in range(8):
        threads.submit(predict_by, batcher, number, 20)
    wait_until(lambda: len(batcher._waiting) == 9)
    with pytest.raises(Overloaded) as refused:
        predict_by(batcher, 'too many', 20)
    # Nine calls are two batches of 0.3 s each; a busy machine may have measured more.
    assert 1 <= refused.value.retry_after <= 2
    gate.open.set()


def test_giving_up_answers_everyone(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    calls = [occupy(batcher, gate, threads), *(threads.submit(predict_by, batcher, number, 20) for number in range(3))]
    wait_until(lambda: len(batcher._waiting) == 4)
    assert batcher.running_for() > 0
    batcher.give_up(NotReady('it hangs'))
    for call in calls:
        with pytest.raises(NotReady, match='it hangs'):
            call.result(timeout=10)


class OddError(BaseException):
    def __repr__(self):
        raise ValueError('not even this')


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(), OddError()])
def test_no_exception_ends_the_predict_thread(error):
    def predict(instances):
        if 'bad' in instances:
            raise error
        return instances

    batcher = Batcher('Odd', predict, 8)
    with pytest.raises(RuntimeError, match=type(error).__name__):
        predict_by(batcher, 'bad', 20)
    assert predict_by(batcher, 'good', 20) == 'good'


def test_a_result_that_can_not_be_iterated_is_an_error():
    class Results:
        tolist = None

        def __len__(self):
            return 1

        def __iter__(self):
            raise RuntimeError('no iteration')

    batcher = Batcher('Odd', lambda instances: Results() if instances == ['bad'] else instances, 8)
    with pytest.raises(RuntimeError, match='no iteration'):
        predict_by(batcher, 'bad', 20)
    assert predict_by(batcher, 'good', 20) == 'good'


class TestOnAnEventLoop:
    """Callers that are tasks wait by `predict_async`."""

    def test_many_calls_of_one_loop_are_predicted_together(self, gate):
        batcher = Batcher('Slow', gate.predict, 8)

        async def calls():
            first = asyncio.create_task(batcher.predict_async('first'))
            assert await asyncio.to_thread(gate.entered.wait, 20)
            others = [asyncio.create_task(batcher.predict_async(number)) for number in range(20)]
            await asyncio.sleep(0)
            gate.open.set()
            return await asyncio.gather(first, *others)

        assert run_async(calls()) == ['first', *range(20)]

    def test_calls_of_two_loops_are_answered_on_their_own(self, threads):
        batcher = Batcher('Quick', lambda instances: instances, 8)

        async def calls(name):
            return await asyncio.gather(*(batcher.predict_async((name, number)) for number in range(100)))

        for name, results in zip('ab', threads.map(lambda name: asyncio.run(calls(name)), 'ab'), strict=True):
            assert results == [(name, number) for number in range(100)]

    def test_a_cancelled_call_is_not_predicted(self, gate, threads):
        batcher = Batcher('Slow', gate.predict, 8)
        first = occupy(batcher, gate, threads)

        async def leave():
            call = asyncio.create_task(batcher.predict_async('left'))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        run_async(leave())
        gate.open.set()
        assert first.result() == 'first'
        assert predict_by(batcher, 'next', 20) == 'next'
        assert gate.predicted == ['first', 'next']

    def test_a_loop_that_was_closed_does_not_end_the_predict_thread(self, gate):
        batcher = Batcher('Slow', gate.predict, 8)

        async def leave():
            call = asyncio.create_task(batcher.predict_async('lost'))
            assert await asyncio.to_thread(gate.entered.wait, 20)
            call.cancel()

        run_async(leave())
        gate.open.set()
        assert predict_by(batcher, 'next', 20) == 'next'

    def test_each_call_has_its_own_error(self):
        def predict(instances):
            if 'bad' in instances:
                raise ZeroDivisionError('bad')
            return instances

        batcher = Batcher('Odd', predict, 8)

        async def calls():
            asked = ['good', 'bad', 'better', 'bad']
            return await asyncio.gather(*map(batcher.predict_async, asked), return_exceptions=True)

        good, bad, better, worse = run_async(calls())
        assert (good, better) == ('good', 'better')
        assert [type(bad), type(worse)] == [ZeroDivisionError] * 2
        assert bad is not worse
