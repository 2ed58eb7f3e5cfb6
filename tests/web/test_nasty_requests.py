"""Whatever bytes come: a 4xx, 501, 505 or a closed connection, soon and short, and the next request is answered."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import memory
from tests.fakes.misbehaving import files
from tests.server.raw_connection import IMPATIENT, RawConnection
from tests.web.nasty_requests import GOOD, TABLES

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


def answers_to(service, data, timeout=5):
    """Send, and return all answers until the service closes the connection or says nothing more."""
    connection, answers = RawConnection(service, timeout=timeout), []
    with contextlib.closing(connection), contextlib.suppress(TimeoutError):
        connection.send(data)
        while answer := connection.answer():
            answers.append(answer)
    return [answer for answer in answers if answer.status != 100]


def assert_good_answer(service):
    ((status, _, body),) = answers_to(service, GOOD, timeout=1)
    assert (status, body) == (200, b'{"result":1}\n')


@pytest.mark.parametrize('name', REQUESTS)
def test_a_nasty_request(answers, name):
    _, *statuses = REQUESTS[name]
    assert [answer.status for answer in answers[name]] == statuses
    for status, headers, body in answers[name]:
        assert status in (200, 501, 505) or 400 <= status < 500
        assert len(str(headers)) + len(body) < 8192
        # What is not HTTP is answered by the server itself, in a line of text; all else is JSON, and with CORS.
        is_ours = headers.get('access-control-allow-origin') == '*'
        assert status == 400 or is_ours
        assert not is_ours or json.loads(body)


def test_after_them_the_worker_is_well(service, answers):
    assert answers['memory'] < MAX_MEMORY
    assert_good_answer(service)
    assert 'Traceback' not in service.log
