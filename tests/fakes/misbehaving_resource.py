"""The resources of the misbehaving models."""

import sys

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json

misbehaving_schema = {
    'type': 'object',
    'properties': {'do': {'type': 'string', 'pattern': '^[a-z_]+$'}, 'value': {}},
    'required': ['do'],
    'additionalProperties': False,
    'examples': [{'do': 'echo', 'value': 1}],
}


class MisbehavingResource(ModelResource):
    """What to do → what comes of it."""

    @validate_json(misbehaving_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class CallingResource(ModelResource):
    """A `def` handler that calls its model itself."""

    @validate_json(misbehaving_schema)
    def post(self, instance):
        return {'result': self.model.predict([instance])[0]}


class ExitingResource(ModelResource):
    """A handler that itself ends the process, or tries to."""

    @validate_json({**misbehaving_schema, 'examples': []})
    async def post(self, instance):
        sys.exit(instance.get('value', 3))


class ExitingFlaskResource(ModelResource):
    """The same in a thread."""

    def post(self):
        sys.exit(3)
