"""The worker whose threads stay on their connections still serves everybody else."""

import contextlib
import functools
import http.client
import json
import os
import re
import select
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from model_serving.web.hub import Hub
from tests.conftest import BASE_FOLDER, Service, changed, memory, wait_until
from tests.web.nasty_requests import post

BODY = json.dumps({'name': 'Leo'}).encode()
REQUEST = b'POST /v1/XXXModel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (
    len(BODY),
    BODY,
)
# With this request its connection ends.
LAST = REQUEST.replace(b'Host: x', b'Host: x\r\nConnection: close')
ANSWER = {'result': 'Hello, Leo!'}
THREADS = 4
HUB = 'model_serving/web/hub.py'
# Without it each call that waits for a prediction has a thread.
LANE = {'MODEL_SERVING_SERVING_DIRECT_LANE': 'on'}

GATE_FILES = {
    'model_serving/models/gate_model.py': '''
from itertools import count
from pathlib import Path
from time import sleep

NUMBERS = count()


class GateModel:
    """Holds every call until its gate, a file, is there; each leaves a file of its own when it enters."""

    def predict(self, instances):
        return [self.enter() for _ in instances]

    def enter(self, gate='open'):
        Path(f'entered-{next(NUMBERS)}').touch()
        while not Path(gate).exists():
            sleep(0.01)
        return 'through'


class BatchModel(GateModel):
    """Answers with the size of the batch; the first one holds at the gate."""

    def predict(self, instances):
        self.enter()
        return [len(instances)] * len(instances)
''',
    'model_serving/resources/gate_model_resource.py': '''
from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


class GateModelResource(ModelResource):
    """Waits at a gate, then answers at length."""

    @validate_json({'type': 'object'})
    def post(self, instance):
        return {'result': self.model.enter(instance.get('gate', 'open')) * instance.get('times', 1)}


class BatchModelResource(ModelResource):
    """Waits for a batch."""

    @validate_json({'type': 'object'})
    def post(self, instance):
        return {'result': self.predict(instance)}
''',
    'model_serving/routes.py': (BASE_FOLDER / 'model_serving' / 'routes.py').read_text(encoding='utf-8')
    + """
from .models.gate_model import BatchModel, GateModel
from .resources.gate_model_resource import BatchModelResource, GateModelResource

ROUTES += (
    Route('/v1/GateModel', GateModelResource, GateModel),
    Route('/v1/BatchModel', BatchModelResource, BatchModel),
)
""",
}


class Client:
    """One kept-alive connection."""

    def __init__(self, service):
        self.connection = http.client.HTTPConnection('127.0.0.1', service.port, timeout=30)

    def call(self, path='/v1/XXXModel', body=BODY):
        self.connection.request('POST', path, body, {'Content-Type': 'application/json'})
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.fixture(scope='module')
def one_worker(tmp_path_factory):
    """A service with one worker of a few threads."""
    service = Service(tmp_path_factory.mktemp('worker'), environment={'WORKERS': '1', 'THREADS': str(THREADS)})
    service.start()
    yield service
    service.stop()


