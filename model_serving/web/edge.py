"""The outermost layer: what happens to every request, whatever answers it."""

import logging
import random
import re
from time import perf_counter

LOGGER = logging.getLogger('access')
REQUEST_ID = 'model_serving.request_id'
SANE_REQUEST_ID = re.compile(r'[A-Za-z0-9._:/+=@-]{1,128}')


class Edge:
    """WSGI middleware: starts the models on first use, names each request, logs each answer."""

    def __init__(self, wsgi_app, readiness):
        self._wsgi_app = wsgi_app
        self._readiness = readiness

    def __call__(self, environ, start_response):
        if not self._readiness.started:
            self._readiness.start()
        started = perf_counter()
        request_id = environ.get('HTTP_X_REQUEST_ID', '')
        if not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = f'{random.getrandbits(64):016x}'
        environ[REQUEST_ID] = request_id
        answer = []

        def start_response_with_id(status, headers, exc_info=None):
            headers.append(('X-Request-ID', request_id))
            answer[:] = status, headers
            return start_response(status, headers, exc_info)

        body = self._wsgi_app(environ, start_response_with_id)
        _log(environ, *answer, perf_counter() - started, request_id)
        return body


def _log(environ, status, headers, seconds, request_id):
    # The raw path: PATH_INFO is decoded, so it could hold line breaks that forge a line of the log.
    path = environ.get('RAW_URI') or environ.get('REQUEST_URI') or environ['PATH_INFO']
    length = next((value for name, value in headers if name == 'Content-Length'), '-')
    LOGGER.info(
        '%s "%s %s" %s %s %.1f ms %s',
        environ.get('REMOTE_ADDR') or '-',
        environ['REQUEST_METHOD'],
        path if path.isprintable() else ascii(path),
        status[:3],
        length,
        seconds * 1000,
        request_id,
    )
