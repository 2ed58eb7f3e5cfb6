"""The benchmark's resources for an older tree, which has no async handlers: copied as bench_resources.py."""

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

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
    def post(self, instance):
        return {'result': self.predict(instance)}


class NumbersResource(ModelResource):
    """Numbers → their sum."""

    @validate_json(numbers_schema)
    def post(self, instance):
        return {'result': self.predict(instance)}


RESOURCES = {'forest': ForestResource, 'numbers': NumbersResource}