@pytest.fixture
def closing():
    """Closes what the test opens."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def clients(one_worker, closing):
    """Eight times as many connections as there are threads."""
    made = [Client(one_worker) for _ in range(8 * THREADS)]
    for client in made:
        closing.callback(client.connection.close)
    return made


@pytest.fixture
def connect(one_worker, closing):
    return lambda: closing.enter_context(socket.create_connection(('127.0.0.1', one_worker.port), timeout=20))


def begin(service, closing, data, count):
    """Return new connections on each of which a client has sent the data."""
    socks = [
        closing.enter_context(socket.create_connection(('127.0.0.1', service.port), timeout=20)) for _ in range(count)
    ]
    for sock in socks:
        sock.sendall(data)
    return socks


def all_of(sock):
    """All that comes, until the service closes the connection."""
    return b''.join(iter(lambda: sock.recv(65536), b''))


def test_more_idle_connections_than_threads_keep_nobody_waiting(clients):
    for _ in range(3):
        assert [client.call() for client in clients] == [(200, ANSWER)] * len(clients)


def test_more_busy_connections_than_threads_are_all_answered(clients):
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: [client.call() for _ in range(50)], clients))
    assert answers == [[(200, ANSWER)] * 50] * len(clients)


def test_short_connections_are_answered_beside_kept_ones(one_worker, clients):
    for client in clients:
        assert client.call() == (200, ANSWER)
        assert one_worker.post('/v1/XXXModel', {'name': 'Leo'}, headers={'Connection': 'close'}).json() == ANSWER


def test_pipelined_requests_are_answered_in_turn(connect):
    sock = connect()
    sock.sendall(REQUEST * 5 + LAST)
    answer = all_of(sock)
    assert answer.count(b'HTTP/1.1 200 OK') == 6
    assert answer.count(b'{"result":"Hello, Leo!"}') == 6


def sockets(pid):
    """How many sockets a process has open (Linux)."""
    folder = f'/proc/{pid}/fd'
    return sum(os.readlink(f'{folder}/{name}').startswith('socket:') for name in os.listdir(folder))


def test_connections_are_spread_over_the_workers(make_service, closing):
    service = make_service(environment={'WORKERS': '2'})
    before = [sockets(pid) for pid in service.worker_pids]
    for _ in range(24):
        client = Client(service)
        closing.callback(client.connection.close)
        assert client.call() == (200, ANSWER)
    mine = [sockets(pid) - count for pid, count in zip(service.worker_pids, before, strict=True)]
    assert sum(mine) == 24
    assert min(mine) >= 10


def test_a_worker_that_stands_still_is_not_waited_for(make_service, closing):
    service = make_service(environment={'WORKERS': '2'})
    standing = service.worker_pids[0]
    os.kill(standing, signal.SIGSTOP)
    closing.callback(os.kill, standing, signal.SIGCONT)
    for _ in range(24):
        client = Client(service)
        closing.callback(client.connection.close)
        assert client.call() == (200, ANSWER)


def test_calls_that_wait_for_a_prediction_need_no_thread_each(make_service):
    """Many more calls than threads are in one batch, and in between the others are answered."""
    calls = 6 * THREADS
    service = make_service(GATE_FILES, LANE | {'WORKERS': '1', 'THREADS': str(THREADS)})
    with ThreadPoolExecutor(calls) as pool:
        first = pool.submit(service.post, '/v1/BatchModel', {})
        wait_until(lambda: received(service) == 1)
        others = [pool.submit(service.post, '/v1/BatchModel', {}) for _ in range(calls - 1)]
        for _ in range(20):
            assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
        assert not any(call.done() for call in (first, *others))
        (service.folder / 'open').touch()
        results = [call.result() for call in (first, *others)]
    assert [answer.status_code for answer in results] == [200] * calls
    sizes = [answer.json()['result'] for answer in results]
    assert max(sizes) > THREADS


def test_a_leader_that_fails_still_answers_what_waits_in_its_hub(make_service):
    hub = 'model_serving/web/hub.py'
    source = (BASE_FOLDER / hub).read_text(encoding='utf-8')
    begin = source.index('        with suppress(BlockingIOError):\n            os.read')
    fails_once = (
        "        if os.path.exists('fail'):\n            os.remove('fail')\n            raise RuntimeError('once')\n"
    )
    service = make_service(
        {**GATE_FILES, hub: source[:begin] + fails_once + source[begin:]},
        LANE | {'WORKERS': '1', 'THREADS': str(THREADS)},
    )
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(service.post, '/v1/BatchModel', {}) for _ in range(3)]
        wait_until(lambda: received(service) == 1)
        (service.folder / 'fail').touch()
        (service.folder / 'open').touch()
        assert [call.result().status_code for call in calls] == [200] * 3
    assert 'Error of the leader' in service.log
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER


def test_a_hub_that_is_told_of_anothers_wake_up_goes_on():
    """Just after a change of leaders the new one's selector may tell of the old one's hub."""
    Hub().was_woken()


def test_handlers_that_stand_still_leave_the_others_a_thread(make_service):
    """Two calls hold their threads for good; everybody else goes on, whichever connection they come by."""
    service = make_service(GATE_FILES, {'WORKERS': '1', 'THREADS': '4'})
    with ThreadPoolExecutor(2) as pool:
        standing = [pool.submit(service.post, '/v1/GateModel', {}) for _ in range(2)]
        wait_until(lambda: received(service) == 2)
        kept = Client(service)
        for _ in range(50):
            assert kept.call() == (200, ANSWER)
            assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
        kept.connection.close()
        assert not any(call.done() for call in standing)
        (service.folder / 'open').touch()
        assert [call.result().status_code for call in standing] == [200] * 2


def test_who_waits_for_a_prediction_is_held_up_by_no_other_request(make_service, closing):
    """Neither by a handler that stands still, nor by clients that stop in the middle, more of them than threads."""
    service = make_service(GATE_FILES, LANE | {'WORKERS': '1', 'THREADS': str(THREADS)})
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(service.post, '/v1/BatchModel', {})
        wait_until(lambda: received(service) == 1)
        waiting = [pool.submit(service.post, '/v1/BatchModel', {}) for _ in range(7)]
        standing = [pool.submit(service.post, '/v1/GateModel', {'gate': 'other'}) for _ in range(2)]
        wait_until(lambda: received(service) == 3)
        stopped = begin(service, closing, b'', 2 * THREADS)
        for number, sock in enumerate(stopped):
            sock.sendall(REQUEST[: (30, -5)[number % 2]])
        assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
        (service.folder / 'open').touch()
        assert [call.result(timeout=10).status_code for call in (first, *waiting)] == [200] * 8
        assert not any(call.done() for call in standing)
        (service.folder / 'other').touch()
        assert [call.result().status_code for call in standing] == [200] * 2
    for number, sock in enumerate(stopped):
        sock.sendall(REQUEST[(30, -5)[number % 2] :])
        assert b'200 OK' in sock.recv(65536)


def test_what_no_handler_of_a_model_answers_waits_for_none(make_service):
    """All threads are taken by handlers that stand still, and a prediction is waited for."""
    service = make_service(GATE_FILES, LANE | {'WORKERS': '1', 'THREADS': '2'})
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(service.post, '/v1/BatchModel', {})]
        wait_until(lambda: received(service) == 1)
        calls += [pool.submit(service.post, '/v1/GateModel', {'gate': 'other'}) for _ in range(2)]
        wait_until(lambda: received(service) == 3)
        ask = functools.partial(requests.request, timeout=10)
        assert ask('GET', service.url + '/health/live').status_code == 200
        assert ask('GET', service.url + '/nothing').status_code == 404
        assert ask('POST', service.url + '/v1/XXXModel', json={}).status_code == 400
        for method, status in (('GET', 405), ('HEAD', 405), ('OPTIONS', 200)):
            assert ask(method, service.url + '/v1/GateModel').status_code == status
        late = ask('POST', service.url + '/v1/BatchModel', json={}, headers={'X-Request-Timeout': '0.2'})
        assert late.status_code == 504
        for gate in ('open', 'other'):
            (service.folder / gate).touch()
        assert [call.result().status_code for call in calls] == [200] * 3


def test_handlers_that_stand_still_one_after_the_other_never_take_all_threads(make_service):
    """Each when the one before has been standing for longer than the worker makes haste."""
    haste = 0.1
    service = make_service(GATE_FILES | changed(HUB, 'HASTE', haste), LANE | {'WORKERS': '1', 'THREADS': '2'})
    with ThreadPoolExecutor(4) as pool:
        calls = []
        for number in range(4):
            calls.append(pool.submit(service.post, '/v1/GateModel', {}))
            # The first one is called by the leader, two in threads of the model.
            wait_until(lambda number=number: received(service) == min(number + 1, 3))
            threading.Event().wait(3 * haste)
        ask = functools.partial(requests.request, timeout=10)
        assert ask('GET', service.url + '/health/live').status_code == 200
        # Nor do they hold up another model's. Who finds no free thread is let go at its deadline, by Flask's way, too.
        for content_type in ('application/json', 'application/json; a=b'):
            headers = {'X-Request-Timeout': '0.2', 'Content-Type': content_type}
            late = ask('POST', service.url + '/v1/GateModel', data='{}', headers=headers)
            assert late.status_code == 504
            assert late.json()['message'].startswith('GateModel did not come to answer within 0.2 s: ')
        assert ask('POST', service.url + '/v1/XXXModel', json={'name': 'Leo'}).json() == ANSWER
        assert received(service) == 3
        (service.folder / 'open').touch()
        assert [call.result().status_code for call in calls] == [200] * 4
    # The calls that were let go were not made.
    assert received(service) == 4


@pytest.mark.long
def test_clients_that_do_not_read_what_took_long_never_take_all_threads(make_service, closing):
    """Each call is made by the leader, then another thread leads, and this one waits for the client."""
    haste = 0.1
    service = make_service(GATE_FILES | changed(HUB, 'HASTE', haste), LANE | {'WORKERS': '1', 'THREADS': '2'})
    clients = []
    for number in range(4):
        body = b'{"gate":"gate-%d","times":1000000}' % number
        (sock,) = begin(service, closing, post(body, line='POST /v1/GateModel HTTP/1.1'), 1)
        wait_until(lambda number=number: received(service) == number + 1)
        threading.Event().wait(0.1)
        (service.folder / f'gate-{number}').touch()
        assert sock.recv(12) == b'HTTP/1.1 200'
        threading.Event().wait(3 * haste)
        clients.append(sock)
    assert requests.get(service.url + '/health/live', timeout=10).status_code == 200
    assert requests.post(service.url + '/v1/XXXModel', json={'name': 'Leo'}, timeout=10).json() == ANSWER
    for sock in clients:
        length = 0
        while length < 7_000_000:
            length += len(sock.recv(1_000_000))


def test_a_call_in_another_thread_is_held_up_by_none_that_stands_still(make_service):
    """It began while a prediction was waited for; that has come, and then a handler stands still."""
    service = make_service(GATE_FILES | changed(HUB, 'PATIENCE', 5), LANE | {'WORKERS': '1', 'THREADS': str(THREADS)})
    with ThreadPoolExecutor(3) as pool:
        prediction = pool.submit(service.post, '/v1/BatchModel', {})
        wait_until(lambda: received(service) == 1)
        call = pool.submit(service.post, '/v1/GateModel', {'gate': 'other'})
        wait_until(lambda: received(service) == 2)
        (service.folder / 'open').touch()
        assert prediction.result().status_code == 200
        standing = pool.submit(service.post, '/v1/GateModel', {'gate': 'third'})
        threading.Event().wait(0.5)
        (service.folder / 'other').touch()
        assert call.result(timeout=10).status_code == 200
        assert not standing.done()
        (service.folder / 'third').touch()
        assert standing.result().status_code == 200


@pytest.mark.parametrize(
    ('sent', 'answer'), [pytest.param(30, b'', marks=pytest.mark.long), (-5, b'HTTP/1.1 408 REQUEST TIMEOUT\r\n')]
)
def test_of_too_many_slow_clients_the_slowest_is_let_go(make_service, closing, sent, answer):
    """One that stopped in its head, which may be no request, gets no answer."""
    service = make_service(environment={'WORKERS': '1', 'THREADS': str(THREADS)})
    slow = begin(service, closing, REQUEST[:sent], 4 * THREADS)
    threading.Event().wait(1.2)  # from one second on they count as slow
    slow += begin(service, closing, REQUEST[:sent], 1)
    first = all_of(slow[0])
    assert first.startswith(answer)
    assert (b'\r\nConnection: close\r\n' in first) == bool(first) == bool(answer)
    # In one piece, or it would be a slow client, too.
    (quick,) = begin(service, closing, REQUEST, 1)
    assert b'200 OK' in quick.recv(65536)
    for sock in slow[1:]:
        sock.sendall(REQUEST[sent:])
        assert b'200 OK' in sock.recv(65536)
    wait_until(lambda: answer or service.log.count('A client was the slowest of too many') == 1)


@pytest.mark.parametrize('let_go', [0, 3])
def test_clients_whose_body_comes_a_little_later_are_not_slow(make_service, closing, let_go):
    """Unless they are so many that their bodies would take too much memory."""
    service = make_service(environment={'WORKERS': '1', 'THREADS': str(THREADS)})
    clients = begin(service, closing, REQUEST[:-5], 16 * THREADS + let_go)
    # Those in front are answered before the others have been waited for for long.
    answers = [all_of(sock)[:12] for sock in clients[:let_go]]
    for sock in clients[let_go:]:
        sock.sendall(REQUEST[-5:])
        answers.append(sock.recv(65536)[:12])
    assert answers == [b'HTTP/1.1 408'] * let_go + [b'HTTP/1.1 200'] * 16 * THREADS


@pytest.mark.long
def test_who_pauses_beside_many_that_send_a_little_at_a_time_is_waited_for(make_service, closing):
    service = make_service(environment={'WORKERS': '1', 'THREADS': str(THREADS)})
    clients = begin(service, closing, REQUEST[:-5], 4 * THREADS)
    threading.Event().wait(1.2)
    for sock in clients[1:]:
        sock.sendall(REQUEST[-5:-4])
    clients += begin(service, closing, REQUEST[:-5], 1)
    for sock, rest in zip(clients, (5, *[4] * (4 * THREADS - 1), 5), strict=True):
        sock.sendall(REQUEST[-rest:])
        assert b'200 OK' in sock.recv(65536)


@pytest.mark.long
def test_handlers_that_begin_where_nobody_leads_any_more_never_take_all_threads(make_service, closing):
    """Their clients were waited for by a thread that led then; a body that takes long to read ended that."""
    haste = 0.1
    service = make_service(GATE_FILES | changed(HUB, 'HASTE', haste), LANE | {'WORKERS': '1', 'THREADS': '2'})
    request = post(b'{"a":1}', line='POST /v1/GateModel HTTP/1.1')
    takes_long = {'name': [1] * 300_000}
    clients = []
    for number in range(4):
        clients += begin(service, closing, request[:-3], 1)
        assert service.post('/v1/XXXModel', takes_long).status_code == 400
        threading.Event().wait(3 * haste)
        clients[-1].sendall(request[-3:])
        wait_until(lambda number=number: received(service) == min(number + 1, 2))
        threading.Event().wait(3 * haste)
        assert requests.get(service.url + '/health/live', timeout=10).status_code == 200
    (service.folder / 'open').touch()
    for sock in clients:
        assert b'200 OK' in sock.recv(65536)


@pytest.mark.parametrize(
    ('settings', 'held'),
    [({'MODEL_SERVING_GATEMODEL_MAX_QUEUE': '6'}, 6), ({'GUNICORN_CMD_ARGS': '--worker-connections 40'}, 20)],
)
def test_too_many_calls_that_stand_still_are_refused(make_service, closing, settings, held):
    """More than the model may hold, or than half of the connections; the first one is called by the leader."""
    service = make_service(GATE_FILES, LANE | {'WORKERS': '1', 'THREADS': '2', **settings})
    call = post(b'{}', line='POST /v1/GateModel HTTP/1.1')
    (first,) = begin(service, closing, call, 1)
    wait_until(lambda: received(service) == 1)
    others = begin(service, closing, call, held + 3)
    wait_until(lambda: len(select.select(others, [], [], 0)[0]) == 3)
    for sock in select.select(others, [], [], 0)[0]:
        head, _, body = sock.recv(65536).partition(b'\r\n\r\n')
        assert head.startswith(b'HTTP/1.1 429 ')
        again = re.search(rb'\r\nRetry-After: (\d+)\r\n', head)[1]
        assert b'%d calls wait for GateModel already. Try again in %s s.' % (held, again) in body
        others.remove(sock)
    assert requests.get(service.url + '/health/live', timeout=10).status_code == 200
    (service.folder / 'open').touch()
    for sock in (first, *others):
        assert b' 200 OK' in sock.recv(65536)


def test_calls_that_were_let_go_keep_no_memory(make_service):
    """Their bodies would wait for a thread that calls their handlers."""
    service = make_service(GATE_FILES, LANE | {'WORKERS': '1', 'THREADS': '2'})
    with ThreadPoolExecutor(3) as pool:
        standing = [pool.submit(service.post, '/v1/GateModel', {}) for _ in range(3)]
        wait_until(lambda: received(service) == 3)
        before = memory(service.worker_pids[0])
        for _ in range(80):
            answer = service.post('/v1/GateModel', {'a': 'x' * 1_000_000}, headers={'X-Request-Timeout': '0.01'})
            assert answer.status_code == 504
        assert memory(service.worker_pids[0]) - before < 64 * 2**20
        (service.folder / 'open').touch()
        assert [call.result().status_code for call in standing] == [200] * 3


def test_with_one_thread_no_two_handlers_run_at_a_time(make_service):
    service = make_service(GATE_FILES, {'WORKERS': '1', 'THREADS': '1'})
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(service.post, '/v1/GateModel', {}) for _ in range(2)]
        wait_until(lambda: received(service) == 1)
        with pytest.raises(requests.Timeout):
            requests.post(service.url + '/v1/GateModel', json={}, timeout=1)
        assert received(service) == 1
        (service.folder / 'open').touch()
        assert [call.result().status_code for call in calls] == [200] * 2


def test_clients_that_dribble_hold_no_thread(connect, clients):
    dribbling = [connect() for _ in range(3 * THREADS)]
    for sock in dribbling:
        sock.sendall(REQUEST[:20])
    for position in range(20, len(REQUEST)):
        for sock in dribbling:
            sock.sendall(REQUEST[position : position + 1])
        assert clients[0].call() == (200, ANSWER)
    for sock in dribbling:
        assert b'200 OK' in sock.recv(65536)


@pytest.mark.parametrize('sent', [b'', LAST + b'GET'])
def test_idle_connections_beyond_the_limit_keep_nobody_out(make_service, closing, sent):
    service = make_service(environment={'WORKERS': '1', 'GUNICORN_CMD_ARGS': '--worker-connections 40'})
    begin(service, closing, sent, 100)
    client = Client(service)
    closing.callback(client.connection.close)
    client.connection.timeout = 10  # the stock worker would let it wait for 75 s
    assert client.call() == (200, ANSWER)
    # The oldest went, whoever has just been here is still connected.
    assert client.call() == (200, ANSWER)


def test_as_many_connections_as_the_system_has_files_keep_nobody_out(make_service, closing):
    service = make_service(environment={'WORKERS': '1'}, start=False)
    service.run('sh', '-c', 'ulimit -n 256 && bin/start.sh', check=True)
    (worker,) = service.worker_pids
    begin(service, closing, b'', 400)
    client = Client(service)
    closing.callback(client.connection.close)
    client.connection.timeout = 10
    assert client.call() == (200, ANSWER)
    assert service.worker_pids == [worker]


def test_clients_that_send_ahead_leave_the_others_their_turn(one_worker, connect, clients):
    """More of them than threads, each with thousands of requests at once, for as long as the others call."""
    greedy = [connect() for _ in range(3 * THREADS)]
    done = threading.Event()

    def send(sock):
        answered = 0
        sock.setblocking(False)
        waiting = b''
        while not done.is_set():
            readable, writable, _ = select.select([sock], [sock], [], 1)
            if writable:
                waiting = waiting or REQUEST * 1000
                waiting = waiting[sock.send(waiting) :]
            if readable:
                answered += sock.recv(65536).count(b'HTTP/1.1 200 OK')
        return answered

    with ThreadPoolExecutor(len(greedy)) as pool:
        sending = [pool.submit(send, sock) for sock in greedy]
        clients[0].connection.timeout = 10
        try:
            assert [clients[0].call() for _ in range(20)] == [(200, ANSWER)] * 20
            for _ in range(3):
                assert one_worker.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
        finally:
            done.set()
        # These are answered, too.
        assert all(call.result() for call in sending)


def test_silent_connections_take_no_thread_for_good(connect, clients):
    for _ in range(4 * THREADS):
        connect()
    clients[0].connection.timeout = 4  # the stock worker would keep it waiting for 20 s
    assert clients[0].call() == (200, ANSWER)


@pytest.mark.parametrize('request_', [LAST, b'nonsense\r\n\r\n'])
def test_connections_that_the_client_does_not_close_keep_nobody_waiting(connect, clients, request_):
    left_open = [connect() for _ in range(2 * THREADS)]
    for sock in left_open:
        sock.sendall(request_)
    clients[0].connection.timeout = 4  # the stock worker's main thread waits 2 s for each of them
    assert clients[0].call() == (200, ANSWER)


def test_a_client_that_goes_on_sending_is_cut_off(connect, clients):
    sock = connect()
    sock.sendall(b'nonsense\r\n\r\n')
    with pytest.raises(ConnectionError):
        sock.sendall(bytes(100_000_000))
    assert clients[0].call() == (200, ANSWER)


def test_clients_that_fall_silent_are_let_go(make_service, closing):
    """In a head, in a body, in chunks, and while they are sent an answer: more of each than there are threads."""
    from tests.fakes.misbehaving import files

    service = make_service(files() | changed(HUB, 'SILENCE', 1), {'WORKERS': '1', 'THREADS': '4'})
    large = b'{"do":"large","value":30000000}'
    head = b'POST /v1/BadModel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
    length = b'Content-Length: %d\r\n\r\n' % len(large)
    silent = (head, head + length, head + b'Transfer-Encoding: chunked\r\n\r\n1f\r\n', head + length + large)
    clients = []
    for part in silent * 2:
        clients += begin(service, closing, part, 1)
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    answers = [all_of(sock)[:12] for number, sock in enumerate(clients) if number % 4 < 3]
    assert answers == [b'', b'HTTP/1.1 408', b'HTTP/1.1 408'] * 2
    wait_until(lambda: service.log.count('A client was silent for 1 s') == 4)
    assert 'Traceback' not in service.log


def cpu_seconds(pid):
    """How much of a processor a process has used (Linux)."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_what_comes_after_the_last_request_costs_nothing(make_service, closing):
    """More bytes behind `Connection: close`, on connections that their clients leave open."""
    service = make_service(environment={'WORKERS': '1'})
    (worker,) = service.worker_pids
    for sock in begin(service, closing, LAST + b'GET', 400):
        assert b'200 OK' in sock.recv(65536)
    before = cpu_seconds(worker)
    threading.Event().wait(2)
    assert cpu_seconds(worker) - before < 0.2


