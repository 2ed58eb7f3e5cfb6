"""The outermost layer: what happens to every request, whatever answers it."""

import random
import re
from time import perf_counter

from werkzeug.exceptions import BadRequest

from ..serving import deadlines
from .request import REFUSAL

REQUEST_ID = 'model_serving.request_id'
SANE_REQUEST_ID = re.compile(r'[A-Za-z0-9._:/+=@-]{1,128}')


class Edge:
    """WSGI middleware: starts the models on first use, names each request, logs each answer."""

    def __init__(self, wsgi_app, readiness, access_log):
        """`access_log` is None when it is off."""
        self._wsgi_app = wsgi_app
        self._readiness = readiness
        self._access_log = access_log

    def __call__(self, environ, start_response):
        if not self._readiness.started:
            self._readiness.start()
        started = perf_counter()
        request_id = environ.get('HTTP_X_REQUEST_ID')
        if request_id is None or not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = f'{random.getrandbits(64):016x}'
        environ[REQUEST_ID] = request_id
        answer = []

        def start_response_with_id(status, headers, exc_info=None):
            headers.append(('X-Request-ID', request_id))
            answer[:] = status, headers
            return start_response(status, headers, exc_info)

        asked = environ.get('HTTP_X_REQUEST_TIMEOUT')
        deadline = deadlines.begin(started, None if asked is None else _seconds(environ, asked))
        try:
            body = self._wsgi_app(environ, start_response_with_id)
        except Exception:
            raise
        except BaseException as error:
            # A model that calls sys.exit: in a thread of the server that would end the worker.
            environ[REFUSAL] = RuntimeError(f'{type(error).__name__} was raised by the handler.')
            environ[REFUSAL].__cause__ = error
            body = self._wsgi_app(environ, start_response_with_id)
        finally:
            deadlines.end(deadline)
        if self._access_log is not None:
            status, headers = answer
            length = next((value for name, value in headers if name == 'Content-Length'), '-')
            self._access_log.add(environ, status, length, perf_counter() - started, request_id)
        return body


def _seconds(environ, text):
    try:
        return deadlines.read(text)
    except ValueError as error:
        environ[REFUSAL] = BadRequest(str(error))
        return None
