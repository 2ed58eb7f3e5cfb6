"""The one place that puts things together."""

import logging

import jsonschema
from flask_cors import CORS

from .asgi import Front
from .formats import ModelFile, SchemaReader
from .resources.file_resource import file_resource
from .resources.model_resource import ModelResource
from .routes import ROUTES
from .serving.errors import StartError
from .serving.route import Route
from .serving.servable import Servable
from .utils import log_utils  # noqa: F401 - sets logging up, before the first line is logged
from .utils.conf_utils import Conf
from .web.access_log import AccessLog
from .web.application import Application
from .web.edge import Edge
from .web.errors import ServiceApi
from .web.health import HealthLive, HealthReady, WarmUp
from .web.limits import Limits
from .web.openapi import Document, OpenAPI
from .web.page import add_page
from .web.readiness import Readiness
from .web.rows import check

NOT_INSTALLED = '{0.url} is not served: it needs {0.needs}. Get it: .venv/bin/pip install -r requirements-examples.txt'


def create_app(routes=ROUTES, conf=None) -> Application:
    """Return the service as a Flask application; raises StartError where it can't be put together.

    Fork-safe models are loaded here. The others are loaded by the ASGI front, `app.extensions['front']`, when it
    starts in each worker, or else by `app.extensions['readiness']` at the first request.
    """
    check(routes)
    conf = conf or Conf()
    app = Application(__name__, conf.serving['max_body'])
    api = ServiceApi(app)
    CORS(app, send_wildcard=True, expose_headers=['X-Request-ID', 'Retry-After'])
    not_installed = {route.url: NOT_INSTALLED.format(route) for route in routes if not route.is_installed}
    for reason in not_installed.values():
        logging.getLogger('start').info(reason)
    served = _add_models(api, routes, conf, not_installed)
    servables = [servable for _, servable in served]
    app.extensions['servables'] = {servable.url: servable for servable in servables}
    app.extensions['not_installed'] = not_installed
    readiness = app.extensions['readiness'] = Readiness(app, servables)
    api.add_resource(HealthLive, '/health/live')
    api.add_resource(HealthReady, '/health/ready', resource_class_args=(readiness,))
    api.add_resource(WarmUp, '/_ah/warmup', resource_class_args=(readiness,))
    api.add_resource(OpenAPI, '/openapi.json', resource_class_args=(Document(app, servables),))
    if conf.serving['page']:
        add_page(app, api)
    limits = Limits(app.extensions['servables'], conf.serving['max_body'])
    access_log = AccessLog() if conf.serving['access_log'] else None
    app.wsgi_app = Edge(app.wsgi_app, readiness, limits, access_log)
    app.extensions['front'] = Front(app, served, limits, access_log, conf.serving['max_bodies'])
    return app


def _add_models(api, routes, conf, not_installed):
    """Serve each route and each model file; returns pairs of resource and servable.

    Fork-safe models are loaded.
    """
    served = [(route.resource, _servable(route, conf)) for route in routes if route.url not in not_installed]
    conf.check_names({route.version_and_name[1] for route in routes} | set(conf.model_files()))
    for _, servable in served:
        if getattr(servable.model_class, 'load_before_fork', False):
            _load(servable)
    with SchemaReader() as reader:
        for name in conf.model_files():
            version, _ = Route(f'/v{conf.model(name)["version"]}/{name}', None, place=conf.place(name)).version_and_name
            served.append(_file_resource_and_servable(name, version, conf.model(name), reader))
    urls = set()
    for resource, servable in served:
        if servable.url in urls:
            raise StartError(f'{servable.url} is there twice, in routes.py or in the .conf files of models.')
        urls.add(servable.url)
        takes_servable = issubclass(resource, ModelResource)
        api.add_resource(
            resource,
            servable.url,
            endpoint=servable.endpoint,
            resource_class_args=(servable,) if takes_servable else (),
        )
    return served


def _servable(route, conf):
    version, name = route.version_and_name
    # A resource of the user's own brings its own model; to it nothing is made and nothing handed.
    own = not issubclass(route.resource, ModelResource)
    return Servable(
        name=name,
        version=version,
        model_class=None if own else route.model,
        schema=getattr(getattr(route.resource, 'post', None), 'schema', None),
        result_schema=getattr(route.resource, 'result_schema', None),
        settings=conf.model(name),
    )


def _file_resource_and_servable(name, version, settings, reader):
    """Return the resource and the servable of a model file, which says itself what its schemas are."""
    servable = Servable(name, version, lambda: ModelFile(settings)(), None, None, settings)
    try:
        file = servable.model_class = ModelFile(settings)
        if file.load_before_fork:
            _load(servable)
        resource = file_resource(name, *file.schemas(reader))
    except StartError as error:
        if settings['on_error'] == 'stop':
            raise StartError(f'{name}: {error}') from error
        # Each worker tries again; until that works any instance is answered 503 with the reason.
        resource = file_resource(name, {}, {})
    except (jsonschema.SchemaError, ValueError) as error:
        reason = getattr(error, 'message', error)
        raise StartError(f'{name}: with {settings["schema"]} its schema is no JSON Schema: {reason}') from error
    servable.schema, servable.result_schema = resource.post.schema, resource.result_schema
    return resource, servable


def _load(servable):
    try:
        servable.load()
    except StartError:
        if servable.settings['on_error'] == 'stop':
            raise
    except KeyboardInterrupt:
        raise
    # BaseException: models call sys.exit, and compiled libraries panic, which is no Exception.
    except BaseException as error:
        logging.getLogger(servable.name).exception('%s could not be loaded', servable.name)
        # Where it is to be skipped, each worker tries again, and says why it is not ready.
        if servable.settings['on_error'] == 'stop':
            raise StartError(f'{servable.url}: {servable.reason(error)}') from error
