"""The watch over the event loop: what blocks it is told, and only a worker that is blocked for long is replaced."""

import re

import pytest
import requests

from tests.conftest import wait_until


def block(service, seconds):
    return service.post('/v1/BlockingModel', {'seconds': seconds})


def test_a_handler_that_blocks_the_loop_is_told_with_its_line(make_gates):
    service = make_gates({'WORKERS': '1'})
    assert block(service, 2).status_code == 200
    wait_until(lambda: 'The event loop is blocked' in service.log)
    assert re.search(r'tests/fakes/gate\.py", line \d+, in post\n +time\.sleep', service.log)


@pytest.mark.long
def test_a_worker_that_is_blocked_for_too_long_is_replaced(make_gates):
    service = make_gates({'WORKERS': '1', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    (worker,) = service.worker_pids
    with pytest.raises(requests.ConnectionError):
        block(service, 60)
    wait_until(lambda: service.worker_pids not in ([worker], []))
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200


@pytest.mark.long
def test_short_blocks_that_follow_each_other_leave_the_worker_alive(make_gates, threads):
    service = make_gates({'WORKERS': '1', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    workers = service.worker_pids
    answers = list(threads.map(lambda _: block(service, 0.4), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert service.worker_pids == workers


@pytest.mark.long
def test_a_model_that_takes_long_to_load_leaves_the_worker_alive(make_gates):
    service = make_gates({'SLOW_TO_LOAD': '5', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    assert 'WORKER TIMEOUT' not in service.log
