"""The table that the workers of a service share, held by real processes."""

import os
import signal
from contextlib import contextmanager

import pytest

from model_serving.server.workers import Workers

# Python 3.12 warns of a fork where other tests have left threads; the child here calls nothing that they hold.
pytestmark = pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')


@contextmanager
def worker(workers, age):
    """A process that listens; yields a function that asks it whether it may end, and forgets it once it is killed."""
    asks, question = os.pipe()
    answer, answers = os.pipe()
    pid = os.fork()
    if not pid:
        workers.note(age, 0)
        os.write(answers, b'r')
        while os.read(asks, 1):
            os.write(answers, b'y' if workers.may_end(age) else b'n')
        os._exit(0)
    assert os.read(answer, 1) == b'r'

    def may_end():
        os.write(question, b'?')
        return os.read(answer, 1) == b'y'

    yield may_end
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    workers.forget(age)
    for end in (asks, question, answer, answers):
        os.close(end)


def test_one_worker_at_a_time_may_end():
    workers = Workers(2)
    with worker(workers, 1) as second:
        with worker(workers, 2) as first:
            assert first()
            assert not second()
        assert not second()  # alone
        with worker(workers, 3) as third:
            assert second()
            assert not third()


def test_the_only_worker_may_end():
    workers = Workers(1)
    with worker(workers, 1) as only:
        assert only()


def test_the_start_is_complete_once():
    workers = Workers(2)
    assert not workers.completes_start()
    with worker(workers, 1), worker(workers, 2):
        assert [workers.completes_start() for _ in range(2)] == [True, False]
    assert workers.have_started


def test_the_least_loaded_worker_counts():
    workers = Workers(3)
    assert workers.least_connections() == 0
    workers.note(1, 5)
    workers.note(2, 3)
    assert workers.least_connections() == 3
    workers.forget(2)
    assert workers.least_connections() == 5
