import base64

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

python_source = b'import os\n\nprint(os.getcwd())\n'

file_type_model_schema = {
    'type': 'object',
    'properties': {
        'file': {'description': 'A file of any kind', 'type': 'string', 'contentEncoding': 'base64'},
    },
    'required': ['file'],
    'examples': [{'file': base64.b64encode(python_source).decode()}],
}

result = {
    'type': 'object',
    'properties': {
        'type': {'description': "Magika's name of the type, such as python or png", 'type': 'string'},
        'score': {'description': 'How sure it is', 'type': 'number', 'minimum': 0, 'maximum': 1},
        'group': {'description': 'The kind of type, such as code or image', 'type': 'string'},
        'mime': {'description': 'The MIME type', 'type': 'string'},
        'description': {'description': 'The type in words', 'type': 'string'},
    },
    'required': ['type', 'score', 'group', 'mime', 'description'],
}
file_type_model_result_schema = {'type': 'object', 'properties': {'result': result}, 'required': ['result']}


class FileTypeModelResource(ModelResource):
    """A file of any kind → its type."""

    result_schema = file_type_model_result_schema

    @validate_json(file_type_model_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}
