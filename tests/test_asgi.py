"""The front: what is answered directly, deadlines, clients that leave, threads, streams."""

import re
import socket

import pytest
import requests

from model_serving.app import create_app
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER, entered, memory, run_async, wait_until
from tests.fakes import handler_resources as handlers
from tests.web.nasty_requests import post

ANSWER = {'result': 'Hello, Leo!'}


def direct(app) -> list:
    """Return the URLs whose valid calls the front answers without Flask."""
    front = app.extensions['front']
    run_async(front.start())
    return [url for url, endpoint in front.endpoints.items() if endpoint.handler]


class TestWhatIsDirect:
    """An async handler of a ModelResource, when nothing of the user's is around it."""

    def test_handlers(self):
        names = ('Async', 'Def', 'Forced', 'Request', 'ReadOnly', 'Decorated', 'InnerDecorated', 'MethodDecorated')
        routes = [
            Route(f'/v1/{name}Model', getattr(handlers, f'{name}Resource'), handlers.EchoModel)
            for name in (*names, 'Dispatching', 'Static', 'Partial')
        ]
        assert direct(create_app(routes, Conf('nowhere', {}))) == ['/v1/AsyncModel', '/v1/ForcedModel']

    @pytest.mark.parametrize('hook', ['before_request', 'after_request', 'teardown_request', 'teardown_appcontext'])
    def test_nothing_is_direct_when_the_app_has_a_hook_of_the_users(self, hook):
        app = create_app([Route('/v1/XXXModel', XXXModelResource, XXXModel)], Conf('nowhere', {}))
        assert direct(app) == ['/v1/XXXModel']
        app = create_app([Route('/v1/XXXModel', XXXModelResource, XXXModel)], Conf('nowhere', {}))
        getattr(app, hook)(lambda *arguments: None)
        assert direct(app) == []

    def test_nothing_is_direct_when_the_app_is_wrapped(self):
        app = create_app([Route('/v1/XXXModel', XXXModelResource, XXXModel)], Conf('nowhere', {}))
        inner = app.wsgi_app
        app.wsgi_app = lambda environ, start_response: inner(environ, start_response)
        assert direct(app) == []

    def test_a_guard_of_the_users_holds_for_every_call(self, make_service):
        main = (BASE_FOLDER / 'main.py').read_text(encoding='utf-8')
        guard = "\n\nif __name__ != '__main__':\n    app.before_request(lambda: ({'message': 'Who are you?'}, 401))\n"
        service = make_service({'main.py': main + guard})
        assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 401
        assert re.search(r'/v1/XXXModel .* answered by Flask, in 16 threads', service.log)


@pytest.fixture
def gates(make_gates):
    """A service with one worker of two threads, whose models wait at gates."""
    return make_gates({'WORKERS': '1', 'THREADS': '2', 'MODEL_SERVING_DEFGATEMODEL_MAX_QUEUE': '5'})


def leave(service, path, body=b'{}', until=lambda: True):
    """Call a model, and close the connection before the answer, as soon as `until()`."""
    with socket.create_connection(('127.0.0.1', service.port), timeout=20) as sock:
        sock.sendall(post(body, line=f'POST {path} HTTP/1.1'))
        wait_until(until)


def test_forty_callers_of_a_slow_model_are_all_answered(gates, threads):
    answers = list(threads.map(lambda _: gates.post('/v1/SlowModel', {}), range(40)))
    assert [answer.status_code for answer in answers] == [200] * 40


def test_calls_that_wait_for_a_prediction_need_no_thread(gates, threads):
    first = threads.submit(gates.post, '/v1/GateModel', {})
    wait_until(lambda: entered(gates) == 1)
    others = [threads.submit(gates.post, '/v1/GateModel', {}) for _ in range(20)]
    for _ in range(20):
        assert gates.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    assert not any(call.done() for call in (first, *others))
    (gates.folder / 'open').touch()
    sizes = [call.result().json()['result'] for call in (first, *others)]
    assert max(sizes) > 2


def test_a_call_whose_client_has_left_is_not_predicted(gates, threads):
    first = threads.submit(gates.post, '/v1/GateModel', {})
    wait_until(lambda: entered(gates) == 1)
    for _ in range(6):
        leave(gates, '/v1/GateModel')
    wait_until(lambda: gates.log.count('" 499 ') == 6)
    (gates.folder / 'open').touch()
    assert first.result().json() == {'result': 1}
    assert gates.post('/v1/GateModel', {}).json() == {'result': 1}
    assert entered(gates) == 2
    assert 'Traceback' not in gates.log


def test_a_client_that_leaves_ends_an_async_handler(gates):
    leave(gates, '/v1/PatientModel', until=(gates.folder / 'patient-began').exists)
    wait_until((gates.folder / 'patient-ended').exists)
    assert 'Traceback' not in gates.log


def test_the_deadline_ends_an_async_handler(gates):
    answer = gates.post('/v1/PatientModel', {}, headers={'X-Request-Timeout': '0.3'})
    assert answer.status_code == 504
    assert answer.json()['message'] == 'PatientModel did not answer within 0.3 s. Send less, or wait longer.'
    assert (gates.folder / 'patient-ended').exists()


