"""A client's connection with few calls of the system: each gives the interpreter to another thread.

Stock gunicorn makes nine for a request; here it takes three, to wait, to receive and to send.
"""

import contextlib
import select
import selectors
import socket
import struct
from email.utils import formatdate
from functools import lru_cache
from time import time

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.unreader import SocketUnreader

from .hub import SILENCE, client_is_ready

TIMEVAL = struct.pack('ll', SILENCE, 0)
# How many pieces of what a client still sends are thrown away before its connection is cut.
MAX_PIECES = 64
# How much of a body that nobody wants gunicorn reads, for the sake of the next request; in bytes.
MOST_UNREAD = 64 * 1024
# How much of a body is asked of the system at once: gunicorn's 1 MiB is held several times over.
SocketUnreader.max_body_chunk = 128 * 1024


class SlowestClient(BlockingIOError):
    """A client is waited for no longer, since more are waited for than a worker can, and this one for longest."""


# Looked up once: these are called for every request.
RECV, SEND, DONT_WAIT = socket.socket.recv, socket.socket.send, int(socket.MSG_DONTWAIT)


class Socket(socket.socket):
    """A client's socket, whose hub goes on with others while the client is slow."""

    __slots__ = ()

    def recv(self, size, flags=0):
        """Receive; in no hub's request as any socket does."""
        while not flags:
            try:
                return RECV(self, size, DONT_WAIT)
            except BlockingIOError:
                if not client_is_ready(selectors.EVENT_READ):
                    break
        return RECV(self, size, flags)

    def sendall(self, data):
        """Send everything; in no hub's request as any socket does."""
        rest = data
        while rest:
            try:
                sent = SEND(self, rest, DONT_WAIT)
                if sent == len(rest):
                    return
                rest = memoryview(rest)[sent:]
            except BlockingIOError:
                if not client_is_ready(selectors.EVENT_WRITE):
                    return super().sendall(rest)

    def settimeout(self, seconds):
        """Leave how long to wait to the hub: with a time-out Python would wait within the call of the system."""
        if not seconds:
            super().settimeout(seconds)

    def setblocking(self, blocking):
        """Do nothing where it has this mode already: a call of the system less."""
        if self.getblocking() != blocking:
            super().setblocking(blocking)


class Response(wsgi.Response):
    """An answer whose head and first part of the body are sent as one."""

    def default_headers(self):
        """Return the head's first lines; they tell that the connection ends where the rest of a body is not read."""
        body = self.req.body
        if body.failed or getattr(body.reader, 'length', 0) > MOST_UNREAD:
            self.force_close()
        return super().default_headers()

    def write(self, part):
        if self.headers_sent:
            super().write(part)
            return
        client, self.sock = self.sock, Parts()
        try:
            super().write(part)
            head_and_part = b''.join(self.sock)
        finally:
            self.sock = client
        util.write(client, head_and_part)


class Parts(list):
    """Takes what would be sent."""

    sendall = list.append


@lru_cache(maxsize=1)
def _date(second):
    return formatdate(second, usegmt=True)


# gunicorn makes an answer in one place, which can be given another class, or a clock, in no other way.
wsgi.Response = Response
util.http_date = lambda: _date(int(time()))


def prepare(conn):
    """Make a new connection's socket one of ours."""
    conn.sock.__class__ = Socket
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEVAL)
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, TIMEVAL)


def end(conn):
    """Close our side of a connection, and wait for the client's.

    The stock worker's main thread waits for it, up to 2 s for each connection, and meanwhile accepts no other.
    """
    conn.pieces_left = MAX_PIECES
    if conn.parser is not None:
        # What came already counts no more; the stock worker would take it for the next request.
        conn.parser.unreader.take_buffered()
    with contextlib.suppress(OSError):
        conn.sock.shutdown(socket.SHUT_WR)
    return drain(conn)


def has_more(conn) -> bool:
    """Tell whether further requests have come already."""
    return conn.parser is not None and bool(conn.parser.unreader.buf.getvalue())


def drain(conn) -> bool:
    """Throw away what the client still sends: closed with something unread, a connection may lose its answer.

    Returns whether the client may still send.
    """
    with contextlib.suppress(OSError):
        while conn.pieces_left:
            try:
                if not conn.sock.recv(65536, socket.MSG_DONTWAIT):
                    return False
            except BlockingIOError:
                return True
            conn.pieces_left -= 1
        # Closed with a reset, or the client would go on and wait for room that never comes; and without a delay.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        conn.sock.shutdown(socket.SHUT_RD)
    return False


def is_readable(sock) -> bool:
    """Tell whether there is something to receive, or somebody to accept."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