def test_a_body_that_nobody_will_read_ends_its_connection(connect):
    """gunicorn reads no more than 64 KiB of it, for the sake of the next request."""
    for size, expected in ((60_000, b'keep-alive'), (200_000, b'close')):
        sock = connect()
        sock.sendall(post(bytes(size), line='POST /nothing HTTP/1.1'))
        head = sock.recv(65536).partition(b'\r\n\r\n')[0]
        assert b'\r\nConnection: ' + expected in head


CHUNKED = (
    b'POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxx'
)


@pytest.mark.parametrize('threads', ['1', '2'])
def test_bodies_in_chunks_that_stop_hold_no_thread(make_service, closing, threads):
    """Of a model, and where nobody reads them."""
    service = make_service(environment={'WORKERS': '1', 'THREADS': threads})
    for path in (b'XXXModel', b'NoSuchModel', b'DigitsModel') * 2:
        begin(service, closing, CHUNKED % path, 1)
    client = Client(service)
    closing.callback(client.connection.close)
    client.connection.timeout = 3  # stock gunicorn waits 5 s for the rest of a body that nobody reads
    assert [client.call() for _ in range(20)] == [(200, ANSWER)] * 20


def test_silent_connections_do_not_delay_the_end(make_service, closing):
    service = make_service()
    begin(service, closing, b'', 4)
    # The next connection is answered after those have been given back to the poller.
    assert [service.post('/v1/XXXModel', {'name': 'Leo'}).json() for _ in range(4)] == [ANSWER] * 4
    service.run('bin/stop.sh', check=True, timeout=15)


