"""Models and handlers that stream in odd ways. A handler has two URLs: `/v1/GoOn` and, by Flask, `/v1/HookedGoOn`."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar

from flask import Response, abort

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json
from tests.fakes.gate import enter
from tests.fakes.streams import CountResource, through, touch

VARIABLE = ContextVar('variable')
schema = {'type': 'object'}


class EarlyModel:
    """Waits for a gate before it returns its pieces."""

    def stream(self, instance):
        if 'wait_at' in instance:
            enter()
        return iter([{'number': 0}])


async def never_wait(self, instance):
    touch('began', instance)
    try:
        while True:
            yield 'on'
    finally:
        touch('closed', instance)


async def yield_text(self, instance):
    """Yield `pieces` texts of `size`."""
    try:
        for _ in range(instance['pieces']):
            yield 'x' * instance['size']
    finally:
        touch('closed', instance)


async def answer_at_once(self, instance):
    """Answer with a text of `size`, without any stream."""
    return 'x' * instance['size']


async def keep_context(self, instance):
    """Yield a variable of the context twice, within a timeout."""
    token = VARIABLE.set('mine')
    async with asyncio.timeout(10):
        for _ in range(2):
            yield VARIABLE.get()
            await asyncio.sleep(0.01)
    VARIABLE.reset(token)


async def clean_up(self, instance):
    """Yield `pieces`; then wait, and clean up for some time when cancelled."""
    for _ in range(instance['pieces']):
        yield 'on'
    try:
        await asyncio.gather(asyncio.sleep(100), asyncio.sleep(100))
    finally:
        await asyncio.sleep(0.05)


async def go_on(self, instance):
    """Yield `pieces`; then wait, and ignore being cancelled."""
    for _ in range(instance['pieces']):
        yield 'on'
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(1)


async def go_on_once(self, instance):
    """Ignore being cancelled once, without any stream."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(100)
    await asyncio.sleep(100)


async def fail_at_the_end(self, instance):
    """Yield texts of `size`; fail when the client has left."""
    try:
        while True:
            yield 'x' * instance['size']
            await asyncio.sleep(0.05)
    finally:
        raise RuntimeError(f'failed at the end of {instance["name"]}')


ERRORS = {error.__name__: error for error in (GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError)}


async def fail(self, instance):
    """Yield `pieces`; then raise an error."""
    for _ in range(instance['pieces']):
        yield 'on'
    raise ERRORS[instance['error']]


async def fail_plainly(self, instance):
    raise ERRORS[instance['error']]


async def fail_in_a_task(self, instance):
    yield 'on'
    await asyncio.gather(fail_plainly(self, instance), asyncio.sleep(0))


async def abort_with_text(self, instance):
    yield 'on'
    abort(Response('taken', 409))


def routes(handler):
    """Yield the rows of a handler."""
    name = handler.__name__.title().replace('_', '')
    # With a decorator of Flask-RESTful, so that Flask answers.
    for prefix, decorators in (('', []), ('Hooked', [through])):
        attributes = {'post': validate_json(schema)(handler), 'method_decorators': decorators}
        yield Route(f'/v1/{prefix}{name}', type(f'{name}Resource', (ModelResource,), attributes), XXXModel)


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/EarlyModel', CountResource, EarlyModel),
    *routes(never_wait),
    *routes(yield_text),
    *routes(answer_at_once),
    *routes(keep_context),
    *routes(clean_up),
    *routes(go_on),
    *routes(go_on_once),
    *routes(fail_at_the_end),
    *routes(fail),
    *routes(fail_plainly),
    *routes(fail_in_a_task),
    *routes(abort_with_text),
)
