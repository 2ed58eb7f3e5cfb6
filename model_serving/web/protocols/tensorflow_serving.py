"""TensorFlow Serving's URLs beside those for predictions: models, and the states and signatures of their versions."""

from flask import current_app

from ...dialects import tensorflow_serving
from .base import Protocol, handler_of, servable_named
from .predict import TENSORFLOW


class ModelNames(Protocol):
    """The names of the models."""

    tag, answer, statuses = TENSORFLOW.title, 'TFModels', {}

    def get(self):
        return {'models': list(dict.fromkeys(servable.name for servable in current_app.servables.values()))}


class VersionStatus(Protocol):
    """The state of a version of a model, or of all its versions."""

    tag, answer = TENSORFLOW.title, 'TFStatus'

    def get(self, **names):
        servable = servable_named(**names)
        others = [servable] if len(names) > 1 else current_app.servables.values()
        problems = {each.version: each.problem for each in others if each.name == servable.name}
        return tensorflow_serving.status_of(servable.name, dict(sorted(problems.items())))


class VersionMetadata(Protocol):
    """The signature of a model. `no_tensors` says why a model has none."""

    tag, answer = TENSORFLOW.title, 'TFMetadata'

    def get(self, **names):
        servable = servable_named(**names)
        return tensorflow_serving.metadata(servable.name, servable.version, handler_of(servable).signature)
