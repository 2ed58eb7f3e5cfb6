"""Whatever bytes come: a 4xx, 501, 505 or a closed connection, soon and short, and the next request is answered."""

import contextlib
import json
import re
import socket

import pytest

from tests.web.nasty_requests import GOOD, TABLES

MAX_ANSWER = 8192
REQUESTS = {
    f'{table}: {name}': row if isinstance(row, tuple) else (row, 400)
    for table, rows in TABLES.items()
    for name, row in rows.items()
}


@pytest.fixture(scope='module')
def log_before(misbehaving):
    return misbehaving.log


def answers_to(service, data):
    """Send, half-close, and return all answers until the service closes, as pairs of status and body."""
    received = b''
    with socket.create_connection(('127.0.0.1', service.port), timeout=10) as sock:
        # The service may have answered and closed before it has read everything.
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while piece := sock.recv(65536):
                received += piece
    answers = []
    while received:
        head, _, received = received.partition(b'\r\n\r\n')
        length = int(re.search(rb'\r\ncontent-length: *(\d+)', head, re.IGNORECASE)[1])
        assert len(head) + length < MAX_ANSWER
        answers.append((int(head.split()[1]), received[:length], b'\r\nAccess-Control-Allow-Origin: *\r\n' in head))
        received = received[length:]
    return answers


def test_there_are_many():
    assert len(REQUESTS) >= 150
    expected = {status for _, *statuses in REQUESTS.values() for status in statuses}
    assert all(status == 200 or 400 <= status < 500 or status in (501, 505) for status in expected)


@pytest.mark.parametrize('name', REQUESTS)
def test_a_nasty_request(misbehaving, log_before, name):
    data, *statuses = REQUESTS[name]
    answers = answers_to(misbehaving, data)
    assert [status for status, *_ in answers] == statuses
    for _, body, has_cors in answers:
        # What gunicorn refuses by itself is HTML; what is ours is JSON.
        assert b'<h1>' in body or (has_cors and json.loads(body))
    assert answers_to(misbehaving, GOOD)[0][:2] == (200, b'{"result":1}\n')


def test_they_leave_no_traceback_in_the_log(misbehaving, log_before):
    log = misbehaving.log
    assert log.startswith(log_before)
    assert 'Traceback' not in log[len(log_before) :]
