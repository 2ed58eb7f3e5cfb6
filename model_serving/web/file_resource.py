"""The resource of a model that is served from a file: what each model's own resource file would hold."""

import jsonschema

from ..resources.model_resource import ModelResource
from ..serving.errors import StartError
from ..utils.validation_utils import validate_json


def file_resource(servable) -> type:
    """Return a resource class for the model of a file, whose instances fit the schema that the file gives.

    Raises StartError if that is not a valid JSON Schema, as a patch by the setting `schema` may make it.
    """
    schema, result_schema = servable.schema or {}, servable.result_schema or {}
    try:
        validate = validate_json(schema)
    except (jsonschema.SchemaError, ValueError) as error:
        reason = getattr(error, 'message', error)
        raise StartError(
            f'with {servable.settings["schema"]} its schema is not a valid JSON Schema: {reason}'
        ) from error

    class FileResource(ModelResource):
        __doc__ = _doc(schema, servable)

        @validate
        async def post(self, instance):
            return {'result': await self.predict_async(instance)}

    FileResource.__name__ = f'{servable.name}Resource'
    FileResource.result_schema = {'type': 'object', 'properties': {'result': result_schema}, 'required': ['result']}
    return FileResource


def _doc(schema, servable):
    """Return the user's title and description, or else what file it is; the page shows the name anyway."""
    told = [text for text in (schema.get('title'), schema.get('description')) if text and text != servable.name]
    return '\n\n'.join(told) or servable.make_model.summary
