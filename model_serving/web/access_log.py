"""The access log: a line for each request, written outside of the request."""

import atexit
import logging
import threading
import time
from collections import deque

from .request import raw_uri

LOGGER = logging.getLogger('access')
LINE = '%s "%s %s" %s %s %.1f ms %s'
# How often the lines are written, in seconds.
INTERVAL = 0.05
MARK = '\0'


class AccessLog:
    """Collects answers, and writes those of a twentieth of a second at once: a tenth of the cost of writing each one.

    An answer is the request's ASGI scope, the status, the Content-Length or `-`, milliseconds and the request's id.
    What a killed process had not written yet is lost with it.
    """

    def __init__(self):
        self.answers = deque()
        # A signal handler may write while the thread is writing.
        self._writing = threading.RLock()
        self._unwritten, self._reason = 0, None
        atexit.register(self.write)

    def start(self):
        """Start the thread that writes the lines; after the fork."""
        threading.Thread(target=self._run, name='access log', daemon=True).start()

    def _run(self):
        while True:
            time.sleep(INTERVAL)
            self.write()

    def write(self):
        """Write all pending lines; also called at the end of the process, when the thread is gone."""
        with self._writing:
            lines = [_line(*self.answers.popleft()) for _ in range(len(self.answers))]
            if not lines:
                return
            # What was not written is counted first, since the last line before may have been cut in the middle.
            before = [f'{self._unwritten} lines before could not be written: {self._reason}'] if self._unwritten else []
            try:
                _write(before + lines)
                self._unwritten = 0
            # A full disk, say: the lines are given up, or they would pile up in memory.
            except Exception as error:
                self._unwritten, self._reason = self._unwritten + len(lines), error


def _line(scope, *others):
    # The raw path: the decoded one could hold line breaks that forge a line of the log.
    uri = raw_uri(scope)
    client = (scope.get('client') or '-')[0]
    return LINE % (client, scope['method'], uri if uri.isprintable() else ascii(uri), *others)


def _write(lines):
    """Hand the lines to the handlers that conf/logging.conf names; a stream gets all of them in one write."""
    logger = LOGGER
    while logger is not None:
        for handler in logger.handlers:
            # A file that is not opened yet has no stream.
            if getattr(handler, 'stream', None):
                # Formatted once for all: lines of the same twentieth of a second have the same time.
                before, after = handler.format(_record(MARK)).split(MARK)
                with handler.lock:
                    handler.stream.write(''.join(f'{before}{line}{after}\n' for line in lines))
                    handler.flush()
            else:
                for line in lines:
                    handler.handle(_record(line))
        logger = logger.parent if logger.propagate else None


def _record(line):
    return LOGGER.makeRecord(LOGGER.name, logging.INFO, __file__, 0, line, (), None)
