"""What of gunicorn is replaced, for speed: its threaded worker and its access log."""

import select

from gunicorn.glogging import Logger as StockLogger
from gunicorn.workers.gthread import _DEFER, ThreadWorker

# How long a thread waits for a client's request, in milliseconds, before the poller does.
LINGER = 10


class Logger(StockLogger):
    """Leaves the line of each request to the edge; the stock logger puts its own together and then drops it."""

    def access(self, *answer):
        pass


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
        if not conn.initialized and not conn.data_ready:
            conn.data_ready = _readable(conn.sock)
            if not conn.data_ready:
                return _DEFER
        keep = super().handle(conn)
        while keep is True and self.alive and self.tpool._work_queue.empty():
            if not conn.parser.unreader.buf.getvalue() and not _readable(conn.sock):
                break
            keep = super().handle(conn)
        return keep

    def _cap_keepalive(self, deadline):
        """When the worker stops, connections that never sent a request need not be waited for either."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def _readable(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(LINGER))
