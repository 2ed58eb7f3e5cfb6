"""Requests that two servers may read differently, sent through nginx with the configuration of docs/deploy-nginx.md.

Marked long, as test_nginx.py.
"""

import socket
import time

import pytest

from tests.conftest import wait_until
from tests.docs.test_nginx import Nginx
from tests.docs.test_nginx_two_services import UNLIMITED
from tests.server.raw_connection import LINE
from tests.web.nasty_requests import head, post

pytestmark = pytest.mark.long
JSON, CHUNKED = 'Content-Type: application/json', 'Transfer-Encoding: chunked'
BODY = b'{"name":"A"}'
CHUNKS = b'c\r\n' + BODY + b'\r\n0\r\n\r\n'
SMUGGLED = head(line='GET /v1/smuggled HTTP/1.1')
H2C = ('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA')
WEBSOCKET = ('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: YWFh')
OLD = 'POST /v1/XXXModel HTTP/1.0'


def call(name, *headers, **parts) -> bytes:
    return post(b'{"name":"%s"}' % name.encode(), *headers, **{'line': LINE, **parts})


def framed(*headers, body=CHUNKS, line=LINE) -> bytes:
    return head(JSON, *headers, line=line) + body


# Each is followed by a call with the name B. A letter is the name in an answer; a number is an error, after which
# nginx closes the connection: 501 for a Transfer-Encoding that it does not know.
REQUESTS = {
    'h2c': (call('A', *H2C), 'A', 'B'),
    'h2c, in chunks': (framed(CHUNKED, *H2C), 'A', 'B'),
    'websocket': (call('A', *WEBSOCKET), 'A', 'B'),
    'a request in the body': (framed(f'Content-Length: {len(SMUGGLED)}', body=SMUGGLED), 400, 'B'),
    'chunks and a length': (framed(CHUNKED, f'Content-Length: {len(SMUGGLED) + 5}', body=b'0\r\n\r\n' + SMUGGLED), 400),
    'a length and chunks': (
        framed('Content-Length: 4', CHUNKED, body=b'%x\r\n%s\r\n0\r\n\r\n' % (len(SMUGGLED), SMUGGLED)),
        400,
    ),
    'two lengths': (framed('Content-Length: 12', f'Content-Length: {12 + len(SMUGGLED)}', body=BODY + SMUGGLED), 400),
    'the same length twice': (framed('Content-Length: 12', 'Content-Length: 12', body=BODY), 400),
    'a list of lengths': (framed('Content-Length: 12, 12', body=BODY), 400),
    'a signed length': (framed('Content-Length: +12', body=BODY), 400),
    'xchunked': (framed('Transfer-Encoding: xchunked'), 501),
    'gzip, chunked': (framed('Transfer-Encoding: gzip, chunked'), 501),
    'a control character before chunked': (framed('Transfer-Encoding: \x0bchunked'), 501),
    'chunked twice': (framed(CHUNKED, CHUNKED), 400),
    'chunked and identity': (framed(CHUNKED, 'Transfer-Encoding: identity'), 400),
    'a space before the colon': (framed('Transfer-Encoding : chunked'), 400),
    'chunked on a line of its own': (framed('Transfer-Encoding:\r\n chunked'), 400),
    'a folded header': (call('A', 'X-A: b\r\n c'), 400),
    'a header hidden by a fold': (call('A', 'X-A: b\r\n Transfer-Encoding: chunked'), 400),
    'headers with _': (call('A', 'Content_Length: 3', 'Transfer_Encoding: chunked'), 'A', 'B'),
    'a length that is called hop-by-hop': (call('A', 'Connection: Content-Length'), 'A', 'B'),
    'HTTP/1.0': (call('A', line=OLD), 'A'),
    'HTTP/1.0 without Host': (call('A', line=OLD, host=None), 'A'),
    'HTTP/1.0, kept': (call('A', 'Connection: keep-alive', line=OLD), 'A', 'B'),
    'HTTP/1.0 in chunks': (framed(CHUNKED, line=OLD), 400),
    'no Host': (call('A', host=None), 400),
    'two Hosts': (call('A', 'Host: b'), 400),
    'a whole URL': (call('A', line='POST http://b/v1/XXXModel HTTP/1.1'), 'A', 'B'),
    'many at once': (call('A') + call('C') + call('D'), 'A', 'C', 'D', 'B'),
    'chunks': (framed(CHUNKED), 'A', 'B'),
    'chunks with an extension': (framed(CHUNKED, body=CHUNKS.replace(b'c\r\n', b'c;d=e\r\n', 1)), 'A', 'B'),
    'chunks with a trailer': (framed(CHUNKED, body=CHUNKS[:-2] + b'Content-Length: 99\r\n\r\n'), 'A', 'B'),
    'a chunk without a number': (framed(CHUNKED, body=b'zz\r\n' + BODY), 400),
    'Expect: 100-continue': (call('A', 'Expect: 100-continue'), 100, 'A', 'B'),
    'another Expect': (call('A', 'Expect: b'), 'A', 'B'),
    'a tunnel': (head(line='CONNECT example.com:443 HTTP/1.1'), 400),
    'HTTP/2': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400),
}


@pytest.fixture(scope='module')
def nginx(service, tmp_path_factory):
    with Nginx(tmp_path_factory.mktemp('nginx'), service.port, UNLIMITED) as running:
        yield running


def outcome(answer):
    """Return the name that an answer greets, or its status."""
    return answer.body.decode().split('Hello, ')[1][0] if answer.status == 200 else answer.status


@pytest.mark.parametrize('request_, expected', [(row[0], row[1:]) for row in REQUESTS.values()], ids=REQUESTS)
def test_each_request_gets_its_own_answer_and_none_is_smuggled(service, nginx, connect, request_, expected):
    connection = connect(nginx)
    connection.send(request_ + call('B', 'Connection: close'))
    answers = connection.answers()
    assert tuple(map(outcome, answers)) == expected
    # Nothing is left on the connection that nginx keeps to the service.
    request_id = f'after-{time.perf_counter_ns()}'
    assert nginx.post({'name': 'E'}, headers={'X-Request-ID': request_id}).json() == {'result': 'Hello, E!'}
    wait_until(lambda: request_id in service.log)
    assert 'smuggled' not in service.log


def test_the_service_gets_no_header_of_the_connection_between_client_and_nginx(connect, tmp_path):
    """A listener in its place shows what it gets."""
    with socket.create_server(('127.0.0.1', 0)) as listener, Nginx(tmp_path, listener.getsockname()[1]) as nginx:
        connect(nginx).send(call('A', *H2C[:2], 'Expect: 100-continue', 'TE: trailers', 'Content_Length: 3'))
        with listener.accept()[0] as passed_on:
            head, _, body = passed_on.recv(65536).partition(b'\r\n\r\n')
    names = [line.partition(b':')[0].lower() for line in head.splitlines()[1:]]
    own = [b'host', b'x-request-id', b'x-forwarded-for', b'x-forwarded-proto']
    assert sorted(names) == sorted([*own, b'content-type', b'content-length'])
    assert body == BODY
