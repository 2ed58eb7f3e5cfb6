"""What every error has, and calls of an application in this process both ways: by the front, and by Flask alone."""

import asyncio
import json
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

import pytest
from werkzeug.datastructures import Headers

from model_serving.app import create_app
from model_serving.serving import event_loop
from model_serving.utils.conf_utils import Conf
from tests.conftest import call_asgi

LEO = b'{"name": "Leo"}'
# Addresses of clients, each of which is used once.
CLIENTS = map(str, ip_network('172.16.0.0/12').hosts())


class Answer(NamedTuple):
    """An answer, with the names of the package requests."""

    status_code: int
    headers: Headers
    content: bytes

    def json(self):
        return json.loads(self.content)


def message_of(answer, status) -> str:
    """Return the message of an error; fails where it has another status, or not all that every error has."""
    assert answer.status_code == status
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert {'X-Request-ID', 'Retry-After'} <= set(answer.headers['Access-Control-Expose-Headers'].split(', '))
    assert answer.headers['X-Request-ID']
    assert isinstance(answer.json()['message'], str)
    return answer.json()['message']


def by_front(app, method, path, headers, body, address) -> Answer:
    """Return the answer of the front to a client at an address."""
    calling = call_asgi(app.asgi_app, method, path, headers, body, client=(address, 1234))
    status, headers, body = asyncio.run_coroutine_threadsafe(calling, event_loop.get()).result(60)
    return Answer(status, Headers(headers), body)


def by_flask(app, method, path, headers, body, address) -> Answer:
    """The same without the front."""
    of_client = {'REMOTE_ADDR': address}
    with app.test_client().open(path, method=method, headers=headers, data=body, environ_base=of_client) as answer:
        return Answer(answer.status_code, answer.headers, answer.data)


@lru_cache(maxsize=8)
def app_of(way, routes, environ):
    """Return an application of its own for each way. Tests share it, since making one takes long."""
    return create_app(routes, Conf('nowhere', dict(environ)))


@pytest.fixture(params=[by_front, by_flask], ids=['front', 'Flask alone'])
def make_call(request):
    """A function that returns how to call an application of these routes and settings, as a client of its own.

    `call = make_call(ROUTES, MODEL_SERVING_MODEL_RATE_LIMIT='3/minute')`, `call('/v1/XXXModel', body=b'…')`
    """

    def make(routes, **environ):
        app, own = app_of(request.param, tuple(routes), tuple(environ.items())), next(CLIENTS)

        def call(path='/v1/XXXModel', body=LEO, method='POST', address=own, headers=()):
            headers = Headers([('Content-Type', 'application/json'), *Headers(headers).items()])
            return request.param(app, method, path, headers, body, address)

        call.app = app
        return call

    return make
