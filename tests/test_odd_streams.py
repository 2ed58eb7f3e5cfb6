"""Streams that misbehave, and clients that read slowly or leave: each costs only itself. From a real service."""

import json
from functools import partial

import pytest

from tests.conftest import Service, streaming_service, wait_until
from tests.server.raw_connection import post
from tests.test_streams import alive, has

ODD = {'model_serving/routes.py': 'from tests.fakes.odd_streams import ROUTES as ROUTES\n'}


@pytest.fixture(scope='module')
def odd(tmp_path_factory):
    """Such a service; shared, so leave it as it is, and give the files of a test names of their own."""
    make = partial(Service, tmp_path_factory.mktemp('odd') / 'model serving')
    with streaming_service(make, files=ODD) as running:
        yield running


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


def of(do, http='1.1', headers=(), **instance) -> bytes:
    """Return the request for a stream of OddModel."""
    body = json.dumps({'do': do, **instance}).encode()
    return post(body, *headers, line=f'POST /v1/OddModel HTTP/{http}')


@pytest.mark.parametrize('http', ['1.1', '1.0'])
def test_a_handler_that_never_waits_keeps_nobody_waiting_and_ends_when_its_client_leaves(odd, connect, http):
    connection = connect(odd)
    connection.send(of('never_wait', http, name=http))
    wait_until(lambda: has(odd, 'began', http))
    assert odd.post('/v1/XXXModel', {'name': 'Leo'}).elapsed.total_seconds() < 0.5
    connection.close()
    wait_until(lambda: has(odd, 'closed', http), seconds=2)
    assert alive(odd)
