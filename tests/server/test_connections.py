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

from tests.conftest import takes_less_memory_than, wait_until, with_constants
from tests.server.conftest import PATIENT
from tests.server.raw_connection import BODY, HELLO, IN_CHUNKS, LAST, LINE, REQUEST, Connections, RawConnection
from tests.web.nasty_requests import head, post

MIB = 2**20
JSON = 'Content-Type: application/json'
# An answer that fits in no buffer on its way.
LARGE_SIZE = 30_000_000
LARGE = post(b'{"do":"large","value":%d}' % LARGE_SIZE, line='POST /v1/BadModel HTTP/1.1')
# How long a call may take that others must not hold up, in seconds: far more than it does, far less than a time-out.
SOON = 5
# A connection's state in /proc/net/tcp.
ESTABLISHED = '01'


def assert_answers_soon(service, calls=20):
    """A good client is answered without delay, by one connection and by many."""
    since = perf_counter()
    with contextlib.closing(RawConnection(service)) as kept:
        for _ in range(calls):
            assert kept.call().outcome == HELLO
            with contextlib.closing(RawConnection(service)) as short:
                assert short.call(LAST).outcome == HELLO
    assert perf_counter() - since < SOON


class TestManyConnections:
    @pytest.mark.parametrize('count', [1000, pytest.param(3000, marks=pytest.mark.long)])
    @pytest.mark.parametrize(
        'request_, stop',
        [(REQUEST, 0), (REQUEST, 30), (REQUEST, -5), (IN_CHUNKS, -15), (IN_CHUNKS, -3)],
        ids=['idle', 'in the head', 'in the body', 'in a chunk', 'between chunks'],
    )
    def test_those_that_stop_hold_nobody_up_and_are_answered_when_they_go_on(
        self, one_worker, connections, request_, stop, count
    ):
        with takes_less_memory_than(100 * MIB, one_worker):
            stopped = connections.open_many(count, request_[:stop])
            assert_answers_soon(one_worker)
        for connection in stopped:
            connection.send(request_[stop:])
        assert {connection.answer().outcome for connection in stopped} == {HELLO}

    def test_those_that_dribble_hold_nobody_up(self, one_worker, connections):
        dribbling = [(connections.open(), request) for request in (REQUEST, IN_CHUNKS) * 20]
        for position in range(len(IN_CHUNKS)):
            for connection, request in dribbling:
                connection.send(request[position : position + 1])
            if position % 40 == 0:
                assert_answers_soon(one_worker, calls=2)
        assert {connection.answer().outcome for connection, _ in dribbling} == {HELLO}

    def test_a_connection_is_kept(self, connections):
        connection = connections.open()
        for request in (REQUEST, IN_CHUNKS, post(b'{}', line=LINE), post(BODY, line='POST /nothing HTTP/1.1')):
            assert 'connection' not in connection.call(request).headers
        assert connection.call().outcome == HELLO

    def test_it_is_closed_when_the_client_wishes(self, connections):
        """Or speaks HTTP/1.0, which needs no Host header."""
        for last in (LAST, post(BODY, line='POST /v1/XXXModel HTTP/1.0', host=None)):
            (answer,) = connections.open(last).answers()
            assert answer.outcome == HELLO
            assert answer.headers['connection'] == 'close'

    @pytest.mark.long
    @pytest.mark.parametrize('sent', [b'', REQUEST], ids=['never used', 'idle'])
    def test_as_many_as_the_system_has_files_keep_nobody_out_for_long(self, make_service, sent):
        service = make_service(environment={'WORKERS': '1'}, start=False)
        service.run('sh', '-c', 'ulimit -n 256 && bin/start.sh', check=True)
        pids = service.worker_pids
        with Connections(service) as opened:
            opened.open_many(400, sent)
            wait_until(lambda: is_answering(service), 20)
            assert_answers_soon(service)
        assert service.worker_pids == pids
        assert 'Traceback' not in service.log


def is_answering(service) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(RawConnection(service, timeout=1)) as connection:
        return connection.call(LAST) is not None
    return False


class TestPipelinedRequests:
    def test_they_are_answered_in_order(self, connections):
        # Flask answers every tenth one, in a thread, and so more slowly.
        types = (f'{JSON}; a=b', *[JSON] * 9) * 5
        requests_ = [post(b'{"name":"%d"}' % n, line=LINE, content_type=type_) for n, type_ in enumerate(types)]
        answers = connections.open(b''.join(requests_) + LAST).answers()
        assert [answer.body for answer in answers[:-1]] == [b'{"result":"Hello, %d!"}\n' % n for n in range(50)]
        assert answers[-1].outcome == HELLO

    def test_greedy_clients_leave_the_others_their_turn(self, one_worker, connections):
        """They send thousands of requests ahead, for as long as the others call."""
        done = threading.Event()
        greedy = [threading.Thread(target=send_ahead, args=(connections.open(), done)) for _ in range(8)]
        with takes_less_memory_than(128 * MIB, one_worker):
            for thread in greedy:
                thread.start()
            try:
                for _ in range(3):
                    with contextlib.closing(RawConnection(one_worker, timeout=SOON)) as connection:
                        assert [connection.call().outcome for _ in range(5)] == [HELLO] * 5
            finally:
                done.set()
                for thread in greedy:
                    thread.join()

    def test_one_that_never_reads_takes_little_memory(self, one_worker, connections):
        greedy = connections.open()
        greedy.socket.settimeout(2)
        with takes_less_memory_than(32 * MIB, one_worker), pytest.raises(TimeoutError):
            greedy.socket.sendall(REQUEST * 500_000)
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


