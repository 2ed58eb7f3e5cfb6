"""Streams that misbehave, and clients that read slowly or leave: each costs only itself. From a real service."""

import json
import os
import re
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Service, streaming_service, wait_until
from tests.server.raw_connection import IMPATIENT, post
from tests.test_streams import alive, has, lines_of

# What the name of a handler begins with: answered on the event loop, and by Flask.
WAYS = ('', 'Hooked')
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


@pytest.mark.long
def test_a_stream_that_hangs_before_its_first_piece_costs_the_worker(start):
    odd = start({'MODEL_SERVING_EARLYMODEL_TIMEOUT': '0.5'})
    (pid,) = odd.worker_pids
    assert odd.post('/v1/EarlyModel', {'wait_at': 0}).status_code == 504
    wait_until(lambda: odd.worker_pids and odd.worker_pids != [pid], seconds=20)
    assert 'EarlyModel hangs' in odd.log


def of(handler, *headers, http='1.1', **instance) -> bytes:
    """Return the request for a stream of a handler."""
    return post(json.dumps(instance).encode(), *headers, line=f'POST /v1/{handler} HTTP/{http}')


@pytest.mark.parametrize('http', ['1.1', '1.0'])
def test_a_handler_that_never_waits_keeps_nobody_waiting_and_ends_when_its_client_leaves(odd, connect, http):
    connection = connect(odd)
    connection.send(of('NeverWait', http=http, name=http))
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


@pytest.mark.parametrize('way', WAYS)
def test_a_client_may_read_the_last_piece_for_longer_than_the_deadline(odd, connect, way):
    connection = connect(odd)
    connection.send(of(f'{way}YieldText', 'X-Request-Timeout: 1', 'Connection: close', pieces=1, size=LARGE))
    time.sleep(2)
    assert read_slowly(connection) > LARGE


@pytest.mark.long
@pytest.mark.parametrize('way', WAYS)
def test_a_client_that_goes_on_reading_a_large_piece_is_not_cut_off(impatient, connect, way):
    connection = connect(impatient)
    connection.send(of(f'{way}YieldText', 'Connection: close', pieces=2, size=LARGE))
    assert read_slowly(connection, pause=0.2) > 2 * LARGE


@pytest.mark.parametrize('way', WAYS)
def test_an_answer_that_is_cut_off_since_its_client_does_not_read_is_logged_once(impatient, connect, way):
    before = impatient.log.count('[WARNING]')
    connect(impatient).send(of(f'{way}YieldText', pieces=100, size=LARGE, name=f'silent {way}'))
    wait_until(lambda: has(impatient, 'closed', f'silent {way}'))
    time.sleep(0.2)
    assert impatient.log.count('An answer was cut off: its client, 127.0.0.1, has read nothing for 1 s.') > 0
    assert impatient.log.count('[WARNING]') == before + 1


@pytest.mark.parametrize('way', WAYS)
def test_a_handler_runs_in_one_task(odd, way):
    """So that context variables and asyncio.timeout hold from its first piece to its last."""
    assert lines_of(odd.post(f'/v1/{way}KeepContext', {})) == ['mine', 'mine']


IMPATIENTLY = {'X-Request-Timeout': '0.5'}


@pytest.mark.long
@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('name', ['CleanUp', 'GoOn'])
def test_a_handler_that_does_not_end_at_once_is_late_all_the_same(odd, way, name):
    late = odd.post(f'/v1/{way}{name}', {'pieces': 0}, headers=IMPATIENTLY)
    assert (late.status_code, 'did not answer within 0.5 s' in late.json()['message']) == (504, True)
    *pieces, error = lines_of(odd.post(f'/v1/{way}{name}', {'pieces': 2}, headers=IMPATIENTLY))
    assert pieces == ['on', 'on']
    assert 'stopped in the middle of its answer: for 0.5 s no piece came.' in error['message']


