"""The outermost layer under a WSGI server, around Flask: what asgi.py does on an event loop."""

from time import perf_counter

from ..serving import deadlines
from .request import REQUEST_ID, request_id


class Edge:
    """WSGI middleware: starts the models on first use, names each request, sets its deadline, logs each answer."""

    def __init__(self, wsgi_app, readiness, limits, access_log):
        """`limits(url)` are the settings of a URL; `access_log` is None when it is off."""
        self._wsgi_app = wsgi_app
        self._readiness = readiness
        self._limits = limits
        self._access_log = access_log

    def __call__(self, environ, start_response):
        if REQUEST_ID in environ:
            return self._wsgi_app(environ, start_response)  # asgi.py has done all this
        if not self._readiness.started:
            self._readiness.start()
        started = perf_counter()
        own_id = environ[REQUEST_ID] = request_id(environ.get('HTTP_X_REQUEST_ID'))
        answer = []

        def start_response_with_id(status, headers, exc_info=None):
            headers.append(('X-Request-ID', own_id))
            answer[:] = status, headers
            return start_response(status, headers, exc_info)

        deadline = deadlines.begin(started, self._seconds(environ))
        try:
            body = self._wsgi_app(environ, start_response_with_id)
        finally:
            deadlines.end(deadline)
        if self._access_log is not None:
            status, headers = answer
            length = next((value for name, value in headers if name == 'Content-Length'), '-')
            # The raw path: PATH_INFO is decoded, so it could hold line breaks that forge a line of the log.
            path = environ.get('RAW_URI') or environ.get('REQUEST_URI') or environ['PATH_INFO']
            ms = (perf_counter() - started) * 1000
            client = environ.get('REMOTE_ADDR') or '-'
            self._access_log.add(client, environ['REQUEST_METHOD'], path, status[:3], length, ms, own_id)
        return body

    def _seconds(self, environ):
        timeout = self._limits(environ['PATH_INFO'])['timeout']
        try:
            return deadlines.read(environ.get('HTTP_X_REQUEST_TIMEOUT'), timeout)
        except ValueError:
            return timeout  # Flask refuses it: web/application.py
