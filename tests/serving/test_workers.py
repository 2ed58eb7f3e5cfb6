"""The counter and the locks that the workers of a service share: held by real processes."""

import os
import signal
from contextlib import contextmanager

import pytest

from model_serving.serving.workers import Workers

# Python 3.12 warns of a fork where other tests have left threads; the child here calls nothing that they hold.
pytestmark = pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')


@contextmanager
def worker(workers):
    """A process that has become ready; yields a function that asks it whether it may end."""
    asks, question = os.pipe()
    answer, answers = os.pipe()
    pid = os.fork()
    if not pid:
        workers.add_ready()
        os.write(answers, b'r')
        while os.read(asks, 1):
            os.write(answers, b'y' if workers.may_end() else b'n')
        os._exit(0)
    assert os.read(answer, 1) == b'r'

    def may_end():
        os.write(question, b'?')
        return os.read(answer, 1) == b'y'

    may_end.pid = pid
    yield may_end
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for end in (asks, question, answer, answers):
        os.close(end)


@pytest.fixture
def make_workers():
    made = []
    yield lambda count: made.append(Workers(count)) or made[-1]
    for workers in made:
        workers._file.close()


def test_one_worker_at_a_time_may_end(make_workers):
    workers = make_workers(2)
    with worker(workers) as second:
        with worker(workers) as first:
            assert first()
            assert not second()
            assert first()
        assert not second()  # alone
        with worker(workers) as third:
            assert second()
            assert not third()
    assert workers.ready_so_far() == 3


def test_the_only_worker_may_end(make_workers):
    workers = make_workers(1)
    with worker(workers) as only:
        assert only()


def test_none_may_end_before_all_are_ready(make_workers):
    workers = make_workers(3)
    with worker(workers) as first, worker(workers) as second:
        assert not first()
        assert not second()
        with worker(workers):
            assert first()
