"""Streams that misbehave, and clients that read slowly or leave: each costs only itself. From a real service."""

from functools import partial

import pytest

from tests.conftest import streaming_service, wait_until

ODD = {'model_serving/routes.py': 'from tests.fakes.odd_streams import ROUTES as ROUTES\n'}


@pytest.fixture
def start(make_service):
    """A function that starts such a service for one test: `start(environment, files)`."""

    def start(environment=None, files=None):
        service = streaming_service(partial(make_service, start=False), environment, {**ODD, **(files or {})})
        service.start()
        return service

    return start


def test_a_stream_that_hangs_before_its_first_piece_costs_the_worker(start):
    odd = start({'MODEL_SERVING_EARLYMODEL_TIMEOUT': '0.5'})
    (pid,) = odd.worker_pids
    assert odd.post('/v1/EarlyModel', {'wait_at': 0}).status_code == 504
    wait_until(lambda: odd.worker_pids and odd.worker_pids != [pid], seconds=20)
    assert 'EarlyModel hangs' in odd.log
