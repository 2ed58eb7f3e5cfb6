"""The Open Inference Protocol's URLs beside those for predictions: this server, its health and its models."""

from flask import current_app

from .. import __version__
from ..dialects import open_inference
from .dialects import OPEN_INFERENCE
from .health import unready
from .models import ModelList
from .protocol import NO_MODEL, NOT_READY, Protocol, servable_named, signature_for, versions_of

SERVER_NAME = 'Model Serving Demo'


class ServerMetadata(ModelList):
    """The name and version of this server, and the models of version 2."""

    tag, answer = OPEN_INFERENCE.title, 'OIPServer'

    def get(self):
        """The name and version of this server, and the models of version 2."""
        own = {'name': SERVER_NAME, 'version': __version__, 'extensions': open_inference.EXTENSIONS}
        return {**own, **super().get()}


class ServerLive(Protocol):
    """The process is alive."""

    answer, statuses = 'OIPReady', {}

    def get(self):
        return {'live': True}


class ServerReady(Protocol):
    """Whether the models can answer."""

    answer, statuses = 'OIPReady', NOT_READY

    def get(self):
        is_ready = not unready(current_app.servables)
        # The specification spells it `live`, the servers and clients `ready`.
        return {'live': True, 'ready': is_ready}, 200 if is_ready else 503


class ModelReady(Protocol):
    """Whether a model can answer."""

    answer, statuses = 'OIPReady', {**NO_MODEL, **NOT_READY}

    def get(self, **names):
        servable = servable_named(**names)
        return {'name': servable.name, 'ready': not servable.problem}, 503 if servable.problem else 200


class ModelMetadata(Protocol):
    """The tensors of a model. `parameters.native_only` says why a model has none."""

    answer = 'OIPModel'

    def get(self, **names):
        servable = servable_named(**names)
        platform = getattr(servable.make_model, 'platform', 'python')
        return open_inference.metadata(servable.name, versions_of(servable.name), platform, signature_for(servable))


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
