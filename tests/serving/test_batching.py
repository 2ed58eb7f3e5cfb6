"""Every call gets its own answer, whatever its neighbours do, and however slow the model is."""

import asyncio
import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_serving.serving.batching import Batcher
from model_serving.serving.errors import DeadlineExceeded, NotReady, Overloaded
from tests.conftest import predict_by, run_async, wait_until

TIMEOUT = 60


class Model:
    """Doubles what it is given, behind a gate that is open; notes how it was called. Words make it misbehave."""

    def __init__(self):
        self.batches = []
        self.inside = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def predict(self, instances):
        assert self.inside == 0, 'predict was entered twice at a time'
        self.inside += 1
        self.batches.append(list(instances))
        self.entered.set()
        self.gate.wait(TIMEOUT)
        try:
            if 'fail' in instances:
                raise ZeroDivisionError('fail')
            if 'exit' in instances:
                sys.exit('exit')
            results = [instance * 2 for instance in instances]
            # So many more that those that are missing can't make up for them.
            return results[: -instances.count('short') or None] + instances.count('long') * 100 * ['more']
        finally:
            self.inside -= 1


OUTCOMES = {'fail': ZeroDivisionError, 'exit': RuntimeError, 'short': ValueError, 'long': ValueError}


def outcome(batcher, instance):
    try:
        return predict_by(batcher, instance, TIMEOUT)
    except Exception as error:
        return type(error)


def expected(instance):
    return OUTCOMES.get(instance) or instance * 2


@pytest.fixture
def model():
    model = Model()
    yield model
    model.gate.set()


@pytest.fixture
def submit(threads):
    """A function that has a batcher predict an instance in a thread of its own, and returns the future outcome."""
    return lambda batcher, instance: threads.submit(outcome, batcher, instance)


@pytest.fixture
def occupy(model, submit):
    """A function that closes the model's gate and lets one call be inside `predict`."""

    def close(batcher):
        model.gate.clear()
        first = submit(batcher, 'first')
        assert model.entered.wait(TIMEOUT)
        return first

    return close


def results(calls):
    return [call.result(TIMEOUT) for call in calls]


@settings(max_examples=60, deadline=None)
@given(
    instances=st.lists(st.one_of(st.integers(), st.sampled_from(list(OUTCOMES))), min_size=1, max_size=40),
    max_batch_size=st.integers(1, 40),
)
def test_each_call_gets_its_own_answer(instances, max_batch_size):
    model = Model()
    batcher = Batcher('M', model.predict, max_batch_size)
    with ThreadPoolExecutor(len(instances)) as pool:
        # All of them wait while the first is predicted, so that they are batched as they can be.
        model.gate.clear()
        calls = [pool.submit(outcome, batcher, instance) for instance in instances]
        model.entered.wait(TIMEOUT)
        model.gate.set()
        assert results(calls) == [expected(instance) for instance in instances]
    assert max(map(len, model.batches)) <= max_batch_size


@pytest.mark.long
def test_none_is_lost_when_threads_switch_all_the_time(model, threads):
    batcher = Batcher('M', model.predict, 32)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        instances = ['fail' if number % 97 == 0 else number for number in range(3_000)]
        answers = list(threads.map(lambda instance: outcome(batcher, instance), instances))
    finally:
        sys.setswitchinterval(interval)
    assert answers == [expected(instance) for instance in instances]


def test_what_waits_is_predicted_together(model, occupy, submit):
    batcher = Batcher('M', model.predict, 8)
    calls = [occupy(batcher), *(submit(batcher, number) for number in range(12))]
    wait_until(lambda: batcher.waiting == 13)
    model.gate.set()
    assert results(calls) == ['firstfirst', *range(0, 24, 2)]
    assert [len(batch) for batch in model.batches] == [1, 8, 4]


def test_calls_that_are_predicted_or_whose_callers_have_gone_wait_no_more(model):
    batcher = Batcher('M', model.predict, 8)
    model.gate.clear()

    async def call_many():
        calls = [asyncio.create_task(batcher.predict_async(number)) for number in range(20)]
        await asyncio.to_thread(wait_until, lambda: batcher.waiting == 20 and model.batches)
        predicted = len(model.batches[0])
        assert batcher.queued == 20 - predicted
        for call in calls[15:]:
            call.cancel()
        await asyncio.gather(*calls[15:], return_exceptions=True)
        assert batcher.queued == 15 - predicted
        model.gate.set()
        await asyncio.gather(*calls[:15])
        assert batcher.queued == 0

    run_async(call_many())


def test_a_batch_lingers_for_as_many_as_came_together(model, occupy, submit):
    def predict(instances):
        results = model.predict(instances)
        threading.Event().wait(2)  # what a model takes; the next batch lingers for a quarter of it at most
        return results

    batcher = Batcher('M', predict, 8)
    calls = [occupy(batcher), submit(batcher, 1), submit(batcher, 2)]
    wait_until(lambda: batcher.waiting == 3)
    model.gate.set()
    results(calls)
    third = submit(batcher, 3)
    threading.Event().wait(0.1)  # the batch waits for the next one
    assert results([submit(batcher, 4), third]) == [8, 6]
    assert [len(batch) for batch in model.batches] == [1, 2, 2]


class OddError(BaseException):
    def __repr__(self):
        raise ValueError('not even this')


class OddResults:
    tolist = None

    def __len__(self):
        return 1

    def __iter__(self):
        raise RuntimeError('OddResults')


