"""Which model and which protocol the URLs for predictions belong to."""

import re

from flask import current_app
from werkzeug.routing import BaseConverter

from ..serving.chains import names_of
from ..serving.errors import StartError
from ..utils.text_utils import did_you_mean
from .dialects import MLFLOW, OPEN_INFERENCE, TENSORFLOW, Predictions

# The paths where errors have the shape of a protocol.
SHAPES = (
    (re.compile(r'/invocations|/v[^/]*/[^/]+/invocations'), MLFLOW),
    # A model of version 2 has the URL /v2/<Name>.
    (re.compile(r'/v2/(models|health|repository|logging|.+/.+)'), OPEN_INFERENCE),
    (re.compile(r'/v1/models(/.*)?'), TENSORFLOW),
)
# What TensorFlow Serving calls a label; the highest version has both.
LABELS = ('stable', 'latest')
# Where each protocol predicts: for the highest version of a model, and for each version.
NEWEST = (
    (OPEN_INFERENCE, '/v2/models/{0.name}/infer'),
    (TENSORFLOW, '/v1/models/{0.name}:predict'),
    *((TENSORFLOW, f'/v1/models/{{0.name}}/labels/{label}:predict') for label in LABELS),
)
EACH = (
    (OPEN_INFERENCE, '/v2/models/{0.name}/versions/{0.version}/infer'),
    (TENSORFLOW, '/v1/models/{0.name}/versions/{0.version}:predict'),
    (MLFLOW, '{0.url}/invocations'),
)


class NameConverter(BaseConverter):
    """A name in a path. It ends before `:`, so that `X:predict` is none."""

    regex = '[^/:]+'


def predictions_of(app, default_model: str | None, vertex_route: str | None) -> dict:
    """Return the Predictions of each URL of each protocol.

    `default_model` is called at /invocations, and at the route that Vertex AI chooses; None: the only model, if there
    is only one. Raises StartError if there is no such model.
    """
    servables = app.servables.values()
    found, newest = {}, names_of(servables)
    for servable in servables:
        for dialect, url in EACH + (NEWEST if newest[servable.name] is servable else ()):
            found[url.format(servable)] = Predictions(dialect, servable, app)
    default = _default(newest, default_model)
    if default:
        found['/invocations'] = Predictions(MLFLOW, default, app)
    if vertex_route and not default:
        raise StartError(
            'AIP_PREDICT_ROUTE is set, and there are several models. Say which one it calls: [serving] default_model'
        )
    if vertex_route:
        found[vertex_route] = Predictions(TENSORFLOW, default, app)
    return found


def dialect_of(path: str):
    """Return the protocol in whose shape errors at a path are answered; None for our own."""
    predictions = current_app.predictions.get(path)
    if predictions:
        return predictions.dialect
    return next((dialect for pattern, dialect in SHAPES if pattern.fullmatch(path)), None)


def _default(known, name):
    if name is None:
        names = {servable.name for servable in known.values()}
        return known[names.pop()] if len(names) == 1 else None
    if name not in known:
        raise StartError(
            f'[serving] default_model = {name}: there is no such model.{did_you_mean(name, known)} '
            f'There are: {", ".join(known)}'
        )
    return known[name]
