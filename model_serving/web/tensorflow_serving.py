"""TensorFlow Serving's URLs: models, and the states and signatures of their versions."""

from flask import current_app

from ..dialects import tensorflow_serving
from .dialects import TENSORFLOW
from .protocol import Predict, Protocol, servable_named, signature_for


class ModelNames(Protocol):
    """The names of the models."""

    tag, answer, statuses = TENSORFLOW.title, 'TFModels', {}

    def get(self):
        return {'models': list(dict.fromkeys(servable.name for servable in current_app.servables.values()))}


class VersionStatus(Protocol):
    """The state of a version of a model."""

    tag, answer = TENSORFLOW.title, 'TFStatus'

    def get(self, **names):
        servable = servable_named(**names)
        return tensorflow_serving.status_of(servable.name, servable.version, servable.problem)


class VersionMetadata(Protocol):
    """The signature of a model. `no_tensors` says why a model has none."""

    tag, answer = TENSORFLOW.title, 'TFMetadata'

    def get(self, **names):
        servable = servable_named(**names)
        return tensorflow_serving.metadata(servable.name, servable.version, signature_for(servable))


class PredictTensorFlow(Predict):
    __doc__ = Predict.__doc__
    tag, body, answer = TENSORFLOW.title, 'TFRequest', 'TFResponse'
