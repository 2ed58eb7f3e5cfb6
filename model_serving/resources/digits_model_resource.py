from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

# One of the digits that the training did not see: a four.
four = [
    [0, 0, 0, 8, 15, 1, 0, 0],
    [0, 0, 1, 14, 13, 1, 1, 0],
    [0, 0, 10, 15, 3, 15, 11, 0],
    [0, 7, 16, 7, 1, 16, 8, 0],
    [0, 9, 16, 13, 14, 16, 5, 0],
    [0, 1, 10, 15, 16, 14, 0, 0],
    [0, 0, 0, 1, 16, 10, 0, 0],
    [0, 0, 0, 10, 15, 4, 0, 0],
]

row = {'type': 'array', 'items': {'type': 'number', 'minimum': 0, 'maximum': 16}, 'minItems': 8, 'maxItems': 8}

digits_model_schema = {
    'type': 'object',
    'description': 'One digit, written by hand',
    'properties': {
        'image': {
            'description': 'Eight rows of eight grey levels, from 0 (paper) to 16 (ink)',
            'type': 'array',
            'items': row,
            'minItems': 8,
            'maxItems': 8,
        },
    },
    'required': ['image'],
    'examples': [{'image': four}],
}

result = {
    'type': 'object',
    'properties': {
        'digit': {'description': 'The most probable digit', 'type': 'integer', 'minimum': 0, 'maximum': 9},
        'probabilities': {
            'description': 'How probable each digit is, from 0 to 9',
            'type': 'array',
            'items': {'type': 'number', 'minimum': 0, 'maximum': 1},
            'minItems': 10,
            'maxItems': 10,
        },
    },
    'required': ['digit', 'probabilities'],
}
digits_model_result_schema = {'type': 'object', 'properties': {'result': result}, 'required': ['result']}


class DigitsModelResource(ModelResource):
    """One digit as 8 × 8 grey levels → the digit and a probability for each."""

    result_schema = digits_model_result_schema

    @validate_json(digits_model_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}
