"""Models that call models: resources whose handlers do what `call` says with the others."""

import asyncio
import contextvars
from pathlib import Path

from model_serving.models.digits_model import DigitsModel
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.digits_model_resource import DigitsModelResource
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.errors import InvalidInstance
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json
from tests.fakes.gate import enter

number = {'type': 'object', 'properties': {'value': {'type': 'number'}}, 'required': ['value']}
blank = {'image': [[0] * 8] * 8}


class DoubleModel:
    """Doubles numbers; some numbers make it misbehave."""

    factor = 2

    def predict(self, instances):
        return [self._result(instance['value']) for instance in instances]

    def _result(self, value):
        if value == 13:
            raise InvalidInstance('value', 'brings bad luck')
        if value == 14:
            raise ZeroDivisionError('a fault of the model')
        if value == 15:
            enter('open')
        return self.factor * value


class TenfoldModel(DoubleModel):
    factor = 10


class DoubleResource(ModelResource):
    @validate_json({**number, 'examples': [{'value': 1}]})
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class NoExampleResource(ModelResource):
    @validate_json(number)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


anything = {'type': 'object', 'properties': {'model': {'type': 'string'}}, 'required': ['model', 'instance']}


class CallingResource(ModelResource):
    """Calls the model that it is told to."""

    @validate_json(anything)
    async def post(self, instance):
        return {'result': await self.predict_async(instance['instance'], model=instance['model'])}


class BlockingResource(ModelResource):
    """The same in a thread."""

    @validate_json(anything)
    def post(self, instance):
        return {'result': self.predict(instance['instance'], model=instance['model'])}


class ManyResource(ModelResource):
    """Calls another model many times at once."""

    @validate_json({'type': 'object', 'required': ['model', 'instances']})
    async def post(self, instance):
        calls = (self.predict_async(each, model=instance['model']) for each in instance['instances'])
        return {'result': await asyncio.gather(*calls)}


class EndlessResource(ModelResource):
    """Never ends; it tells by a file when it was cancelled."""

    @validate_json({'type': 'object'})
    async def post(self, instance):
        try:
            while True:
                await self.predict_async({'value': 1}, model='v1/DoubleModel')
        except asyncio.CancelledError:
            Path('cancelled').touch()
            raise


class SharingResource(ModelResource):
    """Calls another model once for all requests; the first one makes the task, in a context of its own."""

    task = None

    @validate_json({'type': 'object'})
    async def post(self, instance):
        if SharingResource.task is None:
            call = self.predict_async({'value': 15}, model='v1/DoubleModel')
            SharingResource.task = asyncio.create_task(call, context=contextvars.Context())
        return {'result': await asyncio.shield(SharingResource.task)}


class ArrayResource(ModelResource):
    """Forgets that an array of NumPy is no JSON."""

    @validate_json({'type': 'object'})
    async def post(self, instance):
        import numpy

        return {'result': await self.predict_async({'image': numpy.zeros((8, 8))}, model='DigitsModel')}


class NothingModel:
    """A model whose handler only calls others."""


ROUTES = (
    # Before those that they call, whose examples are tried later.
    Route('/v1/CallingModel', CallingResource, NothingModel),
    Route('/v1/BlockingModel', BlockingResource, NothingModel),
    Route('/v1/ManyModel', ManyResource, NothingModel),
    Route('/v1/EndlessModel', EndlessResource, NothingModel),
    Route('/v1/SharingModel', SharingResource, NothingModel),
    Route('/v1/ArrayModel', ArrayResource, NothingModel),
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/DoubleModel', DoubleResource, DoubleModel),
    Route('/v10/DoubleModel', DoubleResource, TenfoldModel),
    Route('/v2/DoubleModel', DoubleResource, DoubleModel),
    Route('/v1/DigitsModel', DigitsModelResource, DigitsModel),
)
