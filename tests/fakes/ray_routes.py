"""Models for replicas on Ray. They wait for a file whose whole path the caller sends, since each replica has a folder
of its own."""

import os
import time
from pathlib import Path

from .models.digits_model import DigitsModel
from .models.xxx_model import XXXModel
from .resources.digits_model_resource import DigitsModelResource
from .resources.model_resource import ModelResource
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route
from .utils.validation_utils import validate_json

schema = {'type': 'object', 'properties': {'gate': {'type': 'string'}, 'name': {'type': 'string'}}}


def wait_for(gate):
    while not Path(gate).exists():
        time.sleep(0.01)


class GateModel:
    """Answers when its gate is open."""

    def predict(self, instances):
        for instance in instances:
            wait_for(instance['gate'])
        return [os.getpid()] * len(instances)

    def stream(self, instance):
        try:
            yield 'first'
            wait_for(instance['gate'])
            yield from ['last'] * instance.get('pieces', 1)
        finally:
            Path(instance['gate'] + '-closed').touch()


class GateResource(ModelResource):
    """Leaves a file with the pid of its replica for each call that has come."""

    @validate_json(schema)
    async def post(self, instance):
        Path(f'{instance["gate"]}-{os.getpid()}-{instance["name"]}').touch()
        return {'result': await self.predict_async(instance)}


class StreamResource(ModelResource):
    @validate_json(schema)
    async def post(self, instance):
        async for piece in self.stream(instance):
            yield piece


class SlowModel:
    """Takes a second."""

    def predict(self, instances):
        time.sleep(1)
        return [1] * len(instances)


class SlowResource(ModelResource):
    @validate_json(schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/DigitsModel', DigitsModelResource, DigitsModel),
    Route('/v1/GateModel', GateResource, GateModel),
    Route('/v1/StreamModel', StreamResource, GateModel),
    Route('/v1/SlowModel', SlowResource, SlowModel),
)
