"""The configuration of docs/deploy-nginx.md in front of two services, of which one ends, is killed or does not answer.

Marked long, as test_nginx.py.
"""

import contextlib
import os
import shutil
import signal
import socket
import threading
from collections import Counter
from functools import partial

import pytest
import requests

from tests.conftest import Service, entered, gates_service, streaming_service, wait_until
from tests.docs.test_nginx import Nginx
from tests.server.busy_clients import BusyClient, calling, wait_until_answered
from tests.server.raw_connection import HELLO, REQUEST, Connections

pytestmark = pytest.mark.long
SECOND = '    # server 10.0.0.12:9999'
# Busy clients send more than a person.
UNLIMITED = ('limit_req zone=clients burst=40 nodelay;', '')
LEO = {'name': 'Leo'}
SLOW = {'path': '/v1/SlowModel', 'body': b'{}', 'answer': {'result': True}}


def in_front_of(folder, first, second, *changes):
    """Return nginx in front of the services at two ports."""
    return Nginx(folder, first, UNLIMITED, *changes, (SECOND, f'    server 127.0.0.1:{second}'))


@pytest.fixture(scope='module')
def two(tmp_path_factory):
    """Two services with the models of tests/fakes/gate.py; a test that ends one starts it again."""
    folders = [tmp_path_factory.mktemp(name) / 'model serving' for name in ('first', 'second')]
    first, second = (gates_service(partial(Service, folder), {'WORKERS': '1'}) for folder in folders)
    with first, second:
        yield first, second


@pytest.fixture
def nginx(two, tmp_path):
    with in_front_of(tmp_path, *(service.port for service in two)) as running:
        yield running


def clients_of(nginx):
    """Return eight clients that call on kept connections, eight on new ones, and eight whose calls take two seconds."""
    quick = [BusyClient(nginx, keeps=number % 2) for number in range(16)]
    return quick + [BusyClient(nginx, keeps=number % 2, **SLOW) for number in range(8)]


def lost_by(clients) -> list:
    return [lost for client in clients for lost in client.lost]


def answered(service) -> int:
    return service.log.count('" 200 ')


def wait_until_it_gets_calls(service):
    before = answered(service)
    wait_until(lambda: answered(service) > before + 100)


def kill(service):
    """Kill all processes of a service, the master first, so that it starts no other worker; returns when it is gone."""
    for pid in (service.master_pid, *service.worker_pids):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not accepts_connections(service))


def accepts_connections(service) -> bool:
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', service.port)) == 0


def reload(service):
    assert service.run('bin/reload.sh').returncode == 0


def restart(service):
    service.stop()
    service.start()


