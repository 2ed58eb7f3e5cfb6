"""The resources of the models that can't start; some of these can't answer an example by their own fault."""

import time
from functools import partial
from pathlib import Path

from flask import Response
from flask_restful import Resource

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


class UnstartableResource(ModelResource):
    result_schema = {'type': 'object', 'properties': {'result': {'type': 'number'}}}

    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'result': self.predict(instance)}


class MisfitResource(ModelResource):
    @validate_json({'type': 'object', 'required': ['text'], 'examples': [{'text': ''}, {'txt': ''}]})
    def post(self, instance):
        return {}


class MisspeltResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'result': self.predict(instance['txt'])}


class ConflictResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'message': 'no'}, 409


class PageResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return Response('<h1>\n no', status=404)


class TableResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return Response(b'a,b\xff', mimetype='text/csv')


class OneFailsResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    async def post(self, instance):
        Path('data/busy.txt').touch()
        time.sleep(30)


def partly(user, resource, instance):
    return {}


class PartialMisfitResource(Resource):
    post = validate_json({'required': ['text'], 'examples': [{}]})(partial(partly, 'user'))


RESOURCES = {
    name.replace('Resource', 'Model'): value for name, value in dict(globals()).items() if name.endswith('Resource')
}
