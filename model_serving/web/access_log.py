"""The access log: a line for each request, written outside of the request."""

import atexit
import logging
import threading
from collections import deque

LOGGER = logging.getLogger('access')
LINE = '%s "%s %s" %s %s %.1f ms %s'
# How long a line may wait for its neighbours, in seconds.
LINGER = 0.05
MARK = '\0'


class AccessLog:
    """Collects lines and writes those of a twentieth of a second at once, which costs a tenth of writing each one.

    What a killed process had not written yet is lost with it.
    """

    def __init__(self):
        self._answers = deque()
        self._is_due = False
        # A signal handler may write while its thread is writing.
        self._writing = threading.RLock()
        self._unwritten, self._reason = 0, None
        atexit.register(self.write)

    def add(self, *answer):
        """Note an answer: client, method, path as it was sent, status, Content-Length or `-`, ms, request id."""
        self._answers.append(answer)
        if not self._is_due:
            self._schedule()

    def _schedule(self):
        self._is_due = True
        timer = threading.Timer(LINGER, self._write_scheduled)
        timer.daemon = True
        timer.start()

    def _write_scheduled(self):
        self.write()
        self._is_due = False
        if self._answers:  # noted between these two lines
            self._schedule()

    def write(self):
        """Write what was noted; at the end of the process nobody else does."""
        with self._writing:
            answers = [self._answers.popleft() for _ in range(len(self._answers))]
            # What was not written is counted first, since the last line before may have been cut in the middle.
            lines = [f'{self._unwritten} lines before could not be written: {self._reason}'] if self._unwritten else []
            try:
                _write(lines + [_line(*answer) for answer in answers])
                self._unwritten = 0
            # A full disk, say: the lines are given up, or they would pile up in memory.
            except Exception as error:
                self._unwritten, self._reason = self._unwritten + len(answers), error


def _line(client, method, path, *others):
    return LINE % (client, method, path if path.isprintable() else ascii(path), *others)


def _write(lines):
    """Hand the lines to the handlers that conf/logging.conf names; a stream gets all of them in one write."""
    logger = LOGGER
    while logger is not None:
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
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
