"""The Open Inference Protocol's URLs beside those for predictions: this server, its health and its models."""

from flask import current_app

from ... import __version__
from ...dialects import open_inference
from ..health import unready
from ..models import ModelList
from .base import NOT_READY, Protocol, handler_of, servable_named, versions_of
from .predict import OPEN_INFERENCE

SERVER_NAME = 'Model Serving Demo'


class ServerMetadata(ModelList):
    """The name and version of this server, and the models of version 2."""

    tag, answer = OPEN_INFERENCE.title, 'OIPServer'

    def get(self):
        """The name and version of this server, and the models of version 2."""
        own = {'name': SERVER_NAME, 'version': __version__, 'extensions': open_inference.EXTENSIONS}
        models = super().get()
        return own | (models if models['models'] else {})


class ServerLive(Protocol):
    """The process is alive."""

    answer, statuses = 'OIPReady', {}

    def get(self):
        return {'live': True}


class ServerReady(Protocol):
    """Whether the models can answer."""

    answer, statuses = 'OIPReady', NOT_READY

    def get(self):
        is_ready = not (unready(current_app.servables) or current_app.readiness.is_ending)
        # The specification spells it `live`, the servers and clients `ready`.
        return {'live': True, 'ready': is_ready}, 200 if is_ready else 503


class ModelReady(Protocol):
    """Whether a model can answer."""

    answer = 'OIPReady'

    def get(self, **names):
        servable = servable_named(**names)
        return {'name': servable.name, 'ready': not servable.problem}, 503 if servable.problem else 200


class ModelMetadata(Protocol):
    """The tensors of a model. `parameters.no_tensors` says why a model has none."""

    answer = 'OIPModel'

    def get(self, **names):
        servable = servable_named(**names)
        platform, versions = getattr(servable.make_model, 'platform', 'python'), versions_of(servable.name)
        return open_inference.metadata(servable.name, versions, platform, handler_of(servable).signature)


class RepositoryIndex(Protocol):
    """All models and their states."""

    answer, statuses = 'OIPIndex', {}

    def post(self):
        return [
            {
                'name': each.name,
                'version': str(each.version),
                'state': 'UNAVAILABLE' if each.problem else 'READY',
                'reason': each.problem or '',
            }
            for each in current_app.servables.values()
        ]
