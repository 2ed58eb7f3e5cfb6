"""Many connections, slow ones and greedy ones: none of them keeps the others waiting, or takes much memory."""

import contextlib
import os
import select
import threading
from pathlib import Path
from socket import MSG_PEEK
from time import perf_counter

import pytest
import requests

from tests.conftest import memory, wait_until, with_constants
from tests.server.conftest import PATIENT
from tests.server.raw_connection import (
    BODY,
    HELLO,
    IN_CHUNKS,
    LAST,
    LINE,
    REQUEST,
    Connections,
    RawConnection,
    statuses,
)  # fmt: skip
from tests.web.nasty_requests import head, post

MIB = 2**20
JSON = 'Content-Type: application/json'
BAD_MODEL = 'POST /v1/BadModel HTTP/1.1'
# An answer that fits in no buffer on its way.
LARGE = post(b'{"do":"large","value":30000000}', line=BAD_MODEL)
# How long a call may take that others must not hold up, in seconds: far more than it does, far less than a time-out.
SOON = 5
# A connection's state in /proc/net/tcp.
ESTABLISHED = '01'


def assert_answers_soon(service, calls=20):
    """A good client is answered without delay, by one connection and by many."""
    since = perf_counter()
    with contextlib.closing(RawConnection(service)) as kept:
        for _ in range(calls):
            assert kept.call()[::2] == (200, HELLO)
            with contextlib.closing(RawConnection(service)) as short:
                assert short.call(LAST)[::2] == (200, HELLO)
    assert perf_counter() - since < SOON


class TestManyConnections:
    def test_idle_ones_keep_nobody_waiting_and_are_answered_when_they_call(self, one_worker, connections):
        idle = connections.open_many(200)
        assert_answers_soon(one_worker)
        for connection in idle:
            connection.send(REQUEST)
        assert [connection.answer()[::2] for connection in idle] == [(200, HELLO)] * 200

    def test_a_connection_is_kept(self, connections):
        connection = connections.open()
        for request in (REQUEST, IN_CHUNKS, post(b'{}', line=LINE), post(BODY, line='POST /nothing HTTP/1.1')):
            assert 'connection' not in connection.call(request).headers
        assert connection.call()[::2] == (200, HELLO)

    def test_it_is_closed_when_the_client_wishes(self, connections):
        for last in (LAST, post(BODY, line='POST /v1/XXXModel HTTP/1.0')):
            answers = connections.open(last).answers()
            assert [answer.headers['connection'] for answer in answers] == ['close']

    @pytest.mark.long
    @pytest.mark.parametrize('sent', [b'', REQUEST[:30], REQUEST[:-5]], ids=['idle', 'head', 'body'])
    def test_3_000_of_them_delay_nobody(self, one_worker, connections, sent):
        (pid,) = one_worker.worker_pids
        before = memory(pid)
        connections.open_many(3000, sent)
        assert_answers_soon(one_worker)
        assert memory(pid) - before < 100 * MIB

    @pytest.mark.parametrize('sent', [b'', REQUEST], ids=['never used', 'idle'])
    def test_as_many_as_the_system_has_files_keep_nobody_out_for_long(self, make_service, sent):
        service = make_service(environment={'WORKERS': '1'}, start=False)
        service.run('sh', '-c', 'ulimit -n 256 && bin/start.sh', check=True)
        pids = service.worker_pids
        with Connections(service) as opened:
            opened.open_many(400, sent)
            wait_until(lambda: answers(service), 20)
            assert_answers_soon(service)
        assert service.worker_pids == pids
        assert 'Traceback' not in service.log


def answers(service) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(RawConnection(service, timeout=1)) as connection:
        answer = connection.call(LAST)
        return answer is not None and answer.status == 200
    return False