def test_the_signal_hup_renews_the_workers(make_service):
    """Also where a new one takes so long to start that no old one is left."""
    model = 'model_serving/models/xxx_model.py'
    source = (BASE_FOLDER / model).read_text(encoding='utf-8')
    assert 'load_before_fork = True' in source
    source = source.replace('load_before_fork = True', 'load_before_fork = False')
    begin = source.index('        LOGGER.info')
    waits = (
        '        from os.path import exists\n        from time import sleep\n'
        "        while exists('wait') and not exists('go'):\n            sleep(0.05)\n"
    )
    service = make_service({model: source[:begin] + waits + source[begin:]})
    old = service.worker_pids
    (service.folder / 'wait').touch()
    os.kill(service.master_pid, signal.SIGHUP)
    wait_until(lambda: not any(Path(f'/proc/{pid}').exists() for pid in old))
    (service.folder / 'go').touch()
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    service.run('bin/stop.sh', check=True)
    assert 'Not all workers could start' not in service.log


def test_what_was_accepted_is_answered_when_the_service_ends(make_service):
    """TERM while calls are at the gate: they are answered, then the service is gone."""
    service = make_service(GATE_FILES, {'WORKERS': '1', 'THREADS': str(THREADS)})
    with ThreadPoolExecutor(THREADS) as pool:
        calls = [pool.submit(service.post, '/v1/GateModel', {}) for _ in range(THREADS)]
        wait_until(lambda: received(service) == THREADS)
        os.kill(service.master_pid, signal.SIGTERM)
        wait_until(lambda: 'Handling signal: term' in service.log)
        (service.folder / 'open').touch()
        answers = [call.result() for call in calls]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {'result': 'through'})] * THREADS
    wait_until(lambda: not (service.folder / 'tmp' / 'model-serving-demo.pid').exists())


