"""The access log: a line for each request, written by a thread of its own."""

import logging
import threading
from queue import Empty, SimpleQueue
from time import time

LOGGER = logging.getLogger('access')
LINE = '%s "%s %s" %s %s %.1f ms %s'
# How long a line may wait for its neighbours, in seconds.
LINGER = 0.05
MARK = '\0'


class AccessLog:
    """Collects lines and writes those of a twentieth of a second at once.

    Written by the request's thread, a line cost as much as the rest of the request: each write gives the
    interpreter to another thread. What a killed process had not written yet, 50 ms of lines, is lost with it.
    """

    def __init__(self):
        self._queue = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = None
        self._starting = threading.Lock()

    def add(self, client, method, path, status, length, seconds, request_id):
        """Note an answer: its status, its Content-Length or `-`, how long it took; `path` as the client sent it."""
        self._queue.put((time(), client, method, path, status, length, seconds * 1000, request_id))
        if self._thread is None:
            self._start()

    def close(self):
        """Write what is left."""
        self._stopping.set()
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
        going_on, lost, reason = True, 0, None
        while going_on:
            answers = [self._queue.get()]
            self._stopping.wait(LINGER)
            try:
                while True:
                    answers.append(self._queue.get_nowait())
            except Empty:
                pass
            going_on = None not in answers
            answers = [answer for answer in answers if answer is not None]
            messages = [_message(*answer) for answer in answers]
            if lost:
                # The first, since what was written last may have been cut in the middle of a line.
                messages.insert(0, f'{lost} lines before could not be written: {reason}')
            try:
                if messages:
                    _write(answers[0][0] if answers else time(), messages)
                lost = 0
            # A full disk, say: the thread goes on, or lines would pile up in memory.
            except Exception as error:
                lost, reason = lost + len(answers), error


def _message(_created, client, method, path, *others):
    return LINE % (client, method, path if path.isprintable() else ascii(path), *others)


def _write(created, messages):
    """Hand the messages to the handlers that conf/logging.conf names; a stream gets all of them in one write."""
    logger = LOGGER
    while logger is not None:
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                # Formatted once for all: lines of the same twentieth of a second have the same time.
                before, after = handler.format(_record(created, MARK)).split(MARK)
                with handler.lock:
                    handler.stream.write(''.join(f'{before}{message}{after}\n' for message in messages))
                    handler.flush()
            else:
                for message in messages:
                    handler.handle(_record(created, message))
        logger = logger.parent if logger.propagate else None


def _record(created, message):
    record = LOGGER.makeRecord(LOGGER.name, logging.INFO, __file__, 0, message, (), None)
    record.created, record.msecs = created, created % 1 * 1000
    return record