class TestPipelinedRequests:
    def test_they_are_answered_in_order(self, connections):
        requests_ = [post(b'{"name":"%d"}' % number, line=LINE) for number in range(50)]
        # Flask answers every tenth one, in a thread, and so more slowly.
        requests_[::10] = [post(b'{"name":"%d"}' % n, line=LINE, content_type=f'{JSON}; a=b') for n in range(0, 50, 10)]
        answers = connections.open(b''.join(requests_) + LAST).answers()
        assert [answer.body for answer in answers[:-1]] == [b'{"result":"Hello, %d!"}\n' % n for n in range(50)]
        assert answers[-1].body == HELLO

    def test_greedy_clients_leave_the_others_their_turn(self, one_worker, connections):
        """They send thousands of requests ahead, for as long as the others call."""
        (pid,) = one_worker.worker_pids
        before = memory(pid)
        done = threading.Event()
        greedy = [threading.Thread(target=send_ahead, args=(connections.open(), done)) for _ in range(8)]
        for thread in greedy:
            thread.start()
        try:
            for _ in range(3):
                with contextlib.closing(RawConnection(one_worker, timeout=SOON)) as connection:
                    assert [connection.call().status for _ in range(5)] == [200] * 5
            assert memory(pid) - before < 128 * MIB
        finally:
            done.set()
            for thread in greedy:
                thread.join()

    def test_one_that_never_reads_takes_little_memory(self, one_worker, connections):
        (pid,) = one_worker.worker_pids
        before = memory(pid)
        greedy = connections.open()
        greedy.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            greedy.socket.sendall(REQUEST * 500_000)
        assert memory(pid) - before < 32 * MIB
        assert_answers_soon(one_worker)

    def test_nothing_is_read_after_the_last_request(self, one_worker, connections):
        """More bytes behind `Connection: close`, on connections that their clients leave open, cost no CPU."""
        (pid,) = one_worker.worker_pids
        for connection in connections.open_many(400, LAST + b'GET'):
            assert connection.answer().status == 200
        before, since = cpu_seconds(pid), perf_counter()
        wait_until(lambda: perf_counter() - since > 1)
        assert cpu_seconds(pid) - before < 0.2


def send_ahead(connection, done):
    """Send a thousand requests at a time, and read what is answered, until `done`."""
    waiting = b''
    connection.socket.setblocking(False)
    while not done.is_set():
        readable, writable, _ = select.select([connection.socket], [connection.socket], [], 1)
        if writable:
            waiting = waiting or REQUEST * 1000
            waiting = waiting[connection.socket.send(waiting) :]
        if readable:
            connection.socket.recv(65536)


