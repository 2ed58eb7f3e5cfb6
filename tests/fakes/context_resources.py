"""A resource whose module holds Flask's `request`, so that it needs Flask's way."""

from flask import request

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json

from .lane_resources import EchoResource, schema


class ContextResource(ModelResource):
    """Reads a header as it goes."""

    @validate_json(schema)
    def post(self, instance):
        return {'result': request.headers.get('X-Word', 'none')}


class InheritingResource(EchoResource):
    """Its handler stands in a module without `request`, but its class stands in this one."""
