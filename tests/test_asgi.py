"""The front: what is answered directly, deadlines, clients that leave, threads, streams."""

import asyncio
import gc
import json
import re
from functools import partial

import pytest
import requests

from model_serving.app import create_app
from model_serving.asgi import Exchange
from model_serving.front.startup import hooks
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import (
    BASE_FOLDER,
    call_asgi,
    entered,
    gate_in,
    gates_service,
    run_async,
    takes_less_memory_than,
    wait_until,
)
from tests.fakes import handler_resources as handlers
from tests.web.nasty_requests import post

ANSWER = {'result': 'Hello, Leo!'}
IMPATIENT = {'X-Request-Timeout': '0.3'}


def direct(*routes, change=lambda app: None) -> list:
    """Return the URLs whose valid calls are answered without Flask, by an app that the user may have changed."""
    app = create_app(routes, Conf('nowhere', {}))
    change(app)
    front = app.extensions['front']
    run_async(front.start())
    urls = [url for url, endpoint in front.endpoints.items() if endpoint.handler]
    others = [url for url in urls if url not in app.servables]
    # Those of other protocols call handlers of each kind, unless something of the user's is around every request.
    assert others in ([], list(app.predictions))
    assert bool(others) == (bool(urls) and hooks(app) == front.own_hooks)
    return [url for url in urls if url in app.servables]


class TestWhatIsDirect:
    """An async handler of a ModelResource, when nothing of the user's is around it."""

    def test_handlers(self):
        names = ('Async', 'Def', 'Forced', 'Request', 'ReadOnly', 'Decorated', 'InnerDecorated', 'MethodDecorated')
        routes = [
            Route(f'/v1/{name}Model', getattr(handlers, f'{name}Resource'), handlers.EchoModel)
            for name in (*names, 'Dispatching', 'Static', 'Partial')
        ]
        assert direct(*routes) == ['/v1/AsyncModel', '/v1/ForcedModel']

    @pytest.mark.parametrize(
        'change',
        [
            lambda app: app.before_request(lambda: None),
            lambda app: app.after_request(lambda response: response),
            lambda app: app.teardown_request(lambda error: None),
            lambda app: app.teardown_appcontext(lambda error: None),
            lambda app: setattr(app, 'wsgi_app', partial(app.wsgi_app)),
        ],
        ids=['before_request', 'after_request', 'teardown_request', 'teardown_appcontext', 'middleware'],
    )
    def test_nothing_is_direct_when_something_of_the_users_is_around_every_request(self, change):
        route = Route('/v1/XXXModel', XXXModelResource, XXXModel)
        assert direct(route) == ['/v1/XXXModel']
        assert direct(route, change=change) == []

    def test_a_guard_of_the_users_holds_for_every_call(self, make_service):
        main = (BASE_FOLDER / 'main.py').read_text(encoding='utf-8')
        guard = "\n\nif __name__ != '__main__':\n    app.before_request(lambda: ({'message': 'Who are you?'}, 401))\n"
        service = make_service({'main.py': main + guard})
        assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 401
        assert re.search(r'/v1/XXXModel .* answered by Flask, in 16 threads', service.log)


@pytest.fixture(scope='module')
def gates(service_class, tmp_path_factory):
    """A service with one worker of two threads, whose models wait at gates."""
    make = partial(service_class, tmp_path_factory.mktemp('gates') / 'model serving')
    environment = {'WORKERS': '1', 'THREADS': '2', 'MODEL_SERVING_DEFGATEMODEL_MAX_QUEUE': '5'}
    with gates_service(make, environment) as running:
        yield running


@pytest.fixture
def gate(gates):
    """A gate of the test's own; it is open after the test."""
    yield from gate_in(gates)


def opened(gate, *calls) -> list:
    """Let everybody through; return the answers to calls."""
    gate.touch()
    return [call.result() for call in calls]


@pytest.fixture
def calls(gates, gate, threads):
    """A function that calls a model from many threads, and waits until so many calls have come to the gate."""

    def call(path, count, come):
        before = entered(gates)
        made = [threads.submit(gates.post, path, {'gate': gate.name}) for _ in range(count)]
        wait_until(lambda: entered(gates) == before + come)
        return made

    return call


def test_a_call_leaves_nothing_to_the_garbage_collector():
    """Its memory is free at once: under load the collector would take time from every call."""

    async def exchanges_left():
        front = create_app().extensions['front']
        await front.start()
        gc.disable()
        for _ in range(10):
            headers = {'Content-Type': 'application/json'}
            status, *_ = await asyncio.create_task(
                call_asgi(front, 'POST', '/v1/XXXModel', headers, b'{"name": "Leo"}')
            )
            assert status == 200
        return sum(isinstance(each, Exchange) for each in gc.get_objects())

    try:
        assert run_async(exchanges_left()) == 0
    finally:
        gc.enable()


def test_context_variables_do_not_reach_the_next_request_of_a_connection(gates, connect):
    request = post(b'{"name": "Leo"}', line='POST /v1/RememberingModel HTTP/1.1')
    connection = connect(gates)
    connection.send(request * 3)
    assert [json.loads(connection.answer().body)['result'] for _ in range(3)] == ['nothing'] * 3
    assert json.loads(connection.call(request).body)['result'] == 'nothing'


def test_a_task_of_a_handler_that_calls_sys_exit_ends_nothing(gates):
    """It would end the worker with a status at which gunicorn halts the service."""
    workers = gates.worker_pids
    assert gates.post('/v1/ExitingModel', {}).status_code == 500
    assert gates.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    assert gates.worker_pids == workers


