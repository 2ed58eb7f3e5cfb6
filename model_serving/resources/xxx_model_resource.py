from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

xxx_model_schema = {
    'type': 'object',
    'properties': {
        'name': {'type': 'string', 'description': 'Whom to greet'},
    },
    'required': ['name'],
    'examples': [{'name': 'Leo'}],
}

xxx_model_result_schema = {
    'type': 'object',
    'properties': {
        'result': {'type': 'string', 'description': 'The greeting'},
    },
    'required': ['result'],
}


class XXXModelResource(ModelResource):
    """A name → a greeting."""

    result_schema = xxx_model_result_schema

    @validate_json(xxx_model_schema)
    async def post(self, instance):
        return {'result': self.model.hello(instance['name'])}
