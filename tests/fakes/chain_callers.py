"""A resource whose example calls another model."""

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json


def caller(model, instance_sent):
    class Caller(ModelResource):
        @validate_json({'type': 'object', 'examples': [{}]})
        async def post(self, instance):
            return {'result': await self.predict_async(instance_sent, model=model)}

    return Caller
