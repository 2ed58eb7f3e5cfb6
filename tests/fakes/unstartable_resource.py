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


def answering(answer):
    """Return a resource that answers so."""

    class Answering(ModelResource):
        @validate_json({'type': 'object', 'examples': [{}]})
        def post(self, instance):
            return answer

    return Answering


ConflictResource = answering(({'message': 'no'}, 409))
PageResource = answering(Response('<h1>\n no', status=404))
TableResource = answering(Response(b'a,b\xff', mimetype='text/csv'))


class OneFailsResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    async def post(self, instance):
        Path('data/busy.txt').touch()
        time.sleep(30)


class PartialMisfitResource(Resource):
    """Its handler is no function, and its own schema refuses its example."""

    post = validate_json({'required': ['text'], 'examples': [{}]})(partial(lambda user, resource, instance: {}, 'user'))


RESOURCES = {
    name.replace('Resource', 'Model'): value for name, value in dict(globals()).items() if name.endswith('Resource')
}
