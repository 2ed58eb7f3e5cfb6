"""Models and handlers that stream in odd ways: each does what its instance says."""

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json
from tests.fakes.gate import enter
from tests.fakes.streams import CountResource, through, touch

schema = {'type': 'object'}


class EarlyModel:
    """Waits for a gate before it returns its pieces."""

    def stream(self, instance):
        if 'wait_at' in instance:
            enter()
        return iter([{'number': 0}])


class OddResource(ModelResource):
    """A handler that does what the instance says."""

    @validate_json(schema)
    async def post(self, instance):
        touch('began', instance)
        try:
            async for piece in getattr(self, instance['do'])(instance):
                yield piece
        finally:
            touch('closed', instance)

    async def yield_text(self, instance):
        """Yield `pieces` texts of `size`."""
        for _ in range(instance['pieces']):
            yield 'x' * instance['size']

    async def never_wait(self, instance):
        while True:
            yield 'on'


class HookedResource(OddResource):
    """With a decorator of Flask-RESTful, so that Flask answers."""

    method_decorators = [through]


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/EarlyModel', CountResource, EarlyModel),
    Route('/v1/OddModel', OddResource, XXXModel),
    Route('/v1/HookedModel', HookedResource, XXXModel),
)