@pytest.mark.long
def test_a_request_that_came_with_another_is_answered_when_the_worker_ends(make_service, closing):
    """The first one's answer was begun before, so it says that the connection goes on."""
    service = make_service(GATE_FILES, {'WORKERS': '1', 'THREADS': str(THREADS)})
    (sock,) = begin(service, closing, post(b'{}', line='POST /v1/GateModel HTTP/1.1') + REQUEST, 1)
    wait_until(lambda: received(service) == 1)
    os.kill(service.master_pid, signal.SIGTERM)
    wait_until(lambda: 'Handling signal: term' in service.log)
    (service.folder / 'open').touch()
    answers = all_of(sock)
    assert answers.count(b'HTTP/1.1 200 OK') == 2
    assert b'{"result":"through"}' in answers
    assert b'{"result":"Hello, Leo!"}' in answers
    wait_until(lambda: not (service.folder / 'tmp' / 'model-serving-demo.pid').exists(), 10)


def test_who_has_just_connected_is_answered_when_the_worker_ends(make_service, closing):
    """A connection is made before the worker ends, its request comes a little later."""
    service = make_service(GATE_FILES, {'WORKERS': '1', 'THREADS': str(THREADS)})
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(service.post, '/v1/GateModel', {})
        wait_until(lambda: received(service) == 1)
        os.kill(service.worker_pids[0], signal.SIGSTOP)
        (late,) = begin(service, closing, b'', 1)
        os.kill(service.master_pid, signal.SIGTERM)
        wait_until(lambda: 'Handling signal: term' in service.log)
        os.kill(service.worker_pids[0], signal.SIGCONT)
        # Much longer than the leader watches a silent connection, and shorter than a worker that stops does.
        threading.Event().wait(0.1)
        late.sendall(REQUEST)
        assert b'200 OK' in late.recv(65536)
        (service.folder / 'open').touch()
        assert held.result().status_code == 200


