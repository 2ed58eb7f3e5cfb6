from ..utils.validation_utils import validate_json
from .model_resource import ModelResource
from .xxx_model_resource import XXXModelResource, xxx_model_schema

forest_schema = {
    'type': 'object',
    'properties': {
        'pixels': {'type': 'array', 'items': {'type': 'number'}, 'minItems': 64, 'maxItems': 64},
    },
    'required': ['pixels'],
    'examples': [{'pixels': [0] * 64}],
}

numbers_schema = {
    'type': 'object',
    'properties': {
        'numbers': {'type': 'array', 'items': {'type': 'number'}},
    },
    'required': ['numbers'],
    'examples': [{'numbers': [1.5, 2.25]}],
}


class ForestResource(ModelResource):
    """64 grey levels → the digit."""

    @validate_json(forest_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class NumbersResource(ModelResource):
    """Numbers → their sum."""

    @validate_json(numbers_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class DefHelloResource(XXXModelResource):
    """A name → a greeting, from a handler in a thread."""

    @validate_json(xxx_model_schema)
    def post(self, instance):
        return {'result': self.model.hello(instance['name'])}


RESOURCES = {'forest': ForestResource, 'numbers': NumbersResource}