@pytest.mark.parametrize(
    'odd', [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(), OddError(), OddResults()]
)
def test_nothing_ends_the_predict_thread(odd):
    def predict(instances):
        if instances == ['good']:
            return instances
        if isinstance(odd, OddResults):
            return odd
        raise odd

    batcher = Batcher('Odd', predict, 8)
    with pytest.raises(RuntimeError, match=type(odd).__name__):
        predict_by(batcher, 'bad', TIMEOUT)
    assert predict_by(batcher, 'good', TIMEOUT) == 'good'


class TestSlowModels:
    def test_a_caller_is_let_go_at_its_deadline_and_not_predicted_when_it_was_waiting(self, model, occupy, submit):
        batcher = Batcher('Slow', model.predict, 8)
        first, started = occupy(batcher), perf_counter()
        with pytest.raises(DeadlineExceeded):
            predict_by(batcher, 'late', 0.1)
        assert perf_counter() - started >= 0.1
        wait_until(lambda: batcher.waiting == 1)
        second = submit(batcher, 'second')
        wait_until(lambda: batcher.waiting == 2)
        model.gate.set()
        assert results([first, second]) == ['firstfirst', 'secondsecond']
        assert model.batches == [['first'], ['second']]

    def test_the_instance_of_a_caller_that_has_gone_is_freed_at_once(self, model, occupy):
        class Instance:
            pass

        batcher = Batcher('Slow', model.predict, 8)
        first = occupy(batcher)
        instance = Instance()
        still_there = weakref.ref(instance)
        with pytest.raises(DeadlineExceeded):
            predict_by(batcher, instance, 0.1)
        del instance
        wait_until(lambda: gc.collect() >= 0 and still_there() is None, seconds=5)
        model.gate.set()
        assert results([first]) == ['firstfirst']

    def test_a_full_queue_refuses_at_once(self, model, occupy, submit):
        batcher = Batcher('Slow', model.predict, 8, max_queue=3)
        calls = [occupy(batcher), submit(batcher, 1), submit(batcher, 2)]
        wait_until(lambda: batcher.waiting == 3)
        with pytest.raises(Overloaded, match='3 calls wait for Slow') as refused:
            predict_by(batcher, 'too many', TIMEOUT)
        assert refused.value.retry_after >= 1
        model.gate.set()
        assert results(calls) == ['firstfirst', 2, 4]
        assert predict_by(batcher, 5, TIMEOUT) == 10

    def test_retry_after_follows_the_measured_rate(self, model, occupy, submit):
        def predict(instances):
            if instances == ['measured']:
                threading.Event().wait(0.3)
                return instances
            return model.predict(instances)

        batcher = Batcher('Slow', predict, 8, max_queue=9)
        predict_by(batcher, 'measured', TIMEOUT)
        calls = [occupy(batcher), *(submit(batcher, number) for number in range(8))]
        wait_until(lambda: batcher.waiting == 9)
        with pytest.raises(Overloaded) as refused:
            predict_by(batcher, 'too many', TIMEOUT)
        # Nine calls are two batches of 0.3 s each; a busy machine may have measured more.
        assert 1 <= refused.value.retry_after <= 2
        model.gate.set()
        results(calls)

    def test_giving_up_answers_everyone(self, model, occupy, submit):
        batcher = Batcher('Slow', model.predict, 8)
        calls = [occupy(batcher), *(submit(batcher, number) for number in range(3))]
        wait_until(lambda: batcher.waiting == 4)
        assert batcher.running_for() > 0
        batcher.give_up(NotReady('Slow', 'it hangs'))
        assert results(calls) == [NotReady] * 4


class TestEventLoops:
    def test_calls_of_two_loops_are_answered_on_their_own(self, threads):
        batcher = Batcher('Quick', lambda instances: instances, 8)

        async def calls(name):
            return await asyncio.gather(*(batcher.predict_async((name, number)) for number in range(100)))

        for name, answers in zip('ab', threads.map(lambda name: asyncio.run(calls(name)), 'ab'), strict=True):
            assert answers == [(name, number) for number in range(100)]

    def test_a_cancelled_call_is_not_predicted_although_its_loop_is_closed(self, model, occupy):
        batcher = Batcher('Slow', model.predict, 8)
        first = occupy(batcher)

        async def leave():
            call = asyncio.create_task(batcher.predict_async('left'))
            await asyncio.sleep(0)
            call.cancel()

        run_async(leave())
        model.gate.set()
        assert first.result(TIMEOUT) == 'firstfirst'
        assert predict_by(batcher, 'next', TIMEOUT) == 'nextnext'
        assert model.batches == [['first'], ['next']]

    def test_a_loop_that_is_closed_while_it_is_predicted_for_does_not_end_the_predict_thread(self, model):
        batcher = Batcher('Slow', model.predict, 8)
        model.gate.clear()

        async def leave():
            call = asyncio.create_task(batcher.predict_async('lost'))
            assert await asyncio.to_thread(model.entered.wait, TIMEOUT)
            call.cancel()

        run_async(leave())
        model.gate.set()
        assert predict_by(batcher, 'next', TIMEOUT) == 'nextnext'

    def test_each_call_has_its_own_error(self, model):
        batcher = Batcher('Odd', model.predict, 8)

        async def calls():
            asked = [1, 'fail', 2, 'fail']
            return await asyncio.gather(*map(batcher.predict_async, asked), return_exceptions=True)

        one, error, two, other = run_async(calls())
        assert (one, two) == (2, 4)
        assert [type(error), type(other)] == [ZeroDivisionError] * 2
        assert error is not other