def test_the_client_of_a_def_handler_gets_its_504_on_time_and_the_thread_comes_back(gates, threads):
    for _ in range(2):
        answer = gates.post('/v1/DefGateModel', {}, headers={'X-Request-Timeout': '0.3'})
        assert answer.json()['message'] == 'DefGateModel did not answer within 0.3 s. Send less, or wait longer.'
    busy = gates.post('/v1/DefGateModel', {}, headers={'X-Request-Timeout': '0.3'})
    assert busy.status_code == 504
    assert busy.json()['message'] == (
        'DefGateModel is busy: for 0.3 s all 2 of its threads were in use. Try again later.'
    )
    (gates.folder / 'open').touch()
    assert gates.post('/v1/DefGateModel', {}).json() == {'result': 'through'}
    # The call that waited in vain for a thread was not made.
    assert entered(gates) == 3


def test_handlers_that_block_hold_up_nobody_else(gates, threads):
    """All threads of one model are in use, and a prediction is waited for."""
    calls = [threads.submit(gates.post, '/v1/DefGateModel', {}) for _ in range(2)]
    calls.append(threads.submit(gates.post, '/v1/GateModel', {'gate': 'other'}))
    wait_until(lambda: entered(gates) == 3)
    assert gates.get('/health/live').status_code == 200
    assert gates.get('/nothing').status_code == 404
    assert gates.post('/v1/XXXModel', {}).status_code == 400
    assert gates.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    for method, status in (('GET', 405), ('HEAD', 405), ('OPTIONS', 200)):
        assert requests.request(method, f'{gates.url}/v1/DefGateModel', timeout=10).status_code == status
    for gate in ('open', 'other'):
        (gates.folder / gate).touch()
    assert [call.result().status_code for call in calls] == [200] * 3


def test_too_many_calls_of_a_def_handler_are_refused(gates, threads):
    calls = [threads.submit(gates.post, '/v1/DefGateModel', {}) for _ in range(9)]
    wait_until(lambda: sum(call.done() for call in calls) == 4)
    refused = [call.result() for call in calls if call.done()]
    assert {answer.status_code for answer in refused} == {429}
    assert all(int(answer.headers['Retry-After']) >= 1 for answer in refused)
    (gates.folder / 'open').touch()
    assert sorted(call.result().status_code for call in calls) == [200] * 5 + [429] * 4


def test_calls_that_were_let_go_keep_no_memory(gates, threads):
    """Their bodies would wait for a thread that calls their handlers."""
    held = [threads.submit(gates.post, '/v1/DefGateModel', {}) for _ in range(2)]
    wait_until(lambda: entered(gates) == 2)
    (worker,) = gates.worker_pids
    before = memory(worker)
    for _ in range(80):
        late = gates.post('/v1/DefGateModel', {'a': 'x' * 1_000_000}, headers={'X-Request-Timeout': '0.01'})
        assert late.status_code in (408, 504)
    assert memory(worker) - before < 64 * 2**20
    (gates.folder / 'open').touch()
    assert [call.result().status_code for call in held] == [200] * 2


class TestStreams:
    """A `def` handler that returns Flask's Response of a generator."""

    def test_the_pieces_come_as_they_are_made(self, gates):
        with requests.post(f'{gates.url}/v1/StreamModel', json={}, stream=True, timeout=20) as answer:
            pieces = answer.iter_content(None)
            assert next(pieces) == b'/v1/StreamModel '
            assert entered(gates) <= 1
            (gates.folder / 'open').touch()
            assert b''.join(pieces) == b'x end'
        assert (gates.folder / 'stream-ended').exists()

    def test_a_client_that_leaves_ends_the_generator(self, gates):
        leave(gates, '/v1/StreamModel', until=lambda: entered(gates) == 1)
        (gates.folder / 'open').touch()
        wait_until((gates.folder / 'stream-ended').exists)
        assert 'Traceback' not in gates.log

    def test_the_deadline_cuts_the_stream_off(self, gates):
        headers = {'X-Request-Timeout': '0.5'}
        with requests.post(f'{gates.url}/v1/StreamModel', json={}, headers=headers, stream=True, timeout=20) as answer:
            assert answer.status_code == 200
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                answer.content  # noqa: B018 - reads it
        (gates.folder / 'open').touch()
        wait_until((gates.folder / 'stream-ended').exists)

    def test_a_client_of_http_1_0_gets_it_whole_and_without_chunks(self, gates):
        (gates.folder / 'open').touch()
        with socket.create_connection(('127.0.0.1', gates.port), timeout=20) as sock:
            sock.sendall(post(b'{}', line='POST /v1/StreamModel HTTP/1.0'))
            head, _, body = b''.join(iter(lambda: sock.recv(65536), b'')).partition(b'\r\n\r\n')
        assert b'transfer-encoding' not in head.lower()
        assert body == b'/v1/StreamModel x end'

    def test_a_large_answer_arrives_whole(self, gates):
        (gates.folder / 'open').touch()
        answer = gates.post('/v1/StreamModel', {'size': 3_000_000})
        assert answer.text == '/v1/StreamModel ' + 'x' * 3_000_000 + ' end'
        assert len(gates.get('/jquery.min.js').content) > 80_000
