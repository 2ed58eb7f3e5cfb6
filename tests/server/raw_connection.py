"""A connection that sends any bytes and reads answers one by one, for what no HTTP client would send."""

import contextlib
import re
import resource
import socket
from typing import NamedTuple

from tests.conftest import with_constants
from tests.web.nasty_requests import head, post

LINE = 'POST /v1/XXXModel HTTP/1.1'
BODY = b'{"name":"Leo"}'
REQUEST = post(BODY, line=LINE)
# The server closes the connection after its answer.
LAST = post(BODY, 'Connection: close', line=LINE)
IN_CHUNKS = (
    head('Content-Type: application/json', 'Transfer-Encoding: chunked', line=LINE)
    + b'%x\r\n%s\r\n' % (len(BODY), BODY)
    + b'0\r\n\r\n'
)
# Files of a service that waits a second for silent clients, and as long for those that it has refused.
IMPATIENT = with_constants(server__protocol__SILENCE=1, front__failures__SILENCE=1, front__failures__DRAIN=1)
# The status and the body of the answer to such a request.
HELLO = (200, b'{"result":"Hello, Leo!"}\n')


class Answer(NamedTuple):
    """An answer as it came; the names of its headers are in small letters."""

    status: int
    headers: dict
    body: bytes

    @property
    def outcome(self) -> tuple:
        return self.status, self.body


class RawConnection:
    """A socket to a service. An answer that does not come within `timeout` seconds is a TimeoutError."""

    def __init__(self, service, sent=b'', timeout=20):
        self.socket = socket.create_connection(('127.0.0.1', service.port), timeout=timeout)
        self._stream = self.socket.makefile('rb')
        self.send(sent)

    def send(self, data, half_close=False):
        """Send what the server takes: it may have answered and closed the connection already."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)
            if half_close:
                self.socket.shutdown(socket.SHUT_WR)

    def read(self) -> bytes:
        """Return the next answer as it came, or nothing when the server has closed the connection."""
        head = b''
        with contextlib.suppress(ConnectionResetError):
            while not head.endswith(b'\r\n\r\n') and (line := self._stream.readline()):
                head += line
            length = re.search(rb'\r\ncontent-length: *(\d+)', head, re.IGNORECASE)
            return head + self._stream.read(int(length[1]) if length else 0)
        return head

    def exchange(self, data, half_close=False) -> bytes:
        self.send(data, half_close)
        return self.read()

    def answer(self) -> Answer | None:
        """Return the next answer, or None when the server has closed the connection."""
        head, _, body = self.read().partition(b'\r\n\r\n')
        if not head:
            return None
        line, *fields = head.decode('latin-1').split('\r\n')
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(':') for field in fields)}
        return Answer(int(line.split()[1]), headers, body)

    def answers(self) -> list:
        """Return all answers until the server closes the connection."""
        return list(iter(self.answer, None))

    def call(self, request=REQUEST) -> Answer | None:
        self.send(request)
        return self.answer()

    def close(self):
        self._stream.close()
        self.socket.close()


class Connections(contextlib.ExitStack):
    """Connections to a service, which are closed together."""

    def __init__(self, service):
        super().__init__()
        self._service = service
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def open(self, sent=b'', **options) -> RawConnection:
        """Return a new connection on which `sent` has been sent."""
        return self.enter_context(contextlib.closing(RawConnection(self._service, sent, **options)))

    def open_many(self, count, sent=b'') -> list:
        return [self.open(sent) for _ in range(count)]


def statuses(answers) -> list:
    return [answer.status for answer in answers]


def outcomes(answers) -> list:
    return [answer.outcome for answer in answers]
