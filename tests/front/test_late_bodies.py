"""A client that still sends after an early 413 may send to the end: its deadline no longer counts."""

import asyncio
import json

from model_serving.app import create_app
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import run_async


def test_the_deadline_does_not_cut_off_a_client_that_was_answered():
    app = create_app([Route('/v1/XXXModel', XXXModelResource, XXXModel)], Conf('nowhere', {}))
    headers = [
        (b'host', b'localhost'), (b'content-type', b'application/json'),
        (b'content-length', b'%d' % 2**30), (b'x-request-timeout', b'0.2'),
    ]  # fmt: skip
    scope = {
        'type': 'http', 'http_version': '1.1', 'method': 'POST', 'scheme': 'http', 'path': '/v1/XXXModel',
        'raw_path': b'/v1/XXXModel', 'query_string': b'', 'headers': headers,
    }  # fmt: skip
    sent = []

    async def call():
        end = asyncio.get_running_loop().time() + 0.5

        async def receive():
            await asyncio.sleep(0.01)
            return {'type': 'http.request', 'body': b'x', 'more_body': asyncio.get_running_loop().time() < end}

        async def send(message):
            sent.append(message)

        await app.extensions['front'](scope, receive, send)

    run_async(call())
    assert sent[0]['status'] == 413
    assert 'bytes of max_body' in json.loads(sent[1]['body'])['message']
    # The end of the answer comes after the end of the body.
    assert sent[-1] == {'type': 'http.response.body'}
