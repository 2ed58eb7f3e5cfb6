"""A resource whose module holds a function of Flask that only works while Flask has the request."""

from flask import jsonify

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json

from .lane_resources import schema


class JsonifyResource(ModelResource):
    """Makes its answer itself."""

    @validate_json(schema)
    def post(self, instance):
        return jsonify(result=self.predict(instance))
