"""Every call gets its own answer, whatever its neighbours in the batch do."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_serving.serving.batching import Batcher
from model_serving.serving.errors import DeadlineExceeded
from tests.conftest import predict_by

TIMEOUT = 60


class Model:
    """Doubles numbers; notes how it was called. Words make it misbehave."""

    def __init__(self):
        self.batches = []
        self.inside = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def predict(self, instances):
        assert self.inside == 0, 'predict was entered twice at a time'
        self.inside += 1
        self.batches.append(list(instances))
        self.entered.release()
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
def many_threads():
    with ThreadPoolExecutor(64) as pool:
        yield pool


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
        model.entered.acquire(timeout=TIMEOUT)
        model.gate.set()
        assert [call.result(TIMEOUT) for call in calls] == [expected(instance) for instance in instances]
    assert max(map(len, model.batches)) <= max_batch_size


def test_none_is_lost_when_threads_switch_all_the_time(many_threads):
    batcher = Batcher('M', Model().predict, 32)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        instances = ['fail' if number % 97 == 0 else number for number in range(10_000)]
        answers = list(many_threads.map(lambda instance: outcome(batcher, instance), instances))
    finally:
        sys.setswitchinterval(interval)
    assert answers == [expected(instance) for instance in instances]


def test_what_waits_is_predicted_together(many_threads):
    model = Model()
    batcher = Batcher('M', model.predict, 8)
    model.gate.clear()
    first = many_threads.submit(outcome, batcher, 0)
    model.entered.acquire(timeout=TIMEOUT)
    others = [many_threads.submit(outcome, batcher, number) for number in range(1, 13)]
    while batcher._queue.qsize() < 12:
        assert not first.done()
    model.gate.set()
    assert [call.result(TIMEOUT) for call in (first, *others)] == [number * 2 for number in range(13)]
    assert [len(batch) for batch in model.batches] == [1, 8, 4]


def test_a_batch_lingers_for_as_many_as_came_together(many_threads):
    model = Model()

    def predict(instances):
        results = model.predict(instances)
        threading.Event().wait(2)  # what a model takes; the next batch lingers for a quarter of it at most
        return results

    batcher = Batcher('M', predict, 8)
    model.gate.clear()
    calls = [many_threads.submit(outcome, batcher, 0)]
    model.entered.acquire(timeout=TIMEOUT)
    calls += [many_threads.submit(outcome, batcher, number) for number in (1, 2)]
    while batcher._queue.qsize() < 2:
        assert not calls[0].done()
    model.gate.set()
    for call in calls:
        call.result(TIMEOUT)
    calls.append(many_threads.submit(outcome, batcher, 3))
    calls.append(many_threads.submit(outcome, batcher, 4))
    assert [call.result(TIMEOUT) for call in calls] == [0, 2, 4, 6, 8]
    assert [len(batch) for batch in model.batches] == [1, 2, 2]


def test_batching_can_be_off(many_threads):
    model = Model()
    batcher = Batcher('M', model.predict, 1)
    list(many_threads.map(lambda number: outcome(batcher, number), range(200)))
    assert {len(batch) for batch in model.batches} == {1}


def test_callers_are_let_go_at_their_deadline_while_predict_hangs(many_threads):
    model = Model()
    batcher = Batcher('M', model.predict, 4)
    model.gate.clear()
    hanging = [many_threads.submit(predict_by, batcher, number, 0.2) for number in range(6)]
    for call in hanging:
        with pytest.raises(DeadlineExceeded):
            call.result(TIMEOUT)
    model.gate.set()
    assert predict_by(batcher, 21, TIMEOUT) == 42


@pytest.mark.parametrize('results', [None, {'a': 1}, {1}, (number for number in [1]), 'x', b'x', 7])
def test_what_is_no_list_is_an_error_that_names_the_model(results):
    with pytest.raises(TypeError, match='M: predict must return a list'):
        predict_by(Batcher('M', lambda instances: results, 1), 1, TIMEOUT)
