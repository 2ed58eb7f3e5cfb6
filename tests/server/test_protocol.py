"""HTTP framing: what is answered, what is refused, and what becomes of the rest of the connection."""

import struct
from socket import SO_LINGER, SOL_SOCKET

import pytest

from tests.conftest import takes_less_memory_than, wait_until
from tests.server.raw_connection import BODY, HELLO, IN_CHUNKS, LAST, LINE, REQUEST, Connections, outcomes, statuses
from tests.web.nasty_requests import head, post

MIB = 2**20
JSON = 'Content-Type: application/json'
H2C = ('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA')
UPGRADES = {
    'length': post(BODY, *H2C, line=LINE),
    'chunks': head(JSON, 'Transfer-Encoding: chunked', *H2C, line=LINE) + IN_CHUNKS.partition(b'\r\n\r\n')[2],
}


@pytest.mark.parametrize('form', UPGRADES)
class TestUpgrades:
    """Java's HttpClient asks for HTTP/2 with each first request. It is answered by HTTP/1.1, as the standard allows."""

    def test_the_request_is_answered_and_the_next_may_come_in_the_same_packet(self, connections, form):
        for following in (b'', REQUEST, UPGRADES[form] * 1000):
            answers = connections.open(UPGRADES[form] + following + LAST).answers()
            assert set(outcomes(answers)) == {HELLO}
            assert len(answers) == 2 + following.count(b'Host')

    def test_it_may_be_split_anywhere(self, connections, form):
        request = UPGRADES[form]
        for position in range(1, len(request), 7):
            connection = connections.open(request[:position])
            # Its answer shows that the worker has read the first part.
            assert connections.open().call().outcome == HELLO
            connection.send(request[position:] + LAST)
            assert outcomes(connection.answers()) == [HELLO] * 2, position


def test_a_large_body_of_an_upgrade_is_read_to_its_end(connections):
    connection = connections.open(post(b'{"name":"%s"}' % (b'x' * 500_000), *H2C, line=LINE) + LAST)
    assert statuses(connection.answers()) == [200, 200]


class TestStrictFraming:
    """Here are those after which more is sent; tests/web/nasty_requests.py has many more."""

    @pytest.mark.parametrize(
        'request_',
        [
            pytest.param(post(BODY, line=LINE, host=None), id='no host'),
            pytest.param(post(BODY, *H2C, line=LINE, host=None), id='no host, and an upgrade'),
            pytest.param(post(BODY, 'Host: b', line=LINE), id='two hosts'),
            pytest.param(head(JSON, 'Transfer-Encoding: gzip, chunked', line=LINE) + b'0\r\n\r\n', id='gzip'),
            pytest.param(head(JSON, 'Transfer-Encoding: chunked', 'Content-Length: 5', line=LINE), id='two framings'),
            pytest.param(post(BODY, 'Content-Length: 5', line=LINE), id='two lengths'),
            pytest.param(head(line='CONNECT example.com:443 HTTP/1.1'), id='a tunnel'),
            pytest.param(head(line=f'GET http://{"x" * 50_000}:99999999/ HTTP/1.1'), id='a URL that is none'),
        ],
    )
    def test_what_a_proxy_may_read_differently_is_refused_and_closes_the_connection(self, connections, request_):
        (answer,) = connections.open(request_ + LAST).answers()
        assert answer.status == 400
        assert answer.headers['content-type'].startswith('text/plain')
        assert answer.headers['connection'] == 'close'
        assert len(answer.body) < 200

    def test_trailers_are_no_headers(self, connections):
        trailers = b'Content-Type: text/plain\r\nX-Request-ID: trailer\r\nHost: b\r\n'
        first, second = connections.open(IN_CHUNKS[:-2] + trailers + b'\r\n' + LAST).answers()
        assert first.outcome == second.outcome == HELLO
        assert first.headers['x-request-id'] != 'trailer'