def cpu_seconds(pid) -> float:
    """Return how much of a processor a process has used (Linux)."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class TestSlowClients:
    def test_clients_that_dribble_hold_nobody_up(self, one_worker, connections):
        dribbling = [(connections.open(), request) for request in (REQUEST, IN_CHUNKS) * 20]
        for position in range(len(IN_CHUNKS)):
            for connection, request in dribbling:
                connection.send(request[position : position + 1])
            if position % 40 == 0:
                assert_answers_soon(one_worker, calls=2)
        assert [connection.answer()[::2] for connection, _ in dribbling] == [(200, HELLO)] * 40

    @pytest.mark.parametrize(
        ('request_', 'end'),
        [(REQUEST, 30), (REQUEST, -5), (IN_CHUNKS, -15), (IN_CHUNKS, -3)],
        ids=['head', 'body', 'chunk', 'between chunks'],
    )
    def test_a_thousand_that_stop_hold_nobody_up(self, one_worker, connections, request_, end):
        stopped = connections.open_many(1000, request_[:end])
        assert_answers_soon(one_worker)
        for connection in stopped:
            connection.send(request_[end:])
        assert {connection.answer()[::2] for connection in stopped} == {(200, HELLO)}


class TestSilence:
    """A client that falls silent for SILENCE is let go."""

    def test_in_a_head_it_is_disconnected(self, silent):
        connections = [silent.open(sent, timeout=10) for sent in (b'', b'P', b'\r\n', REQUEST[:30])]
        assert [connection.answers() for connection in connections] == [[]] * 4

    def test_also_in_the_next_head(self, silent):
        connection = silent.open(timeout=10)
        assert connection.call().status == 200
        connection.send(REQUEST[:30])
        assert connection.answers() == []

    def test_in_a_body_it_gets_a_408(self, silent):
        """In the middle of it, or at its beginning."""
        incomplete = (REQUEST[:-5], REQUEST[: -len(BODY)], IN_CHUNKS[:-15], IN_CHUNKS[: IN_CHUNKS.index(b'e\r\n{')])
        connections = [silent.open(sent, timeout=10) for sent in incomplete]
        for connection in connections:
            answer = connection.answer()
            assert answer.status == 408
            assert answer.headers['access-control-allow-origin'] == '*'
            assert answer.headers['connection'] == 'close'
            assert connection.answer() is None

    def test_also_where_flask_answers(self, silent):
        connections = [
            silent.open(post(BODY, line=LINE, content_type='Content-Type: text/plain')[:-5], timeout=10),
            silent.open(post(BODY, line='POST /nothing HTTP/1.1')[:-5], timeout=10),
        ]
        assert [connection.answer().status for connection in connections] == [408, 408]

    def test_while_it_does_not_read_it_is_cut_off(self, impatient, silent):
        connection = silent.open(LARGE)
        assert connection.socket.recv(1, MSG_PEEK)
        wait_until(lambda: open_sockets(impatient) == 0, 20)
        assert len(received_to_the_end(connection)) < 30_000_000

    def test_a_body_may_take_longer_as_a_whole(self, silent):
        connection = silent.open(REQUEST[:-3])
        for position in (-3, -2, -1):
            threading.Event().wait(0.6)
            connection.send(REQUEST[position : position + 1 or None])
        assert connection.answer()[::2] == (200, HELLO)

    def test_a_large_answer_may_be_read_slowly(self, silent):
        connection = silent.open(LARGE)
        length = 0
        while length < 30_000_000 and (data := connection.socket.recv(MIB)):
            length += len(data)
            threading.Event().wait(0.05)
        assert length > 30_000_000

    def test_a_connection_that_was_used_may_be_idle(self, silent):
        connection = silent.open()
        assert connection.call().status == 200
        threading.Event().wait(2.5)
        assert connection.call().status == 200


def open_sockets(service) -> int:
    """Return how many connections the service has open (Linux)."""
    port = f'{service.port:04X}'
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return sum(row[1].endswith(f':{port}') and row[3] == ESTABLISHED and row[9] != '0' for row in rows)


def received_to_the_end(connection) -> bytes:
    received = b''
    with contextlib.suppress(ConnectionResetError):
        while data := connection.socket.recv(MIB):
            received += data
    return received


class TestBodiesThatNobodyReads:
    """The rest of such a body is thrown away, so that the client reads its answer before the connection closes."""

    @pytest.mark.parametrize(('path', 'status'), [('/v1/XXXModel', 413), ('/nothing', 404), ('/', 405)])
    @pytest.mark.parametrize('megabytes', [2, 50])
    def test_the_client_reads_its_answer(self, one_worker, path, status, megabytes):
        (pid,) = one_worker.worker_pids
        before = memory(pid)
        answer = requests.post(one_worker.url + path, bytes(megabytes * 1_000_000), timeout=20)
        assert answer.status_code == status
        assert answer.json()['message']
        assert memory(pid) - before < 16 * MIB

    def test_also_when_it_comes_in_chunks(self, one_worker):
        pieces = (bytes(100_000) for _ in range(500))
        answer = requests.post(one_worker.url + '/v1/XXXModel', pieces, timeout=20)
        assert answer.status_code == 413

    def test_the_answer_does_not_wait_for_the_body(self, connections):
        answer = connections.open(post(b'x', length=50_000_000, line=LINE), timeout=3).answer()
        assert (answer.status, answer.headers['connection']) == (413, 'close')

    def test_a_client_that_waits_for_100_continue_sends_nothing(self, connections):
        expecting = head(JSON, 'Expect: 100-continue', 'Content-Length: 50000000', line=LINE)
        assert connections.open(expecting).answer().status == 413

    def test_with_a_length_within_the_limit_it_may_continue(self, connections):
        connection = connections.open(head(JSON, 'Expect: 100-continue', f'Content-Length: {len(BODY)}', line=LINE))
        assert connection.answer().status == 100
        assert connection.call(BODY)[::2] == (200, HELLO)


class TestManyBodies:
    """All bodies that a worker reads or predicts share `max_bodies`; one more is refused."""

    def test_what_is_too_much_is_refused(self, make_service):
        service = make_service(
            PATIENT | with_constants(front__failures__DRAIN=1),
            {'WORKERS': '1', 'MODEL_SERVING_SERVING_MAX_BODIES': '4 MiB'},
        )
        (pid,) = service.worker_pids
        body = b'{"name":"%s"}' % (b'x' * 1_000_000)
        request = post(body, line=LINE)
        with Connections(service) as opened:
            assert opened.open().call().status == 200
            before = memory(pid)
            clients = opened.open_many(40, request[:-1])
            wait_until(lambda: service.log.count('" 503 ') >= 36)
            assert memory(pid) - before < 32 * MIB
            assert_answers_soon(service)
            for client in clients:
                client.send(request[-1:])
            answers = [client.answer() for client in clients]
            assert set(statuses(answers)) == {200, 503}
            assert {answer.headers.get('retry-after') for answer in answers if answer.status == 503} == {'1'}
            # They are accepted again.
            assert opened.open().call(request).status == 200

    @pytest.mark.long
    def test_by_default_these_are_64_mib(self, one_worker, connections):
        (pid,) = one_worker.worker_pids
        before = memory(pid)
        body = b'{"name":"%s"}' % (b'x' * 1_000_000)
        connections.open_many(80, post(body, line=LINE)[:-1])
        wait_until(lambda: one_worker.log.count('" 503 ') >= 10)
        assert memory(pid) - before < 128 * MIB
        assert_answers_soon(one_worker)
