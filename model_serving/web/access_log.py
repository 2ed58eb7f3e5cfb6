"""The access log: a line for each request, written outside of the request."""

import atexit
import logging
import re
import threading
import time
from collections import deque

from ..serving import secrets
from ..utils.log_format import Formatter
from ..utils.text_utils import printable

LOGGER = logging.getLogger('access')
LINE = '%s "%s" %s %s %.1f ms %s'
# Health checks, and /metrics.
HEALTH = re.compile(r'/health(/live|/ready)?|/_ah/warmup|/ping|/v2/health/(live|ready)|/v2/models/.+/ready|/metrics')
# How often the lines are written, in seconds.
INTERVAL = 0.05
MARK = '\0'


class AccessLog:
    """Collects answers, and writes those of a twentieth of a second at once: a tenth of the cost of writing each one.

    An answer is the request's ASGI scope, the status, the length of its body or None, the seconds that it took, the
    request's id, the `batches` of its deadlines.Request, and the API key of its caller or None. What a killed process
    had not written yet is lost with it.
    """

    def __init__(self, call_of, logs_health: bool):
        """`call_of(method, path)` returns what a request calls; `logs_health`: log health checks that succeed too."""
        self.answers = deque()
        self._call_of, self._logs_health = call_of, logs_health
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
            answers = [self.answers.popleft() for _ in range(len(self.answers))]
            try:
                lines = [self._line(*answer) for answer in answers if self._is_logged(*answer)]
                if lines:
                    _write(self._unwritten_before() + lines)
                    self._unwritten = 0
            # A full disk, say: the lines are given up, or they would pile up in memory.
            except Exception as error:
                self._unwritten, self._reason = self._unwritten + len(answers), error

    def _unwritten_before(self):
        """Return the line that counts what was not written. It is first: the last line may have been cut off."""
        lost = f'{self._unwritten} lines before could not be written: {self._reason}'
        return [(lost, {})] if self._unwritten else []

    def _is_logged(self, scope, status, *_):
        is_health = scope['method'] != 'POST' and HEALTH.fullmatch(scope['path'])
        return self._logs_health or status != 200 or not is_health

    def _line(self, scope, status, length, seconds, request_id, batches, key):
        """Return the text of a line, and for JSON what it says."""
        # Without the query, which may hold a key.
        path = printable((scope.get('raw_path') or scope['path'].encode()).decode('latin-1')).replace('"', '%22')
        client, request = (scope.get('client') or '-')[0] or '-', f'{printable(scope["method"])} {path}'
        if not Formatter.is_json:
            caller = f'{client} {key.name}' if key else client
            return LINE % (caller, request, status, length or '-', seconds * 1000, request_id), {}
        # The thread of a batch may end when its caller has been told that it is late.
        batches = list(batches.values())
        return request, {
            'request_id': request_id,
            'client': client,
            'key': key.name if key else None,
            'method': scope['method'],
            'path': path,
            **self._call_of(scope['method'], scope['path'])._asdict(),
            'status': status,
            'bytes': int(length) if length and length.isdigit() else None,
            'ms': round(seconds * 1000, 3),
            'queue_ms': _milliseconds([waited for waited, _ in batches]),
            'predict_ms': _milliseconds([predicted for _, predicted in batches]),
        }


def _milliseconds(seconds):
    """Return a sum in milliseconds; None if there is nothing to add."""
    return round(sum(seconds) * 1000, 3) if seconds else None


def _write(lines):
    """Hand the lines to the handlers that conf/logging.conf names; a stream gets all of them in one write."""
    logger = LOGGER
    while logger is not None:
        for handler in logger.handlers:
            # A file that is not opened yet has no stream.
            if getattr(handler, 'stream', None):
                written = _formatted(handler, lines)
                with handler.lock:
                    handler.stream.write(written)
                    handler.flush()
            else:
                for line in lines:
                    handler.handle(_record(*line))
        logger = logger.parent if logger.propagate else None


def _formatted(handler, lines):
    if Formatter.is_json:
        return ''.join(f'{handler.format(_record(*line))}\n' for line in lines)
    # Formatted once for all: lines of the same twentieth of a second have the same time.
    before, after = handler.format(_record(MARK)).split(MARK)
    return secrets.hidden(''.join(f'{before}{text}{after}\n' for text, _ in lines))


def _record(text, fields=None):
    return LOGGER.makeRecord(LOGGER.name, logging.INFO, __file__, 0, text, (), None, extra={'fields': fields or {}})
