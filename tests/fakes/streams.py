"""Models and handlers that stream; each ends, fails or waits where its instance says."""

import asyncio
import threading
import time
from pathlib import Path

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.errors import InvalidInstance
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json
from tests.fakes.gate import enter

number = {'type': 'integer', 'minimum': 0}
schema = {
    'type': 'object',
    'properties': {
        'name': {'type': 'string', 'description': 'Of the files that tell when it begins and ends'},
        'pieces': {**number, 'description': 'How many there are'},
        'wait_at': {**number, 'description': 'The piece before which it waits for a gate'},
        'gate': {'type': 'string', 'description': 'The file that it waits for'},
        'fail_at': {**number, 'description': 'The piece in place of which it fails'},
        'as': {'type': 'string', 'description': 'How it fails'},
        'size': {**number, 'description': 'The number of characters of each piece'},
        'pause': {'type': 'number', 'description': 'How long it takes for each piece, in seconds'},
    },
    'examples': [{'pieces': 2}],
}
FAILURES = {
    'exception': RuntimeError('the model failed'),
    'invalid': InvalidInstance('pieces', 'too many for me'),
    'exit': SystemExit(3),
}


def touch(event, instance):
    Path(f'{event}-{instance.get("name", "")}').touch()


class CountModel:
    """Yields numbers, with the thread that made them."""

    def stream(self, instance):
        touch('began', instance)
        try:
            for number in range(instance.get('pieces', 3)):
                if number == instance.get('wait_at'):
                    enter(instance.get('gate', 'open'))
                if number == instance.get('fail_at'):
                    raise FAILURES[instance.get('as', 'exception')]
                time.sleep(instance.get('pause', 0))
                yield {'number': number, 'thread': threading.get_ident(), 'text': 'x' * instance.get('size', 0)}
        finally:
            touch('closed', instance)

    def predict(self, instances):
        return [len(instances)] * len(instances)


class CountResource(ModelResource):
    """Streams what the model yields; a number as well as its thread."""

    result_schema = {'type': 'object', 'properties': {'number': number}, 'required': ['number']}

    @validate_json(schema)
    async def post(self, instance):
        async for piece in self.stream(instance):
            yield piece


class OwnResource(ModelResource):
    """A handler that makes its pieces itself, of a prediction."""

    @validate_json(schema)
    async def post(self, instance):
        touch('began', instance)
        try:
            for number in range(instance.get('pieces', 3)):
                if number == instance.get('fail_at'):
                    raise FAILURES[instance.get('as', 'exception')]
                await asyncio.sleep(instance.get('pause', 0))
                yield {
                    'number': number,
                    'text': 'x' * instance.get('size', 0),
                    'of': await self.predict_async(instance),
                }
        finally:
            touch('closed', instance)


class StubbornResource(ModelResource):
    """A handler that goes on when it is cancelled."""

    @validate_json({**schema, 'examples': []})
    async def post(self, instance):
        while True:
            try:
                await asyncio.sleep(instance.get('pause', 0.1))
            except asyncio.CancelledError:
                touch('cancelled', instance)
            yield 'on'


def through(handler):
    return handler


class HookedResource(CountResource):
    """With a decorator of Flask-RESTful, so that Flask answers."""

    method_decorators = [through]


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/CountModel', CountResource, CountModel),
    Route('/v1/OtherModel', CountResource, CountModel),
    Route('/v1/OwnModel', OwnResource, CountModel),
    Route('/v1/StubbornModel', StubbornResource, CountModel),
    Route('/v1/HookedModel', HookedResource, CountModel),
)
