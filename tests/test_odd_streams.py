"""Streams that misbehave, and clients that read slowly or leave: each costs only itself. From a real service."""

import json
import socket
import time
from functools import partial

import pytest

from tests.conftest import Service, streaming_service, wait_until
from tests.server.raw_connection import IMPATIENT, post
from tests.test_streams import alive, has

# Answered on the event loop, and by Flask.
URLS = ('/v1/OddModel', '/v1/HookedModel')
ODD = {'model_serving/routes.py': 'from tests.fakes.odd_streams import ROUTES as ROUTES\n'}


@pytest.fixture(scope='module')
def odd(tmp_path_factory):
    """Such a service; shared, so leave it as it is, and give the files of a test names of their own."""
    make = partial(Service, tmp_path_factory.mktemp('odd') / 'model serving')
    with streaming_service(make, files=ODD) as running:
        yield running


@pytest.fixture(scope='module')
def impatient(tmp_path_factory):
    """The same, where a client may be silent for a second."""
    make = partial(Service, tmp_path_factory.mktemp('impatient') / 'model serving')
    with streaming_service(make, files={**ODD, **IMPATIENT}) as running:
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


def of(do, *headers, url=URLS[0], http='1.1', **instance) -> bytes:
    """Return the request for a stream of an odd handler."""
    return post(json.dumps({'do': do, **instance}).encode(), *headers, line=f'POST {url} HTTP/{http}')


@pytest.mark.parametrize('http', ['1.1', '1.0'])
def test_a_handler_that_never_waits_keeps_nobody_waiting_and_ends_when_its_client_leaves(odd, connect, http):
    connection = connect(odd)
    connection.send(of('never_wait', http=http, name=http))
    wait_until(lambda: has(odd, 'began', http))
    assert odd.post('/v1/XXXModel', {'name': 'Leo'}).elapsed.total_seconds() < 0.5
    connection.close()
    wait_until(lambda: has(odd, 'closed', http), seconds=2)
    assert alive(odd)


LARGE = 20_000_000


def read_slowly(connection, pause=0.0) -> int:
    """Read 2 MB, pause, and so on to the end of a stream or of its connection; return the bytes of whole streams."""
    length, last = 0, b''
    while not last.endswith(b'\r\n0\r\n\r\n') and (data := connection.socket.recv(2_000_000, socket.MSG_WAITALL)):
        length, last = length + len(data), (last + data)[-10:]
        time.sleep(pause)
    return length if last.endswith(b'\r\n0\r\n\r\n') else 0


@pytest.mark.parametrize('url', URLS)
def test_a_client_may_read_the_last_piece_for_longer_than_the_deadline(odd, connect, url):
    connection = connect(odd)
    connection.send(of('yield_text', 'X-Request-Timeout: 0.2', 'Connection: close', url=url, pieces=1, size=LARGE))
    time.sleep(2)
    assert read_slowly(connection) > LARGE


@pytest.mark.parametrize('url', URLS)
def test_a_client_that_goes_on_reading_a_large_piece_is_not_cut_off(impatient, connect, url):
    connection = connect(impatient)
    connection.send(of('yield_text', 'Connection: close', url=url, pieces=2, size=LARGE))
    assert read_slowly(connection, pause=0.2) > 2 * LARGE


@pytest.mark.parametrize('url', URLS)
def test_an_answer_that_is_cut_off_since_its_client_does_not_read_is_logged_once(impatient, connect, url):
    before = impatient.log.count('[WARNING]')
    connect(impatient).send(of('yield_text', url=url, pieces=100, size=LARGE, name=url[4:]))
    wait_until(lambda: has(impatient, 'closed', url[4:]))
    time.sleep(0.2)
    assert impatient.log.count('An answer was cut off: its client, 127.0.0.1, has read nothing for 1 s.') > 0
    assert impatient.log.count('[WARNING]') == before + 1