@contextlib.contextmanager
def silent_machine():
    """Yield a port that neither accepts nor refuses connections, like that of a machine without power."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        # They fill its queue; the system drops the packets of further ones.
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_both_get_their_share_of_the_calls(two, nginx, threads):
    before = [answered(service) for service in two]
    assert {answer.status_code for answer in threads.map(nginx.post, [LEO] * 1000)} == {200}
    wait_until(lambda: sum(map(answered, two)) - sum(before) == 1000)
    shares = [answered(service) - earlier for service, earlier in zip(two, before, strict=True)]
    assert min(shares) > 300


def test_a_machine_with_a_long_call_gets_the_next_ones_last(two, nginx):
    before = [answered(service) for service in two]
    with nginx.post({'gate': 'long'}, '/v1/StreamModel', stream=True) as long:
        assert {nginx.post(LEO).status_code for _ in range(20)} == {200}
        wait_until(lambda: sum(map(answered, two)) - sum(before) == 20)
        for service in two:
            (service.folder / 'long').touch()
        assert long.text.endswith(' end')
    wait_until(lambda: sum(map(answered, two)) - sum(before) == 21)
    assert sorted(answered(service) - earlier for service, earlier in zip(two, before, strict=True)) == [1, 20]


@pytest.mark.parametrize('change', [reload, restart])
def test_a_change_of_one_machine_after_the_other_loses_no_call(two, nginx, change):
    clients = clients_of(nginx)
    with calling(clients):
        for service in two:
            change(service)
            wait_until_it_gets_calls(service)
    assert lost_by(clients) == []


def test_a_machine_that_is_killed_costs_the_calls_that_it_was_answering(make_gates, threads, tmp_path):
    """Each of the two has half of sixteen calls. The other machine gets no call twice."""
    first, second = (make_gates({'WORKERS': '1'}) for _ in range(2))
    with in_front_of(tmp_path, first.port, second.port) as nginx:
        held = [threads.submit(nginx.post, {}, '/v1/DefGateModel') for _ in range(16)]
        wait_until(lambda: entered(first) == entered(second) == 8)
        kill(first)
        assert {nginx.post(LEO).status_code for _ in range(100)} == {200}
        (second.folder / 'open').touch()
        assert Counter(call.result().status_code for call in held) == {200: 8, 503: 8}
    assert entered(second) == 8


def test_a_machine_that_is_killed_under_load_costs_each_client_one_call_at_most(two, nginx):
    first, _ = two
    clients = clients_of(nginx)
    with calling(clients):
        kill(first)
        wait_until_answered(clients)
        first.start()
        wait_until_it_gets_calls(first)
    assert max(len(client.lost) for client in clients) == 1
    # An answer that has begun breaks off; the clients of all others are told.
    assert all(lost == 503 or str(lost).startswith('IncompleteRead') for lost in lost_by(clients))


def test_a_machine_that_does_not_answer_at_all_costs_no_call(two, threads, tmp_path):
    with silent_machine() as port, in_front_of(tmp_path, port, two[1].port) as nginx:
        answers = list(threads.map(nginx.post, [LEO] * 100))
    assert {answer.status_code for answer in answers} == {200}


def test_a_post_that_takes_too_long_goes_to_no_other_machine(two, tmp_path):
    impatient = ('proxy_read_timeout 40s', 'proxy_read_timeout 1s')
    with in_front_of(tmp_path, *(service.port for service in two), impatient) as nginx:
        assert nginx.post({}, '/v1/PatientModel').status_code == 503
    assert [(service.folder / 'patient-began').exists() for service in two].count(True) == 1


def test_a_machine_that_is_taken_out_gets_no_calls_any_more(two, nginx):
    """With `down` in its line. nginx closes idle connections when it reads its file, so the clients keep none."""
    first, _ = two
    clients = [client for client in clients_of(nginx) if not client.keeps]
    with calling(clients):
        nginx.reload(f'{first.port} max_fails', f'{first.port} down max_fails')
        wait_until_answered(clients)
        before = answered(first)
        wait_until_answered(clients)
        assert answered(first) == before
    assert lost_by(clients) == []


def test_both_know_the_keys_of_a_copied_file_and_count_limits_alone(make_service, tmp_path):
    environment = {'WORKERS': '1', 'MODEL_SERVING_XXXMODEL_RATE_LIMIT': '10/day'}
    first, second = (make_service(environment=environment, start=False) for _ in range(2))
    key = first.run('bin/new-key.sh', 'shop').stdout.strip()
    shutil.copy(first.folder / 'conf' / 'api_keys', second.folder / 'conf')
    for service in (first, second):
        service.start()
    with in_front_of(tmp_path, first.port, second.port) as nginx:
        assert {nginx.post(LEO).status_code for _ in range(10)} == {401}
        answers = [nginx.post(LEO, headers={'X-API-Key': key}) for _ in range(40)]
    assert Counter(answer.status_code for answer in answers) == {200: 20, 429: 20}


def test_a_hundred_clients_that_send_a_byte_a_second_slow_nobody(nginx):
    """Each has come to another byte of its request. Those that then send the rest are answered, too."""
    others = [BusyClient(nginx, keeps=True) for _ in range(4)]
    with Connections(nginx) as opened:
        slow = [opened.open(REQUEST[:position]) for position in range(100)]
        with calling(others):
            for second in range(5):
                for position, connection in enumerate(slow, second):
                    connection.send(REQUEST[position : position + 1])
                threading.Event().wait(1)
            wait_until_answered(others)
        for position, connection in enumerate(slow, 5):
            connection.send(REQUEST[position:])
        assert [connection.answer().outcome for connection in slow] == [HELLO] * 100
    assert lost_by(others) == []


@pytest.mark.parametrize('accept', ['*/*', 'text/event-stream'])
def test_a_stream_of_a_machine_that_is_killed_breaks_off(make_service, tmp_path, accept):
    """The client's library raises an error, instead of taking what came for the whole answer."""
    service = streaming_service(partial(make_service, start=False))
    service.start()
    with Nginx(tmp_path, service.port) as nginx:
        body = {'pieces': 3, 'wait_at': 2}
        with nginx.post(body, '/v1/CountModel', headers={'Accept': accept}, stream=True) as answer:
            lines = filter(None, answer.iter_lines())
            assert b'"number":0' in next(lines)
            kill(service)
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(lines)
