"""routes.py of a service with the models and handlers of tests/fakes/gate.py."""

from tests.fakes import gate

from .models.xxx_model import XXXModel
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/GateModel', gate.GateResource, gate.GateModel),
    Route('/v1/SlowModel', gate.GateResource, gate.SlowModel),
    Route('/v1/DefGateModel', gate.DefGateResource, gate.GateModel),
    Route('/v1/PatientModel', gate.PatientResource, gate.GateModel),
    Route('/v1/StreamModel', gate.StreamResource, gate.GateModel),
    Route('/v1/BlockingModel', gate.BlockingResource, gate.GateModel),
    Route('/v1/ExitingModel', gate.ExitingResource, gate.GateModel),
    Route('/v1/BusyModel', gate.BusyResource, gate.BusyModel),
    Route('/v1/RememberingModel', gate.RememberingResource, gate.GateModel),
    Route('/v1/RandomModel', gate.GateResource, gate.RandomModel),
)