class TestBounds:
    """The head of a request is limited to 64 KiB and one read of the socket."""

    @pytest.mark.parametrize(
        'endless',
        [
            pytest.param(lambda: b'GET /' + b'x' * 64 * MIB, id='url'),
            pytest.param(lambda: head()[:-2] + b'X-A: ' + b'a' * 64 * MIB, id='header'),
            pytest.param(lambda: head()[:-2] + b'X-A: b\r\n' * 8 * MIB, id='headers'),
            pytest.param(lambda: b'\r\n' * 32 * MIB, id='empty lines'),
            pytest.param(lambda: IN_CHUNKS[:-2] + b'X-A: b\r\n' * 8 * MIB, id='trailers', marks=pytest.mark.long),
            pytest.param(lambda: IN_CHUNKS[:-5] + b'1;' + b'x' * 64 * MIB, id='chunk extension'),
        ],
    )
    def test_an_endless_head_takes_little_memory(self, one_worker, connections, endless):
        endless = endless()
        assert connections.open().call().outcome == HELLO
        with takes_less_memory_than(16 * MIB, one_worker):
            connection = connections.open(endless)
        if b'chunked' not in endless:
            assert statuses(connection.answers()) == [400]
        assert connections.open().call().outcome == HELLO

    def test_many_requests_at_once_are_not_mistaken_for_one_head(self, connections):
        connection = connections.open()
        # Each part begins in the middle of a request.
        connection.send(REQUEST[:30])
        for _ in range(100):
            connection.send(REQUEST[30:] + REQUEST * 99 + REQUEST[:30])
            assert outcomes(connection.answer() for _ in range(100)) == [HELLO] * 100


class TestBadRequestsBehindGoodOnes:
    @pytest.mark.parametrize('bad', [b'nonsense\r\n\r\n', post(BODY, line=LINE, host=None), b'\0' * 100])
    def test_the_good_ones_are_answered_then_the_connection_is_closed(self, connections, bad):
        answers = connections.open(REQUEST * 3 + bad + REQUEST).answers()
        assert outcomes(answers[:3]) == [HELLO] * 3
        assert statuses(answers[3:]) in ([], [400])

    def test_it_is_refused_when_it_comes_later(self, connections):
        connection = connections.open()
        assert connection.call().outcome == HELLO
        connection.send(b'nonsense\r\n\r\n')
        assert statuses(connection.answers()) == [400]

    @pytest.mark.long
    def test_bad_chunks_behind_a_busy_model_do_not_harm_its_call(self, busy):
        busy.first.send(IN_CHUNKS.partition(b'\r\n\r\n')[0] + b'\r\n\r\nzz\r\n')
        assert busy.connections.open().call().outcome == HELLO
        (busy.folder / 'open').touch()
        assert statuses(busy.first.answers()) in ([200], [200, 400])


@pytest.fixture
def busy(make_gates):
    """A service whose BusyModel is predicting the instance `first`, until the file `open` is there."""
    service = make_gates({'WORKERS': '1', 'MODEL_SERVING_BUSYMODEL_MAX_BATCH_SIZE': '1'})
    with Connections(service) as service.connections:
        service.first = service.connections.open(call('first'))
        wait_until(lambda: names_in(service, 'predicted') == ['first'])
        yield service


def call(name):
    return post(b'{"name":"%s"}' % name.encode(), line='POST /v1/BusyModel HTTP/1.1')


def names_in(service, file):
    path = service.folder / file
    return path.read_text().split() if path.exists() else []


class TestClientsThatLeave:
    """A client that closes its connection has its call cancelled."""

    @pytest.mark.parametrize(
        'more',
        [b'', pytest.param(call('never-begun') * 3 + REQUEST[:-5], marks=pytest.mark.long)],
        ids=['one call', 'more requests'],
    )
    def test_the_handler_ends_and_the_prediction_is_not_made(self, busy, more):
        left = [f'left-{number}' for number in range(6)]
        for name in left:
            connection = busy.connections.open(call(name) + more)
            wait_until(lambda name=name: name in names_in(busy, 'begun'))
            # By an orderly end, or by a reset.
            connection.close() if name < 'left-3' else reset(connection)
        wait_until(lambda: sorted(names_in(busy, 'ended')) == left)
        (busy.folder / 'open').touch()
        assert busy.first.answer().status == 200
        assert busy.connections.open().call(call('last')).status == 200
        assert names_in(busy, 'predicted') == ['first', 'last']
        wait_until(lambda: busy.log.count('" 499 ') >= 6)
        assert_quiet(busy)

    def test_its_body_may_be_incomplete(self, busy):
        for sent in (REQUEST[:-5], REQUEST[:30], IN_CHUNKS[:-5], UPGRADES['chunks'][:-5], b''):
            busy.connections.open(sent).close()
            reset(busy.connections.open(sent))
        assert busy.connections.open().call().outcome == HELLO
        assert_quiet(busy)


def reset(connection):
    connection.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


def assert_quiet(service):
    """Nothing is in the log but ordinary lines."""
    assert [line for line in service.log.splitlines() if ' - [INFO] - ' not in line] == []
