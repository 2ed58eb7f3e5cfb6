"""Builds the Flask application: models, routes, health checks, documentation."""

import logging

from flask_cors import CORS

from .asgi import Front
from .formats import ModelFile
from .resources.model_resource import ModelResource
from .routes import ROUTES
from .serving.chains import names_of
from .serving.errors import StartError
from .serving.route import check_routes, version_and_name
from .serving.servable import Servable
from .utils import (
    log_format,
    log_utils,  # noqa: F401 - sets logging up, before the first line is logged
)
from .utils.conf_utils import Conf
from .web.api import ServiceApi
from .web.application import Application
from .web.health import HealthLive, HealthReady, WarmUp
from .web.keys import Keys, known_models, path_of
from .web.metrics import Metrics, MetricsResource
from .web.models import add_description, add_lists
from .web.openapi import Document, OpenAPI
from .web.page import add_page
from .web.protocols.urls import add_protocols
from .web.rate_limits import RateLimits
from .web.readiness import Readiness
from .web.uploads import Uploads

# The headers of an answer that a page of another site may read.
EXPOSED = ['X-Request-ID', 'Retry-After', 'Inference-Header-Content-Length']
HEALTH = ((HealthLive, '/health/live'), (HealthReady, '/health/ready'), (WarmUp, '/_ah/warmup'))
NOT_INSTALLED = '{0.url} is not served: it needs {0.needs}. Get it: .venv/bin/pip install -r requirements-examples.txt'


def create_app(routes=ROUTES, conf=None) -> Application:
    """Return the service as a Flask application; raises StartError if it can't start.

    Fork-safe models are loaded here. The others are loaded by the ASGI front, `app.extensions['front']`, when it
    starts in each worker, or else by `app.readiness` at the first request.
    """
    check_routes(routes)
    conf = conf or Conf()
    log_format.Formatter.is_json = conf.serving['log_format'] == 'json'
    app = Application(__name__, conf.serving)
    api = ServiceApi(app)
    _allow_origins(app, conf.serving['cors_origins'])
    app.not_installed = {route.url: NOT_INSTALLED.format(route) for route in routes if not route.is_installed}
    for reason in app.not_installed.values():
        logging.getLogger('start').info(reason)
    _add_servables(app, routes, conf)
    for servable in app.servables.values():
        if servable.resource:
            _add_resource(api, servable)
        _load_if_fork_safe(servable)
    add_protocols(app, api, conf.serving['default_model'], *conf.vertex_routes)
    _limit_access(app, routes, conf)
    add_lists(api, app.servables.values())
    app.readiness = Readiness(app, lambda servable: _add_resource(api, servable))
    for resource, path in HEALTH:
        api.add_resource(resource, path)
    api.add_resource(OpenAPI, '/openapi.json', resource_class_args=(Document(app),))
    if conf.serving['metrics']:
        app.metrics = Metrics(app)
        api.add_resource(MetricsResource, '/metrics')
    if conf.serving['page']:
        add_page(app, api)
    app.asgi_app = app.extensions['front'] = Front(app, conf.serving['max_bodies'])
    return app


def _allow_origins(app, origins):
    """Let the pages of these sites read the answers, `*` for all."""
    options = {'expose_headers': EXPOSED, 'allow_private_network': True, 'vary_header': False}
    CORS(app, origins=origins, send_wildcard='*' in origins, always_send='*' in origins, **options)
    if '*' not in origins:
        app.after_request(_for_this_origin)


def _for_this_origin(response):
    """Keep caches from giving the answer to one site to another."""
    response.vary.add('Origin')
    return response


def _limit_access(app, routes, conf):
    """Read the API keys and the rate limits."""
    settings = conf.serving
    app.keys = Keys(path_of(settings['api_keys']), known_models(routes, conf))
    # Without this a mistake in a path would let everybody in.
    if settings['api_keys'] and not app.keys.is_on:
        raise StartError(f'[serving] api_keys: there is no file {app.keys.path}. Make it: bin/new-key.sh NAME')
    app.rate_limits = RateLimits(app.servables.values(), settings['rate_limit_storage'], settings['rate_limit_failure'])


def _add_servables(app, routes, conf):
    """Make a servable for each row of routes.py and for each model file."""
    files = conf.model_files()
    conf.check_names([(route.version_and_name[1], _model_of(route)) for route in routes])
    servables = [_of_route(route, conf) for route in routes if route.url not in app.not_installed]
    servables += [_of_file(name, version, conf) for name, version in files]
    for servable in servables:
        if servable.url in app.servables:
            raise StartError(f'{servable.url} is defined twice, in routes.py or in conf/*.conf.')
        app.servables[servable.url] = servable
    names = names_of(servables)
    for servable in servables:
        servable.others = names


def _of_route(route, conf):
    version, name = route.version_and_name
    make_model = _model_of(route)
    arguments = conf.arguments(name, make_model)
    return Servable(name, version, make_model, conf.model(name), route.resource, arguments)


def _model_of(route):
    # Any other resource brings its own model, and the third value of its row is not used.
    return route.model if issubclass(route.resource, ModelResource) else None


def _of_file(name, version, conf):
    settings = conf.model(name, version)
    version_and_name(f'/v{version}/{name}', conf.place(name, version))
    return Servable(name, version, ModelFile(settings), settings)


def _add_resource(api, servable):
    takes_servable = issubclass(servable.resource, ModelResource)
    arguments = (servable,) if takes_servable else ()
    api.add_resource(servable.resource, servable.url, endpoint=servable.url, resource_class_args=arguments)
    add_description(api, servable)
    uploads = Uploads(servable.schema or {})
    if uploads.files:
        api.app.uploads[servable.url] = uploads


def _load_if_fork_safe(servable):
    """Load a fork-safe model, to be shared by the workers. With `on_error = skip` each worker may try again."""
    problem = servable.attempt(lambda: getattr(servable.make_model, 'load_before_fork', False) and servable.load())
    if problem and servable.settings['on_error'] == 'stop':
        raise StartError(f'{servable.url}: {problem}')
