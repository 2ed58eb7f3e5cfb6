"""The resource of a model that is served from a file: what each model's own resource file would hold."""

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


def file_resource(name: str, schema: dict, result_schema: dict) -> type:
    """Return a resource class for the model `name`, whose instances fit `schema` and whose results `result_schema`."""

    class FileResource(ModelResource):
        __doc__ = schema.get('description') or schema.get('title') or name

        @validate_json(schema)
        async def post(self, instance):
            return {'result': await self.predict_async(instance)}

    FileResource.__name__ = f'{name}Resource'
    FileResource.result_schema = {'type': 'object', 'properties': {'result': result_schema}, 'required': ['result']}
    return FileResource
