"""The watch over the event loop: what blocks it is told, and only a worker that is blocked for long is replaced."""

import re

import pytest
import requests

from tests.conftest import wait_until

IMPATIENT = {'WORKERS': '1', 'GUNICORN_CMD_ARGS': '--timeout 2'}


def block(service, seconds):
    return service.post('/v1/BlockingModel', {'seconds': seconds})


def test_a_handler_that_blocks_the_loop_is_told_with_its_line(make_gates):
    service = make_gates({'WORKERS': '1'})
    assert block(service, 2).status_code == 200
    wait_until(lambda: 'The event loop is blocked' in service.log)
    assert re.search(r'tests/fakes/gate\.py", line \d+, in post\n +time\.sleep', service.log)


@pytest.mark.long
def test_only_a_worker_that_is_blocked_for_too_long_is_replaced(make_gates, threads):
    service = make_gates(IMPATIENT)
    (worker,) = service.worker_pids
    # Short blocks that follow each other leave it alive.
    answers = threads.map(lambda _: block(service, 0.4), range(16))
    assert {answer.status_code for answer in answers} == {200}
    assert service.worker_pids == [worker]
    with pytest.raises(requests.ConnectionError):
        block(service, 60)
    wait_until(lambda: service.worker_pids not in ([worker], []))
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200


@pytest.mark.long
def test_a_model_that_takes_long_to_load_leaves_the_worker_alive(make_gates):
    service = make_gates(IMPATIENT | {'SLOW_TO_LOAD': '5'})
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200
    assert 'WORKER TIMEOUT' not in service.log
