"""The Flask application, and what it does around a request that does not come through the ASGI front."""

from time import perf_counter
from typing import NamedTuple

from flask import Flask, current_app, g, request
from werkzeug.exceptions import BadRequest

from ..serving import deadlines
from . import access, proxies
from .access_log import AccessLog
from .request import KEY, REQUEST_ID, JSONRequest, request_id
from .strict_json import StrictJSONProvider

# How long a request may take at a URL that is not a model's, in seconds.
TIMEOUT = 30.0


class Call(NamedTuple):
    """What a POST calls, for the access log and the metrics; empty texts for any other request."""

    model: str = ''
    version: str = ''
    protocol: str = ''


NO_CALL = Call()


class Application(Flask):
    """Flask with our request and JSON, whose views can't end the server.

    `servables` holds the models by URL; `uploads`, by URL, the files that those take; `not_installed`, by URL, why a
    row of routes.py is not served. `predictions` holds, by URL, what other protocols answer, and `handlers`, by the URL
    of a model, how they call it. `models_by_path` holds the models by all of their paths, those of other protocols too.
    `keys`, `rate_limits`, `readiness`, `metrics` and `asgi_app`, the front, are set by app.py; `access_log` and
    `metrics` are None when off.
    An ASGI middleware goes around `asgi_app`, as one of WSGI goes around `wsgi_app`.
    """

    request_class = JSONRequest
    json_provider_class = StrictJSONProvider

    def __init__(self, import_name, settings: dict):
        super().__init__(import_name, static_folder=None)
        self.servables, self.uploads, self.not_installed = {}, {}, {}
        self.predictions, self.handlers, self.models_by_path = {}, {}, {}
        self.keys = self.rate_limits = self.readiness = self.metrics = self.asgi_app = None
        self.has_page, self.cors_origins = settings['page'], settings['cors_origins']
        self.trusted_proxies = settings['trusted_proxies']
        self.access_log = AccessLog(self.call_of, settings['log_health_checks']) if settings['access_log'] else None
        self._limits = {'max_body': settings['max_body'], 'timeout': TIMEOUT}
        # No redirect from `//v1/Name`.
        self.url_map.merge_slashes = False
        self.before_request(_begin)
        self.after_request(_end)
        self.teardown_request(lambda error: deadlines.end())

    def limits(self, url: str) -> dict:
        """Return `max_body` in bytes and `timeout` in seconds: the model's at this URL, or the service's."""
        found = self.servables.get(url) or self.predictions.get(url)
        return {'max_body': found.max_body, 'timeout': found.settings['timeout']} if found else self._limits

    def called_at(self, path: str):
        """Return the model that a POST to a path calls; None if there is none."""
        predictions = self.predictions.get(path)
        return predictions.servable if predictions else self.servables.get(path)

    def call_of(self, method: str, path: str) -> Call:
        """Return what a request calls."""
        servable, predictions = self.called_at(path), self.predictions.get(path)
        if servable is None or method != 'POST':
            return NO_CALL
        return Call(servable.name, str(servable.version), predictions.dialect.name if predictions else 'native')

    def write(self):
        """Write what has been noted for the access log and the metrics, at the end of the process."""
        if self.access_log:
            self.access_log.write()
        if self.metrics:
            self.metrics.flush()

    def wsgi_app(self, environ, start_response):
        """Answer a request. Without the front, the first request loads the models."""
        if not self.readiness.started:
            self.readiness.start()
        if self.trusted_proxies and REQUEST_ID not in environ:
            _correct(environ, self.trusted_proxies)
        return super().wsgi_app(environ, start_response)

    def dispatch_request(self):
        """Call the view. A view that calls sys.exit fails like one that raises any other exception."""
        try:
            return super().dispatch_request()
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise RuntimeError(f'{type(error).__name__} was raised by the handler.') from error


def _correct(environ, trusted):
    """Write the client and the scheme that trusted proxies tell into the environment of a request."""
    peer, scheme = environ.get('REMOTE_ADDR', ''), environ['wsgi.url_scheme']
    sent = (environ.get(f'HTTP_X_FORWARDED_{name}', '') for name in ('FOR', 'PROTO'))
    environ['REMOTE_ADDR'], environ['wsgi.url_scheme'] = proxies.client_and_scheme(trusted, peer, scheme, *sent)


def _begin():
    """Give the request an id and a deadline, and admit its caller, unless the front has; return a preflight's answer.

    Raises BadRequest for an invalid X-Request-Timeout.
    """
    timeout = request.headers.get('X-Request-Timeout')
    timeout = None if timeout is None else timeout.encode()
    if REQUEST_ID not in request.environ:
        g.arrived = perf_counter()
        request.environ[REQUEST_ID] = request_id(request.headers.get('X-Request-ID', ''))
        deadlines.begin(g.arrived, deadlines.of_header(timeout, current_app.limits(request.path)['timeout']))
        access.admit()
    elif current_app.keys.is_on:
        # A middleware may have rewritten the path since the front has checked it.
        access.authorize(current_app, request.environ[KEY], request.method, request.path)
    if not deadlines.is_valid(timeout):
        sent = timeout[:40].decode(errors='replace')
        raise BadRequest(f'X-Request-Timeout must be a number of seconds above 0, such as 2.5, not {sent!r}.')
    # A preflight comes without a key, so it calls no resource, and does not tell which URLs there are.
    return current_app.response_class() if request.method == 'OPTIONS' and current_app.keys.is_on else None


def _end(response):
    """Add the request's id to the answer, note it for the access log and count it, unless the front does."""
    if 'arrived' in g:
        own_id = response.headers['X-Request-ID'] = request.environ[REQUEST_ID]
        seconds = perf_counter() - g.arrived
        if current_app.metrics:
            current_app.metrics.durations_of(request.method, request.path)[response.status_code].append(seconds)
            current_app.metrics.flush()
        if current_app.access_log:
            path = request.environ.get('RAW_URI') or request.environ.get('REQUEST_URI') or request.path
            scope = {'client': (request.remote_addr or '-',), 'method': request.method, 'path': request.path}
            scope['raw_path'] = path.partition('?')[0].encode('latin-1', 'replace')
            length, batches = response.headers.get('Content-Length'), deadlines.of_call(0).batches
            answer = scope, response.status_code, length, seconds, own_id, batches, request.environ.get(KEY)
            current_app.access_log.answers.append(answer)
    return response