class TestSilence:
    """A client that falls silent for SILENCE is let go."""

    def test_in_a_head_it_is_disconnected(self, silent):
        first = [silent.open(sent) for sent in (b'', b'P', b'\r\n', REQUEST[:30])]
        second = [silent.open(REQUEST), silent.open(REQUEST + REQUEST[:30])]
        assert [connection.answer().outcome for connection in second] == [HELLO] * 2
        second[0].send(REQUEST[:30])
        assert [connection.answers() for connection in first + second] == [[]] * 6

    def test_in_a_body_it_gets_a_408(self, silent):
        """In the middle of it, or at its beginning; also where Flask answers."""
        of_flask = (post(BODY, line=LINE, content_type='Content-Type: text/plain'), post(line='POST /nothing HTTP/1.1'))
        incomplete = [request[:-5] for request in (REQUEST, IN_CHUNKS[:-10], *of_flask)]
        incomplete += [REQUEST[: -len(BODY)], IN_CHUNKS[: IN_CHUNKS.index(b'e\r\n{')]]
        for connection in [silent.open(sent) for sent in incomplete]:
            (answer,) = connection.answers()
            assert answer.status == 408
            assert answer.headers['access-control-allow-origin'] == '*'
            assert answer.headers['connection'] == 'close'

    def test_while_it_does_not_read_it_is_cut_off(self, impatient, silent):
        connection = silent.open(LARGE)
        assert connection.socket.recv(1, MSG_PEEK)
        wait_until(lambda: open_sockets(impatient) == 0, 20)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while data := connection.socket.recv(MIB):
                received += len(data)
        assert received < LARGE_SIZE

    def test_a_body_may_take_longer_as_a_whole(self, silent):
        connection = silent.open(REQUEST[:-3])
        for position in (-3, -2, -1):
            threading.Event().wait(0.6)
            connection.send(REQUEST[position : position + 1 or None])
        assert connection.answer().outcome == HELLO

    def test_a_large_answer_may_be_read_slowly(self, silent):
        connection = silent.open(LARGE)
        received = 0
        while received < LARGE_SIZE and (data := connection.socket.recv(MIB)):
            received += len(data)
            threading.Event().wait(0.05)
        assert received >= LARGE_SIZE

    def test_a_connection_that_was_used_may_be_idle(self, silent):
        connection = silent.open()
        assert connection.call().outcome == HELLO
        threading.Event().wait(2.5)
        assert connection.call().outcome == HELLO


def open_sockets(service) -> int:
    """Return how many connections the service has open (Linux)."""
    port = f'{service.port:04X}'
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return sum(row[1].endswith(f':{port}') and row[3] == ESTABLISHED and row[9] != '0' for row in rows)


class TestBodiesThatNobodyReads:
    """The rest of such a body is thrown away, so that the client reads its answer before the connection closes."""

    @pytest.mark.parametrize(
        'path, in_chunks, status',
        [('/v1/XXXModel', False, 413), ('/v1/XXXModel', True, 413), ('/nothing', False, 404), ('/', False, 405)],
    )
    def test_the_client_reads_its_answer(self, one_worker, path, in_chunks, status):
        body = (bytes(100_000) for _ in range(500)) if in_chunks else bytes(50_000_000)
        with takes_less_memory_than(16 * MIB, one_worker):
            answer = requests.post(one_worker.url + path, body, timeout=20)
        assert answer.status_code == status
        assert answer.json()['message']

    def test_the_answer_does_not_wait_for_the_body(self, connections):
        for headers in ([], ['Expect: 100-continue']):
            answer = connections.open(post(b'', *headers, length=50_000_000, line=LINE), timeout=3).answer()
            assert (answer.status, answer.headers['connection']) == (413, 'close')

    def test_a_client_that_waits_for_100_continue_may_send_what_is_not_too_large(self, connections):
        connection = connections.open(head(JSON, 'Expect: 100-continue', f'Content-Length: {len(BODY)}', line=LINE))
        assert connection.answer().status == 100
        assert connection.call(BODY).outcome == HELLO


@pytest.mark.parametrize(
    'limit, megabytes, refused, most_memory',
    [
        pytest.param({'MODEL_SERVING_SERVING_MAX_BODIES': '4 MiB'}, 40, 36, 32 * MIB, id='4 MiB'),
        pytest.param({}, 80, 10, 128 * MIB, id='64 MiB, the default', marks=pytest.mark.long),
    ],
)
def test_all_bodies_of_a_worker_share_max_bodies(make_service, limit, megabytes, refused, most_memory):
    """One more is refused."""
    service = make_service(PATIENT | with_constants(front__failures__DRAIN=1), {'WORKERS': '1', **limit})
    request = post(b'{"name":"%s"}' % (b'x' * 1_000_000), line=LINE)
    with Connections(service) as opened:
        assert opened.open().call().outcome == HELLO
        with takes_less_memory_than(most_memory, service):
            clients = opened.open_many(megabytes, request[:-1])
            wait_until(lambda: service.log.count('" 503 ') >= refused)
        assert_answers_soon(service)
        for client in clients:
            client.send(request[-1:])
        answers = [client.answer() for client in clients]
        assert {(answer.status, answer.headers.get('retry-after')) for answer in answers} == {(200, None), (503, '1')}
        # They are accepted again.
        assert opened.open().call(request).status == 200