@pytest.mark.long
def test_a_handler_that_ignores_being_cancelled_is_cancelled_again(odd):
    assert odd.post('/v1/GoOnOnce', {}, headers=IMPATIENTLY).status_code == 504


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('size', [1, LARGE])
def test_a_handler_that_fails_when_its_client_has_left_is_logged(odd, connect, way, size):
    """While it waits, and while its client does not read."""
    name = f'{way}{size}'
    connection = connect(odd)
    connection.send(of(f'{way}FailAtTheEnd', 'X-Request-ID: its-id', size=size, name=name))
    connection.socket.recv(1)
    time.sleep(0.2)
    connection.close()
    wait_until(lambda: f'RuntimeError: failed at the end of {name}' in odd.log, seconds=5)
    assert f'POST /v1/{way}FailAtTheEnd, request id its-id, failed after its answer had ended.' in odd.log
    assert 'never retrieved' not in odd.log


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('error', ['GeneratorExit', 'KeyboardInterrupt', 'SystemExit', 'CancelledError'])
def test_whatever_a_handler_raises_fails_only_its_call(odd, way, error):
    workers = odd.worker_pids
    for name in ('Fail', 'FailPlainly'):
        answer = odd.post(f'/v1/{way}{name}', {'error': error, 'pieces': 0})
        assert (answer.status_code, list(answer.json())) == (500, ['message'])
    for name in ('Fail', 'FailInATask'):
        *pieces, last = lines_of(odd.post(f'/v1/{way}{name}', {'error': error, 'pieces': 1}))
        assert pieces == ['on']
        assert last['message'].startswith('The service failed to answer this request.')
    assert alive(odd)
    assert odd.worker_pids == workers


def cpu_seconds(pid) -> float:
    """Return how long a process has been running on a CPU (Linux)."""
    fields = Path(f'/proc/{pid}/stat').read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')


def test_a_tiny_deadline_takes_no_time_while_the_client_does_not_read(odd, connect):
    (pid,) = odd.worker_pids
    # Some calls are late.
    for _ in range(30):
        connection = connect(odd)
        connection.send(of('AnswerAtOnce', size=LARGE))
        time.sleep(0.2)
        connection.send(of('AnswerAtOnce', 'X-Request-Timeout: 0.0004', size=1))
        before = cpu_seconds(pid)
        time.sleep(0.5)
        took = cpu_seconds(pid) - before
        if [answer.status for answer in (connection.answer(), connection.answer())] == [200, 200]:
            break
    assert took < 0.2


@pytest.mark.parametrize('way', WAYS)
def test_an_answer_that_is_raised_in_the_middle_is_its_last_message(odd, way):
    assert lines_of(odd.post(f'/v1/{way}AbortWithText', {})) == ['on', {'message': 'taken'}]


def logged_status(service, request_id) -> str:
    """Return the status of a request in the access log, where it appears soon."""
    line = re.compile(rf'\[access\] - .*" (\d+) .* {request_id}$', re.MULTILINE)
    wait_until(lambda: line.search(service.log), seconds=5)
    return line.search(service.log)[1]


@pytest.mark.parametrize(
    'handler, instance, status',
    [
        ('Fail', {'pieces': 1, 'error': 'SystemExit'}, '500'),
        ('AbortWithText', {}, '409'),
        ('CleanUp', {'pieces': 1}, '504'),
        ('HookedCleanUp', {'pieces': 1}, '200'),
    ],
)
def test_the_log_has_the_status_of_the_end_of_a_stream(odd, handler, instance, status):
    headers = {**IMPATIENTLY, 'X-Request-ID': f'{handler}-fails'}
    assert odd.post(f'/v1/{handler}', instance, headers=headers).status_code == 200
    assert logged_status(odd, f'{handler}-fails') == status


@pytest.mark.parametrize('way', WAYS)
def test_the_log_has_499_for_a_client_that_leaves_in_the_middle(odd, connect, way):
    connection = connect(odd)
    connection.send(of(f'{way}NeverWait', f'X-Request-ID: {way}-left', name=f'left {way}'))
    connection.socket.recv(1)
    connection.close()
    assert logged_status(odd, f'{way}-left') == '499'


def test_the_log_has_the_status_of_an_answer_that_came_before_the_rest_of_the_body(odd, connect):
    connection = connect(odd)
    connection.send(post(b'{', 'X-Request-ID: too-large', length=10_000_000, line='POST /v1/GoOn HTTP/1.1'))
    assert connection.answer().status == 413
    connection.close()
    assert logged_status(odd, 'too-large') == '413'


@pytest.mark.long
def test_a_stop_waits_for_a_handler_that_cleans_up(start):
    """At the end of the graceful time it is cancelled; its client is told all the same."""
    odd = start({'GUNICORN_CMD_ARGS': '--graceful-timeout 3'})
    with odd.post('/v1/CleanUp', {'pieces': 1}, stream=True) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines)) == 'on'
        odd.stop()
        (last,) = lines
    assert json.loads(last)['message'].startswith('The service was stopped before the answer was complete.')