def test_calls_that_wait_for_a_prediction_need_no_thread(gates, gate, calls):
    first = calls('/v1/GateModel', 1, come=1)
    others = calls('/v1/GateModel', 20, come=0)
    for _ in range(20):
        assert gates.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    assert not any(call.done() for call in first + others)
    assert max(answer.json()['result'] for answer in opened(gate, *first, *others)) > 2


def test_the_deadline_ends_an_async_handler(gates):
    answer = gates.post('/v1/PatientModel', {}, headers=IMPATIENT)
    assert answer.status_code == 504
    assert answer.json()['message'] == 'PatientModel did not answer within 0.3 s. Send less, or wait longer.'
    assert (gates.folder / 'patient-ended').exists()


def test_the_client_of_a_def_handler_gets_its_504_on_time_and_the_thread_comes_back(gates, gate):
    before, instance = entered(gates), {'gate': gate.name}
    answers = [gates.post('/v1/DefGateModel', instance, headers=IMPATIENT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [504] * 3
    assert [answer.json()['message'] for answer in answers] == [
        *['DefGateModel did not answer within 0.3 s. Send less, or wait longer.'] * 2,
        'DefGateModel is busy: for 0.3 s all of its threads (2) were in use. Try again later.',
    ]
    opened(gate)
    assert gates.post('/v1/DefGateModel', instance).json() == {'result': 'through'}
    # The call that waited in vain for a thread was not made.
    assert entered(gates) == before + 3


def test_handlers_that_block_hold_up_nobody_else(gates, gate, calls):
    """All threads of one model are in use, and a prediction is waited for."""
    waiting = calls('/v1/DefGateModel', 2, come=2) + calls('/v1/GateModel', 1, come=1)
    assert gates.get('/health/live').status_code == 200
    assert gates.get('/nothing').status_code == 404
    assert gates.post('/v1/XXXModel', {}).status_code == 400
    assert gates.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    for method, status in (('GET', 200), ('HEAD', 200), ('OPTIONS', 200), ('PUT', 405)):
        assert requests.request(method, f'{gates.url}/v1/DefGateModel', timeout=10).status_code == status
    assert [answer.status_code for answer in opened(gate, *waiting)] == [200] * 3


def test_too_many_calls_of_a_def_handler_are_refused(gate, calls):
    made = calls('/v1/DefGateModel', 9, come=2)
    wait_until(lambda: sum(call.done() for call in made) == 4)
    answers = opened(gate, *made)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 4
    assert all(int(answer.headers['Retry-After']) >= 1 for answer in answers if answer.status_code == 429)


@pytest.mark.long
def test_calls_that_were_let_go_keep_no_memory(gates, gate, calls):
    """Their bodies would wait for a thread that calls their handlers."""
    held = calls('/v1/DefGateModel', 2, come=2)
    with takes_less_memory_than(64 * 2**20, gates):
        for _ in range(80):
            late = gates.post(
                '/v1/DefGateModel', {'gate': gate.name, 'a': 'x' * 1_000_000}, headers={'X-Request-Timeout': '0.01'}
            )
            assert late.status_code in (408, 504)
    assert [answer.status_code for answer in opened(gate, *held)] == [200] * 2


class TestStreams:
    """A `def` handler that returns Flask's Response of a generator."""

    @pytest.fixture
    def stream(self, gates, gate):
        """A function that calls it, and returns an answer that can be read in pieces."""
        return lambda **headers: gates.post('/v1/StreamModel', {'gate': gate.name}, headers=headers, stream=True)

    @pytest.fixture
    def end(self, gate):
        """A file that is there when the generator has ended."""
        return gate.with_name(f'{gate.name}-ended')

    def test_the_pieces_come_as_they_are_made(self, gates, gate, stream, end):
        before = entered(gates)
        with stream() as answer:
            pieces = answer.iter_content(None)
            assert next(pieces) == b'/v1/StreamModel '
            assert entered(gates) <= before + 1
            opened(gate)
            assert b''.join(pieces) == b'x end'
        assert end.exists()

    def test_a_client_that_leaves_ends_the_generator(self, gates, gate, stream, end):
        before, log = entered(gates), gates.log
        with stream():
            wait_until(lambda: entered(gates) == before + 1)
        opened(gate)
        wait_until(end.exists)
        assert 'Traceback' not in gates.log.removeprefix(log)

    def test_the_deadline_cuts_the_stream_off(self, gate, stream, end):
        with stream(**{'X-Request-Timeout': '0.5'}) as answer:
            assert answer.status_code == 200
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                answer.content  # noqa: B018 - reads it
        opened(gate)
        wait_until(end.exists)

    def test_a_client_of_http_1_0_gets_it_whole_and_without_chunks(self, gates, gate, connect):
        opened(gate)
        request = post(b'{"gate": "%s"}' % gate.name.encode(), line='POST /v1/StreamModel HTTP/1.0')
        head, _, body = connect(gates).exchange(request).partition(b'\r\n\r\n')
        assert b'transfer-encoding' not in head.lower()
        assert body == b'/v1/StreamModel x end'

    def test_a_large_answer_arrives_whole(self, gates, gate):
        opened(gate)
        answer = gates.post('/v1/StreamModel', {'gate': gate.name, 'size': 3_000_000})
        assert answer.text == '/v1/StreamModel ' + 'x' * 3_000_000 + ' end'
