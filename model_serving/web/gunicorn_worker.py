"""What of gunicorn is replaced, for speed: its threaded worker and its access log."""

import contextlib
import select
import socket
import struct
import sys

from gunicorn.glogging import Logger as StockLogger
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import _DEFER, ThreadWorker

# How long a thread waits for a client's request, in milliseconds, before the poller does.
LINGER = 10
# How long a thread waits for a client that stops in the middle of a request or of reading its answer, in seconds.
SILENCE = 30
TIMEVAL = struct.pack('ll', SILENCE, 0)
# How much of a body each thread asks the system for at once: gunicorn's 1 MiB is held several times over.
SocketUnreader.max_body_chunk = 128 * 1024
# How many pieces of what a client still sends are thrown away before its connection is cut.
MAX_PIECES = 64


class Logger(StockLogger):
    """Leaves the line of each request to the edge; the stock logger puts its own together and then drops it."""

    def access(self, *answer):
        pass

    def exception(self, message, *args, **kwargs):
        """Log the exception; a client that fell silent is no fault of ours, so without a traceback."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self.info('A client was silent for %s s in the middle of a request or an answer: let go.', SILENCE)
        else:
            super().exception(message, *args, **kwargs)


class Worker(ThreadWorker):
    """A threaded worker whose threads stay on their connections while no other request waits for a thread.

    The stock worker gives a kept-alive connection back to its main thread after each answer.

    That costs three switches of threads a request, and the busy main thread leaves new connections to the
    other workers, at times all of them to one.
    """

    def handle(self, conn):
        """Answer requests of `conn` while they follow each other closely; returns as the stock worker's does.

        The stock worker's thread waits 5 s for the first request of a connection; browsers open some that they
        never use, and a few of those would keep every thread.
        """
        if hasattr(conn, 'pieces_left'):
            return _drain(conn)
        if not conn.initialized and not conn.data_ready:
            conn.data_ready = _readable(conn.sock)
            if not conn.data_ready:
                return _DEFER
        if not conn.initialized:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEVAL)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, TIMEVAL)
        keep = super().handle(conn)
        while keep is True and self.alive and self.tpool._work_queue.empty():
            if not conn.parser.unreader.buf.getvalue() and not _readable(conn.sock):
                break
            keep = super().handle(conn)
        return keep or _end(conn)

    def _cap_keepalive(self, deadline):
        """When the worker stops, connections that never sent a request need not be waited for either.

        Who has connected is still answered, then the listeners are closed: the stock worker lets new clients wait
        until its last answer, and resets them all.
        """
        for listener in self.sockets:
            # A bound, since where only this worker ends, clients go on to connect to the others.
            for _ in range(self.worker_connections):
                if not _readable(listener, 0):
                    break
                self.accept(listener)
            listener.close()
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def _end(conn):
    """Close our side of a connection; the poller waits for the client's.

    The stock worker's main thread waits for it, up to 2 s for each connection, and meanwhile accepts no other.
    """
    conn.pieces_left = MAX_PIECES
    with contextlib.suppress(OSError):
        conn.sock.shutdown(socket.SHUT_WR)
    return _drain(conn)


def _drain(conn):
    """Throw away what the client still sends: closed with something unread, a connection may lose its answer."""
    with contextlib.suppress(OSError):
        while conn.pieces_left:
            if not _readable(conn.sock):
                return _DEFER
            if not conn.sock.recv(65536):
                return False
            conn.pieces_left -= 1
        # Closed with a reset, or the client would go on and wait for room that never comes; and without a delay.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        conn.sock.shutdown(socket.SHUT_RD)
    return False


def _readable(sock, milliseconds=LINGER):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(milliseconds))
