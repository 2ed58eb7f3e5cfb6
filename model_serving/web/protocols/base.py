"""What the URLs of other protocols have in common, and the URLs for predictions."""

from flask import current_app, g, request
from flask_restful import Resource
from werkzeug.exceptions import NotFound

from ...serving import event_loop
from ...serving.chains import names_of
from ...utils.text_utils import did_you_mean
from .handler import Caller
from .predict import MLFLOW, OPEN_INFERENCE, TENSORFLOW

# What TensorFlow Serving calls labels; both are those of the highest version.
LABELS = ('stable', 'latest')
NO_DEFAULT = (
    'Several models are served, and none is the default. POST to /v<version>/<name>/invocations, or write '
    'default_model = <name> below [serving] in conf/serving.conf.'
)
NO_MODEL = {404: 'There is no such model'}
NOT_READY = {503: 'A model cannot answer'}
PREDICT_ERRORS = {
    **NO_MODEL,
    400: 'The body is not valid: the message names the place in it',
    401: 'The service asks for an API key, and the request has none that is valid',
    403: 'The API key is for other models',
    413: 'The body is larger than the service accepts',
    429: 'Too many requests wait for this model, or the rate limit is reached',
    500: 'The model failed on one of the rows',
    503: 'The model cannot answer at present',
    504: 'The model did not answer in time',
}


class Protocol(Resource):
    """A URL of a protocol. `tag`, and the schemas that `body`, `answer` and `error` name, are for /openapi.json."""

    tag, error = OPEN_INFERENCE.title, 'ProtocolError'
    statuses = {**NO_MODEL, **NOT_READY}


class Predict(Protocol):
    """Predict the rows of a request, all of them or none.

    The guide [Clients of other servers](clients.md) says what a row may be.
    """

    statuses = PREDICT_ERRORS

    def post(self, **names):
        predictions = current_app.predictions.get(request.path)
        if predictions is None:
            raise NotFound(_reason(**names) if names else NO_DEFAULT)
        headers = {name.lower(): value for name, value in request.headers.items()}
        caller = Caller(headers, request.remote_addr or '', dict(vars(g)))
        answer = predictions.answer(request.get_data(), caller)
        return event_loop.run(answer, predictions.servable.name, predictions.settings['timeout'])


class PredictTensors(Predict):
    __doc__ = Predict.__doc__
    dialect, body, answer = OPEN_INFERENCE, 'OIPRequest', 'OIPResponse'


class PredictRows(Predict):
    __doc__ = Predict.__doc__
    dialect, tag, body, answer = TENSORFLOW, TENSORFLOW.title, 'TFRequest', 'TFResponse'


class PredictTable(Predict):
    __doc__ = Predict.__doc__
    dialect, tag, body, answer, error = MLFLOW, MLFLOW.title, 'MLflowRequest', 'MLflowResponse', 'MLflowError'


def _reason(**names):
    """Return why there are no predictions at the path of a request."""
    try:
        servable_named(**names)
    except NotFound as error:
        return error.description
    return f'Nothing is served at {request.path[:100]}.'


def handler_of(servable):
    """Return the handler of a model as other protocols call it."""
    return current_app.handlers[servable.url]


def versions_of(name) -> list:
    """Return the versions of a model."""
    return sorted(servable.version for servable in current_app.servables.values() if servable.name == name)


def servable_named(name, version=None, label=None):
    """Return a model by its name, its version if it is not the highest, or a label; raises NotFound."""
    known = names_of(current_app.servables.values())
    servable = known.get(name if version is None else f'v{version}/{name}')
    if servable and (label is None or label in LABELS):
        return servable
    reason = current_app.not_installed.get(f'/v{version or 1}/{name}')
    if reason:
        raise NotFound(reason)
    if name not in known or '/' in name:
        names = [each for each in known if '/' not in each]
        raise NotFound(f'There is no model {name[:60]!r}.{did_you_mean(name, names)} There are: {", ".join(names)}')
    if label is not None:
        there_are = f'There are {" and ".join(LABELS)}, both of the highest version.'
        raise NotFound(f'{name} has no label {label[:40]!r}. {there_are}')
    raise NotFound(f'{name} has no version {str(version)[:20]}. There are: {", ".join(map(str, versions_of(name)))}')