def received(service):
    """How many calls stand at the gate."""
    return len(list(service.folder.glob('entered-*')))


TELLS_A_NEW_WORKER = """

_post_fork = post_fork


def post_fork(server, worker):
    _post_fork(server, worker)
    if (BASE_FOLDER / 'tell').exists():
        (BASE_FOLDER / 'tell').rename(BASE_FOLDER / 'told')
        os.kill(os.getpid(), 15)
"""


def test_a_worker_that_is_told_to_end_before_it_listens_to_signals_ends(make_service):
    """gunicorn's master tells each worker once; one that missed it would serve on while the master waits for it."""
    conf = (BASE_FOLDER / 'conf' / 'gunicorn.conf.py').read_text(encoding='utf-8')
    service = make_service(files={'conf/gunicorn.conf.py': conf + TELLS_A_NEW_WORKER})
    first = service.worker_pids
    (service.folder / 'tell').touch()
    os.kill(first[0], signal.SIGKILL)
    # The new worker ends at once, and another takes its place.
    for _ in range(200):
        pids = re.findall(r'Booting worker with pid: ([0-9]+)', service.log)
        if len(pids) == 4 and f'Worker exiting (pid: {pids[2]})' in service.log:
            break
        time.sleep(0.05)
    assert int(pids[2]) not in service.worker_pids
    assert service.post('/v1/XXXModel', json={'name': 'Leo'}).json() == ANSWER
