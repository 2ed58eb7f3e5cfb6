"""The access log: a line for each request, written by a thread of its own."""

import logging
import threading
from queue import Empty, SimpleQueue

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
        self._queue = SimpleQueue()
        self._closing = threading.Event()
        self._thread = None
        self._starting = threading.Lock()

    def add(self, *answer):
        """Note an answer: client, method, path as it was sent, status, Content-Length or `-`, ms, request id."""
        self._queue.put(answer)
        if self._thread is None:
            self._start()

    def close(self):
        """Write what is left."""
        self._closing.set()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _start(self):
        # At the first line, so in the process that serves and not in the one that forked it.
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='access log', daemon=True)
                self._thread.start()

    def _run(self):
        lost, answers = [], []
        while None not in answers:
            answers = [self._queue.get()]
            self._closing.wait(LINGER)
            try:
                while True:
                    answers.append(self._queue.get_nowait())
            except Empty:
                pass
            # What was not written is counted first, since the last line before may have been cut in the middle.
            count, reason = lost or (0, None)
            lines = [f'{count} lines before could not be written: {reason}'] if count else []
            lines += [_line(*answer) for answer in answers if answer is not None]
            try:
                _write(lines)
                lost = []
            # A full disk, say: the thread goes on, or lines would pile up in memory.
            except Exception as error:
                lost = [count + len(answers), error]


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
