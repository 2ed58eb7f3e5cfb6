"""What the URLs of other protocols have in common."""

from flask import current_app, request
from flask_restful import Resource
from werkzeug.exceptions import NotFound

from ..serving import event_loop
from ..serving.chains import names_of
from ..utils.text_utils import did_you_mean
from .dialects import OPEN_INFERENCE, Head
from .handlers import native_only
from .protocol_urls import LABELS

NO_DEFAULT = (
    'Several models are served, and none of them is the default one. POST to /v<version>/<name>/invocations, or write '
    'default_model = <name> below [serving] in conf/serving.conf.'
)
NO_MODEL = {404: 'There is no such model'}
NOT_READY = {503: 'A model cannot answer'}
PREDICT_ERRORS = {
    **NO_MODEL,
    400: 'The body is not valid: the message names the place in it',
    413: 'The body is larger than the service accepts',
    429: 'Too many requests wait for this model',
    500: 'The model failed on one of the rows',
    503: 'The model cannot answer at present',
    504: 'The model did not answer in time',
}


class Protocol(Resource):
    """What URLs of one protocol have in common; /openapi.json has its `tag`, and the schemas by their names."""

    tag, error = OPEN_INFERENCE.title, 'ProtocolError'
    statuses = NO_MODEL


class Predict(Protocol):
    """Predict the rows of a request, all of them or none."""

    body, answer = 'OIPRequest', 'OIPResponse'
    statuses = PREDICT_ERRORS

    def post(self, **names):
        predictions = current_app.predictions.get(request.path)
        if predictions is None:
            raise NotFound(NO_DEFAULT if not names else _not_served(**names))
        read = predictions.read(request.get_data(), head_of(request.headers.get))
        servable = predictions.servable
        return event_loop.run(predictions.answer(read), servable.name, servable.settings['timeout'])


def head_of(get) -> Head:
    """Return the headers that count here; `get(name, '')` returns one."""
    return Head(get('Content-Type', ''), get('Inference-Header-Content-Length', ''), get('Accept-Encoding', ''))


def signature_for(servable):
    """Return the signature of a model, whose `problem` also says whether other protocols serve it at all."""
    reason = native_only(servable)
    signature = current_app.predictions[f'/v2/models/{servable.name}/versions/{servable.version}/infer'].signature
    return signature._replace(problem=reason) if reason else signature


def versions_of(name) -> list:
    """Return the versions of a model."""
    return sorted(servable.version for servable in current_app.servables.values() if servable.name == name)


def _not_served(**names):
    """Return why there are no predictions at the path of a request."""
    try:
        return f'Write the version of {servable_named(**names).name} without zeros before it.'
    except NotFound as error:
        return error.description


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
        raise NotFound(f'{name} has no label {label[:40]!r}. The highest version is {" and ".join(LABELS)}.')
    raise NotFound(f'{name} has no version {str(version)[:20]}. There are: {", ".join(map(str, versions_of(name)))}')
