"""A model that takes a file, and answers its length and its SHA-256."""

import base64
import hashlib

from model_serving.resources.model_resource import ModelResource
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json

schema = {
    'type': 'object',
    'properties': {'file': {'type': 'string', 'contentEncoding': 'base64'}},
    'required': ['file'],
    'examples': [{'file': base64.b64encode(b'example').decode()}],
}
result = {'type': 'object', 'properties': {'length': {'type': 'integer'}, 'sha256': {'type': 'string'}}}


class FileBytesModel:
    def predict(self, instances):
        files = [base64.b64decode(instance['file'], validate=True) for instance in instances]
        return [{'length': len(file), 'sha256': hashlib.sha256(file).hexdigest()} for file in files]


class FileBytesResource(ModelResource):
    """A file → its length and its SHA-256."""

    result_schema = {'type': 'object', 'properties': {'result': result}}

    @validate_json(schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


ROUTES = (Route('/v1/FileBytesModel', FileBytesResource, FileBytesModel),)
