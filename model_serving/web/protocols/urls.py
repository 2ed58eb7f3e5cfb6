"""The tables of the other protocols' URLs."""

import re

from werkzeug.routing import BaseConverter

from ...serving.chains import names_of
from ...serving.errors import StartError
from ...utils.text_utils import did_you_mean
from ..health import HealthReady
from .base import LABELS, PredictRows, PredictTable, PredictTensors
from .handler import Handler, native_only
from .open_inference import ModelMetadata, ModelReady, RepositoryIndex, ServerLive, ServerMetadata, ServerReady
from .predict import MLFLOW, OPEN_INFERENCE, TENSORFLOW, Predictions
from .tensorflow_serving import ModelNames, VersionMetadata, VersionStatus


class Ping(HealthReady):
    """Whether the models can answer, for MLflow, SageMaker and Vertex AI."""


PLAIN_PATH = re.compile(r'/|(/[\w.:~-]+)+', re.ASCII)
# Where the default model is called.
DEFAULT = '/invocations'
NAME = '<name:name>'
MODEL, VERSION, LABEL = f'/models/{NAME}', '/versions/<name:version>', '/labels/<name:label>'
PREDICT = (
    (PredictTensors, f'/v2{MODEL}/infer', f'/v2{MODEL}{VERSION}/infer'),
    (PredictRows, f'/v1{MODEL}:predict', f'/v1{MODEL}{VERSION}:predict', f'/v1{MODEL}{LABEL}:predict'),
    (PredictTable, f'/v<name:version>/{NAME}/invocations'),
)
OTHERS = (
    (ServerLive, '/v2/health/live'),
    (ServerReady, '/v2/health/ready'),
    (ModelReady, f'/v2{MODEL}/ready', f'/v2{MODEL}{VERSION}/ready'),
    (ModelMetadata, f'/v2{MODEL}', f'/v2{MODEL}{VERSION}'),
    (RepositoryIndex, '/v2/repository/index'),
    (ModelNames, '/v1/models'),
    (VersionStatus, f'/v1{MODEL}', f'/v1{MODEL}{VERSION}', f'/v1{MODEL}{LABEL}'),
    (VersionMetadata, f'/v1{MODEL}/metadata', f'/v1{MODEL}{VERSION}/metadata', f'/v1{MODEL}{LABEL}/metadata'),
    (PredictTable, DEFAULT),
    (Ping, '/ping', '/health'),
)
# The paths where errors are written as a protocol writes them.
ERROR_PATHS = (
    (re.compile(r'/invocations|/v[^/]*/[^/]+/invocations', re.DOTALL), MLFLOW),
    # A model of version 2 has the URL /v2/<Name>.
    (re.compile(r'/v2/((models|health|repository|logging)/?|.+/.+)', re.DOTALL), OPEN_INFERENCE),
    (re.compile(r'/v1/models(/.*)?', re.DOTALL), TENSORFLOW),
)


class NameConverter(BaseConverter):
    """A name in a path. It ends before `:`, so that `X:predict` is not a name."""

    regex = '[^/:]+'


def add_protocols(app, api, default_model: str | None, vertex_predict: str | None, vertex_health: str | None):
    """Answer the URLs of the other protocols, and those that Vertex AI chooses for predictions and health.

    `default_model` is called where a URL names no model; None: the only model, if there is only one. Raises StartError
    if there is no such model.
    """
    app.url_map.converters['name'] = NameConverter
    app.handlers = {servable.url: Handler(servable, app) for servable in app.servables.values()}
    known = names_of(app.servables.values())
    app.models_by_path.update(app.servables)
    for resource, *rules in PREDICT + OTHERS:
        for servable in app.servables.values():
            for path in (path for rule in rules if NAME in rule for path in _paths_of(rule, servable, known)):
                app.models_by_path[path] = servable
                if hasattr(resource, 'post'):
                    app.predictions[path] = Predictions(resource.dialect, app.handlers[servable.url])
    default = _default(known, default_model)
    if default:
        app.predictions[DEFAULT] = Predictions(MLFLOW, app.handlers[default.url])
    _check_route('AIP_PREDICT_ROUTE', vertex_predict, app)
    _check_route('AIP_HEALTH_ROUTE', vertex_health, app)
    if vertex_predict:
        app.predictions[vertex_predict] = Predictions(TENSORFLOW, app.handlers[_for_vertex(default).url])
        api.add_resource(PredictRows, vertex_predict, endpoint='AIP_PREDICT_ROUTE')
    if vertex_health:
        api.add_resource(Ping, vertex_health, endpoint='AIP_HEALTH_ROUTE')
    app.models_by_path |= {path: predictions.servable for path, predictions in app.predictions.items()}
    api.add_resource(ServerMetadata, '/v2', endpoint='/v2', resource_class_args=(2,), strict_slashes=False)
    for resource, *rules in PREDICT + OTHERS:
        api.add_resource(resource, *rules, endpoint=rules[0])


def dialect_of(app, path: str):
    """Return the protocol that writes the errors at a path; None if they are our own."""
    predictions = app.predictions.get(path)
    if predictions:
        return predictions.dialect
    return next((dialect for pattern, dialect in ERROR_PATHS if pattern.fullmatch(path)), None)


def _paths_of(rule, servable, known):
    """Return the paths of a model that fit a rule: without a version, those of the highest one only."""
    if '<name:version>' not in rule and known[servable.name] is not servable:
        return []
    labels = LABELS if '<name:label>' in rule else ['']
    parts = [{'name': servable.name, 'version': str(servable.version), 'label': label} for label in labels]
    return [re.sub(r'<name:(\w+)>', lambda match, its=each: its[match[1]], rule) for each in parts]


def _default(known, name):
    if name is None:
        names = {servable.name for servable in known.values()}
        return known[names.pop()] if len(names) == 1 else None
    if name not in known:
        hint, there_are = did_you_mean(name, known), ', '.join(each for each in known if '/' not in each)
        raise StartError(f'[serving] default_model = {name}: there is no such model.{hint} There are: {there_are}')
    # That of a model file is made when it is loaded.
    reason = known[name].resource and native_only(known[name])
    if reason:
        raise StartError(f'[serving] default_model = {name}: other protocols do not serve it, since {reason}.')
    return known[name]


def _check_route(variable, route, app):
    """Raise StartError for a route of Vertex AI that is not a plain path, or that calls a model already."""
    if route and (not PLAIN_PATH.fullmatch(route) or route in app.servables or route in app.predictions):
        raise StartError(f'{variable} = {route} must be a path such as /predict, and not that of a model.')


def _for_vertex(default):
    if default is None:
        raise StartError(
            'AIP_PREDICT_ROUTE is set, and there are several models. Write which one is called: default_model = … '
            'below [serving] in conf/serving.conf.'
        )
    return default
