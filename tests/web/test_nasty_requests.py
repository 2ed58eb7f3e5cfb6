"""Whatever bytes come: a 4xx, 501, 505 or a closed connection, soon and short, and the next request is answered."""

import contextlib
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import memory
from tests.fakes.misbehaving import files
from tests.server.raw_connection import IMPATIENT
from tests.web.nasty_requests import GOOD, TABLES

MAX_ANSWER = 8192
MAX_MEMORY = 64 * 2**20
REQUESTS = {
    f'{table}: {name}': row if isinstance(row, tuple) else (row, 400)
    for table, rows in TABLES.items()
    for name, row in rows.items()
}


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """One worker that waits for a client for a second, since many requests here are not complete."""
    served = files(timeout=2, max_body='16 KiB', max_batch_size=8) | IMPATIENT
    one = service_class(tmp_path_factory.mktemp('nasty') / 'model serving', served, {'WORKERS': '1'})
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope='module')
def answers(service):
    """All answers to each request, by its name: many at a time, since a service that waits for more takes seconds."""
    assert_good_answer(service)
    (worker,) = service.worker_pids
    before = memory(worker)
    with ThreadPoolExecutor(48) as pool:
        found = dict(zip(REQUESTS, pool.map(lambda row: answers_to(service, row[0]), REQUESTS.values()), strict=True))
    found['memory'] = memory(worker) - before
    assert service.worker_pids == [worker]
    return found


def assert_good_answer(service):
    assert answers_to(service, GOOD, 1) == [(200, b'{"result":1}\n', True)]


def answers_to(service, data, timeout=5):
    """Send, and return all answers until the service closes the connection or says nothing more.

    Each is a triple of status, body and whether the answer is ours: JSON, and with CORS.
    """
    received = b''
    with socket.create_connection(('127.0.0.1', service.port), timeout=timeout) as sock:
        # The service may have answered and closed before it has read everything.
        with contextlib.suppress(OSError):
            sock.sendall(data)
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while piece := sock.recv(65536):
                received += piece
    answers = []
    while received:
        head, _, received = received.partition(b'\r\n\r\n')
        if head.startswith(b'HTTP/1.1 100 '):
            continue
        length = int(re.search(rb'\r\ncontent-length: *(\d+)', head, re.IGNORECASE)[1])
        assert len(head) + length < MAX_ANSWER
        is_ours = b'\r\naccess-control-allow-origin: *' in head
        answers.append((int(head.split()[1]), received[:length], is_ours))
        received = received[length:]
    return answers


def test_there_are_many():
    assert len(REQUESTS) >= 150
    expected = {status for _, *statuses in REQUESTS.values() for status in statuses}
    assert all(status == 200 or 400 <= status < 500 or status in (501, 505) for status in expected)


@pytest.mark.parametrize('name', REQUESTS)
def test_a_nasty_request(answers, name):
    _, *statuses = REQUESTS[name]
    assert [status for status, *_ in answers[name]] == statuses
    for status, body, is_ours in answers[name]:
        # What is not HTTP is answered by the server itself, in a line of text; all else is JSON.
        assert status == 400 or is_ours
        assert not is_ours or json.loads(body)


def test_after_them_the_worker_is_well(service, answers):
    assert answers['memory'] < MAX_MEMORY
    assert_good_answer(service)
    assert 'Traceback' not in service.log
