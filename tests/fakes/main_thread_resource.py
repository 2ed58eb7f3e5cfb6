"""A resource that predicts in the thread of the event loop, which is the thread that a fork copies."""

import os

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


class MainThreadResource(ModelResource):
    @validate_json({'type': 'object'})
    async def post(self, instance):
        return {'result': self.model.predict([instance])[0], 'pid': os.getpid()}
