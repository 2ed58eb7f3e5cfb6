"""Models that wait until a test makes a file, and handlers that wait, stream and leave."""

import asyncio
import os
import sys
import time
from contextvars import ContextVar
from itertools import count
from pathlib import Path

import numpy
from flask import Response, request, stream_with_context

from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json

NUMBERS = count()
schema = {'type': 'object', 'properties': {'gate': {'type': 'string'}}}


def note_entry():
    """Leave a file of its own in the service's folder: a call has come so far."""
    Path(f'entered-{next(NUMBERS)}').touch()


def enter(gate='open'):
    """Tell that a call has come, then wait for the gate, a file in the service's folder."""
    note_entry()
    while not Path(gate).exists():
        time.sleep(0.01)
    return 'through'


class GateModel:
    """Holds each batch until its gate is open; answers with the size of the batch."""

    def predict(self, instances):
        enter(instances[0].get('gate', 'open'))
        return [len(instances)] * len(instances)


class SlowModel:
    """Takes two seconds, whatever the size of the batch; and to load as long as SLOW_TO_LOAD says."""

    def __init__(self):
        time.sleep(float(os.environ.get('SLOW_TO_LOAD', '0')))

    def predict(self, instances):
        time.sleep(2)
        return [True] * len(instances)


class GateResource(ModelResource):
    """An async handler that waits for its prediction."""

    @validate_json(schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}


class DefGateResource(ModelResource):
    """A `def` handler that holds its thread."""

    @validate_json(schema)
    def post(self, instance):
        return {'result': enter(instance.get('gate', 'open'))}


class PatientResource(ModelResource):
    """An async handler that takes as long as it may."""

    @validate_json(schema)
    async def post(self, instance):
        Path('patient-began').touch()
        try:
            await asyncio.sleep(600)
        finally:
            Path('patient-ended').touch()


class StreamResource(ModelResource):
    """Answers piece by piece, the second one when the gate is open; its end leaves a file beside the gate."""

    @validate_json(schema)
    def post(self, instance):
        gate = instance.get('gate', 'open')

        def pieces():
            try:
                yield f'{request.path} '
                enter(gate)
                yield 'x' * instance.get('size', 1)
                yield ' end'
            finally:
                Path(f'{gate}-ended').touch()

        return Response(stream_with_context(pieces()), mimetype='text/plain')


class BlockingResource(ModelResource):
    """An async handler that blocks the event loop for as long as it is told to."""

    @validate_json({'type': 'object', 'properties': {'seconds': {'type': 'number'}}, 'required': ['seconds']})
    async def post(self, instance):
        note_entry()
        time.sleep(instance['seconds'])
        return {'result': 'blocked'}


class ExitingResource(ModelResource):
    """An async handler one of whose own tasks calls sys.exit."""

    @validate_json(schema)
    async def post(self, instance):
        async def leave():
            sys.exit(3)

        return {'result': await asyncio.gather(leave())}


REMEMBERED = ContextVar('remembered', default='nothing')


class RememberingResource(ModelResource):
    """An async handler that answers what a request before it has left in a context variable."""

    @validate_json({'type': 'object', 'required': ['name']})
    async def post(self, instance):
        before = REMEMBERED.get()
        REMEMBERED.set(instance['name'])
        return {'result': before}


class RandomModel:
    """Loaded before the fork; answers with a random number of NumPy's."""

    load_before_fork = True

    def predict(self, instances):
        print('predicting', len(instances))
        return [[numpy.random.rand(), os.getpid()] for _ in instances]


def note(file, name):
    with open(file, 'a') as names:
        names.write(f'{name}\n')


class BusyModel:
    """Notes in the file `predicted` the names that it is called with, then waits for its gate."""

    def predict(self, instances):
        for instance in instances:
            note('predicted', instance['name'])
        enter()
        return instances


class BusyResource(ModelResource):
    """Notes in the files `begun` and `ended` when a call begins, and when it ends, in whatever way."""

    @validate_json({'type': 'object', 'required': ['name']})
    async def post(self, instance):
        note('begun', instance['name'])
        try:
            return {'result': await self.predict_async(instance)}
        finally:
            note('ended', instance['name'])
