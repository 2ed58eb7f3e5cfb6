"""The article's design: Flask-RESTful, jsonschema, a model a module, gunicorn's sync workers, no batching."""

import os
from functools import wraps

from flask import Flask
from flask_cors import CORS
from flask_restful import Api, Resource, request
from jsonschema import ValidationError, validate
from served import served

NUMBER_LIST = {'type': 'array', 'items': {'type': 'number'}}
SCHEMAS = {
    'hello': ('name', {'type': 'string'}),
    'forest': ('pixels', NUMBER_LIST),
    'digits': ('image', {'type': 'array', 'items': NUMBER_LIST}),
    'numbers': ('numbers', NUMBER_LIST),
}


def validate_json(schema, force=False):
    def decorator(handler):
        @wraps(handler)
        def wrapper(*args, **kwargs):
            body = request.get_json(force=force)
            if body is None:
                return {'message': 'No JSON object'}, 400
            try:
                validate(body, schema)
            except ValidationError as error:
                return {'message': error.message}, 400
            return handler(*args, **kwargs)

        return wrapper

    return decorator


def resource_of(name, model, field, field_schema):
    """Return a resource as the article writes one by hand, for `model`."""

    class ModelResource(Resource):
        @validate_json({'type': 'object', 'properties': {field: field_schema}, 'required': [field]})
        def post(self):
            return {'result': model.predict([request.json])[0]}

    ModelResource.__name__ = name
    return ModelResource


app = Flask(__name__)
CORS(app)
api = Api(app)
workload = os.environ['BENCH_WORKLOAD']
for name, model_class in served(workload).items():
    api.add_resource(
        resource_of(name, model_class(), *SCHEMAS['hello' if workload == 'many' else workload]),
        f'/v1/{name}',
        endpoint=name,
    )
