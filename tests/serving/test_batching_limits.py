"""The batcher under a slow or hanging model: deadlines, the queue's length, the share of threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest

from model_serving.serving.batching import Batcher
from model_serving.serving.errors import DeadlineExceeded, NotReady, Overloaded
from tests.conftest import wait_until


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
    first = threads.submit(batcher.predict, 'first', 20)
    assert gate.entered.wait(20)
    return first


def test_a_caller_gets_its_answer_on_time_while_predict_hangs(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    started = perf_counter()
    with pytest.raises(DeadlineExceeded, match=r'Slow did not answer within 0\.1 s'):
        batcher.predict(1, 0.1)
    assert perf_counter() - started >= 0.1


def test_what_passed_its_deadline_in_the_queue_is_not_predicted(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    first = occupy(batcher, gate, threads)
    with pytest.raises(DeadlineExceeded):
        batcher.predict('late', 0.05)
    second = threads.submit(batcher.predict, 'second', 20)
    wait_until(lambda: batcher._queue.qsize() == 2)
    gate.open.set()
    assert (first.result(), second.result()) == ('first', 'second')
    assert gate.predicted == ['first', 'second']


def test_the_time_before_the_queue_counts(gate):
    batcher = Batcher('Slow', gate.predict, 8)
    with pytest.raises(DeadlineExceeded):
        batcher.predict('late', timeout=5, since=perf_counter() - 6)
    assert gate.predicted == []


def test_a_full_queue_refuses_at_once(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8, max_queue=3)
    calls = [occupy(batcher, gate, threads)]
    calls += [threads.submit(batcher.predict, number, 20) for number in range(2)]
    wait_until(lambda: len(batcher._callers) == 3)
    with pytest.raises(Overloaded, match='3 calls wait for Slow') as refused:
        batcher.predict('too many', 20)
    assert refused.value.retry_after >= 1
    gate.open.set()
    assert [call.result() for call in calls] == ['first', 0, 1]
    assert batcher.predict('again', 20) == 'again'


def test_retry_after_follows_the_measured_rate(gate, threads):
    def predict(instances):
        if instances == ['measured']:
            threading.Event().wait(0.3)
            return instances
        return gate.predict(instances)

    batcher = Batcher('Slow', predict, 8, max_queue=9)
    batcher.predict('measured', 20)
    occupy(batcher, gate, threads)
    for number in range(8):
        threads.submit(batcher.predict, number, 20)
    wait_until(lambda: len(batcher._callers) == 9)
    with pytest.raises(Overloaded) as refused:
        batcher.predict('too many', 20)
    # Nine calls of 0.3 s each; a busy machine may have measured more.
    assert 3 <= refused.value.retry_after <= 9
    gate.open.set()


def test_a_slow_model_holds_half_of_the_threads(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8, slow_after=0.2)
    batcher.slow_share = 4
    calls = [occupy(batcher, gate, threads)]
    for number in range(7):
        calls.append(threads.submit(batcher.predict, number, 20))
        wait_until(lambda number=number: len(batcher._callers) == number + 2)
    # Those that came last are let go, before anybody's deadline.
    for call in calls[4:]:
        with pytest.raises(Overloaded):
            call.result(timeout=10)
    with pytest.raises(Overloaded):
        batcher.predict('further', 20)
    gate.open.set()
    assert [call.result() for call in calls[:4]] == ['first', 0, 1, 2]
    assert gate.predicted == ['first', 0, 1, 2]
    # It is quick again, so everybody may wait.
    assert sorted(threads.map(lambda number: batcher.predict(number, 20), range(8))) == list(range(8))


def together(batcher, gate, threads, count):
    """Return the calls that one batch of `count` is made of, which is now inside `predict`."""
    first = occupy(batcher, gate, threads)
    calls = [threads.submit(batcher.predict, number, 20) for number in range(count)]
    wait_until(lambda: len(batcher._callers) == count + 1)
    gate.open.set()
    first.result()
    wait_until(lambda: len(batcher._batch) == count)
    return calls


@pytest.mark.parametrize('seconds, stay', [(0.2, 6), (0, 2)])
def test_a_batch_stays_unless_it_takes_far_longer_than_it_did(gate, threads, seconds, stay):
    inside = threading.Event()

    def predict(instances):
        if instances == ['measured']:
            threading.Event().wait(seconds)
        elif len(instances) == 1:
            gate.predict(instances)
        else:
            inside.wait(20)
        return instances

    batcher = Batcher('Slow', predict, 8, slow_after=0.2)
    batcher.predict('measured', 20)
    calls = together(batcher, gate, threads, 6)
    batcher.slow_share = 2
    if stay < 6:
        wait_until(lambda: len(batcher._callers) == stay)
    else:
        wait_until(lambda: batcher.running_for() > 0.5)
    inside.set()
    outcomes = [call.exception(timeout=10) for call in calls]
    assert [outcome is None for outcome in outcomes] == [number < stay for number in range(6)]
    assert all(isinstance(outcome, Overloaded) for outcome in outcomes[stay:])


def test_giving_up_answers_everyone(gate, threads):
    batcher = Batcher('Slow', gate.predict, 8)
    calls = [occupy(batcher, gate, threads), *(threads.submit(batcher.predict, number, 20) for number in range(3))]
    wait_until(lambda: len(batcher._callers) == 4)
    assert batcher.running_for() > 0
    batcher.give_up(NotReady('it hangs'))
    for call in calls:
        with pytest.raises(NotReady, match='it hangs'):
            call.result(timeout=10)


class OddError(BaseException):
    def __repr__(self):
        raise ValueError('not even this')


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), OddError()])
def test_no_exception_ends_the_predict_thread(error):
    def predict(instances):
        if 'bad' in instances:
            raise error
        return instances

    batcher = Batcher('Odd', predict, 8)
    with pytest.raises(RuntimeError, match=type(error).__name__):
        batcher.predict('bad', 20)
    assert batcher.predict('good', 20) == 'good'


def test_a_result_that_can_not_be_iterated_is_an_error():
    class Results:
        tolist = None

        def __len__(self):
            return 1

        def __iter__(self):
            raise RuntimeError('no iteration')

    batcher = Batcher('Odd', lambda instances: Results() if instances == ['bad'] else instances, 8)
    with pytest.raises(RuntimeError, match='no iteration'):
        batcher.predict('bad', 20)
    assert batcher.predict('good', 20) == 'good'
