"""Models and handlers that stream in odd ways: each does what its instance says."""

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from tests.fakes.gate import enter
from tests.fakes.streams import CountResource

schema = {'type': 'object'}


class EarlyModel:
    """Waits for a gate before it returns its pieces."""

    def stream(self, instance):
        if 'wait_at' in instance:
            enter()
        return iter([{'number': 0}])


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/EarlyModel', CountResource, EarlyModel),
)
