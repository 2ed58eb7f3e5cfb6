"""The signals of gunicorn: none but INT and QUIT loses a request that was accepted."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import BASE_FOLDER, entered, wait_until
from tests.web.nasty_requests import post

ANSWER = {'result': 'Hello, Leo!'}
REQUEST = post(b'{"name": "Leo"}', line='POST /v1/XXXModel HTTP/1.1')


class Caller:
    """A busy client: on one kept connection, which it opens again when the service says so, or on a new one each time.

    `answered` counts its answers, `lost` tells of each request that was sent and not answered.
    """

    def __init__(self, service, keeps):
        self.service, self.keeps = service, keeps
        self.answered, self.lost = 0, []
        self.stopping = threading.Event()

    def __call__(self):
        connection = None
        while not self.stopping.is_set():
            connection = connection or http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=60)
            headers = {'Content-Type': 'application/json', **({} if self.keeps else {'Connection': 'close'})}
            try:
                connection.request('POST', '/v1/XXXModel', b'{"name": "Leo"}', headers)
                response = connection.getresponse()
                if (response.status, json.loads(response.read())) != (200, ANSWER):
                    self.lost.append(response.status)
            except OSError as error:
                self.lost.append(repr(error))
                connection = None
                continue
            self.answered += 1
            if response.will_close:
                connection.close()
                connection = None
        if connection:
            connection.close()


@contextlib.contextmanager
def busy_clients(service, count=16):
    """Have clients call, every other one on kept connections; at the end none of their requests was lost."""
    callers = [Caller(service, keeps=bool(number % 2)) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(caller) for caller in callers]
        wait_until(lambda: all(caller.answered for caller in callers))
        try:
            yield callers
            before = [caller.answered for caller in callers]
            wait_until(lambda: all(caller.answered > count for caller, count in zip(callers, before, strict=True)))
        finally:
            for caller in callers:
                caller.stopping.set()
        for call in running:
            call.result()
    assert [caller.lost for caller in callers] == [[]] * count


def are_gone(pids) -> bool:
    return not any(is_running(pid) for pid in pids)


def is_running(pid) -> bool:
    """Tell whether a process runs; a zombie does not, and how long it stays is up to its parent."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def hang_up(service):
    """Have the service renew its workers; returns when the old ones are gone."""
    old = service.worker_pids
    os.kill(service.master_pid, signal.SIGHUP)
    wait_until(lambda: are_gone(old))


@pytest.mark.parametrize('times', [2, pytest.param(10, marks=pytest.mark.long)])
def test_hup_loses_no_request_of_busy_clients(make_service, times):
    service = make_service()
    with busy_clients(service) as callers:
        for _ in range(times):
            hang_up(service)
    assert sum(caller.answered for caller in callers) > 100


@pytest.mark.long
def test_hup_renews_workers_that_take_long_to_start(make_service):
    """For a while there is no worker; clients wait for the next one."""
    main = (BASE_FOLDER / 'main.py').read_text(encoding='utf-8')
    waits = "\n\nimport os, time\n\nwhile os.path.exists('wait'):\n    time.sleep(0.05)\n"
    conf = (BASE_FOLDER / 'conf' / 'gunicorn.conf.py').read_text(encoding='utf-8')
    service = make_service({'main.py': main + waits, 'conf/gunicorn.conf.py': f'{conf}preload_app = False\n'})
    (service.folder / 'wait').touch()
    hang_up(service)
    (service.folder / 'wait').unlink()
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER


def test_term_answers_what_was_accepted(make_gates, threads):
    """Calls that run and calls that wait in a queue, for longer than gunicorn's own time-out."""
    service = make_gates({'WORKERS': '1', 'THREADS': '2', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    calls = [threads.submit(service.post, path, {}) for path in ('/v1/GateModel', '/v1/DefGateModel') for _ in range(4)]
    wait_until(lambda: entered(service) == 3)
    os.kill(service.master_pid, signal.SIGTERM)
    wait_until(lambda: 'Handling signal: term' in service.log)
    threading.Event().wait(3)  # longer than the time-out
    (service.folder / 'open').touch()
    assert [call.result().status_code for call in calls] == [200] * 8
    wait_until(lambda: not (service.folder / 'tmp' / 'model-serving-demo.pid').exists())
    assert 'WORKER TIMEOUT' not in service.log
    # The last lines of the access log are written, too.
    assert service.log.count('Model" 200 ') == 8


@pytest.mark.long
def test_calls_that_take_longer_than_the_graceful_time_are_told_so(make_gates, threads):
    service = make_gates({'WORKERS': '1', 'GUNICORN_CMD_ARGS': '--graceful-timeout 2'})
    call = threads.submit(service.post, '/v1/PatientModel', {})
    wait_until((service.folder / 'patient-began').exists)
    os.kill(service.master_pid, signal.SIGTERM)
    assert call.result().status_code == 503
    assert call.result().json()['message'].startswith('The service was stopped before the model had answered.')


def test_term_answers_requests_that_came_together(make_gates):
    service = make_gates({'WORKERS': '1'})
    with socket.create_connection(('127.0.0.1', service.port), timeout=20) as sock:
        sock.sendall(post(b'{}', line='POST /v1/GateModel HTTP/1.1') + REQUEST)
        wait_until(lambda: entered(service) == 1)
        os.kill(service.master_pid, signal.SIGTERM)
        wait_until(lambda: 'Handling signal: term' in service.log)
        (service.folder / 'open').touch()
        answers = b''.join(iter(lambda: sock.recv(65536), b''))
    assert answers.count(b'HTTP/1.1 200 OK') == 2


def test_term_answers_who_has_just_connected(make_gates, threads):
    """The connection is made before the worker is told to end, its request comes a little later."""
    service = make_gates({'WORKERS': '1'})
    held = threads.submit(service.post, '/v1/GateModel', {})
    wait_until(lambda: entered(service) == 1)
    (worker,) = service.worker_pids
    os.kill(worker, signal.SIGSTOP)
    with socket.create_connection(('127.0.0.1', service.port), timeout=20) as sock:
        os.kill(service.master_pid, signal.SIGTERM)
        wait_until(lambda: 'Handling signal: term' in service.log)
        os.kill(worker, signal.SIGCONT)
        threading.Event().wait(0.1)
        sock.sendall(REQUEST)
        assert b'200 OK' in sock.recv(65536)
    (service.folder / 'open').touch()
    assert held.result().status_code == 200


def test_a_stop_with_idle_connections_ends_within_three_seconds(make_service):
    service = make_service()
    with contextlib.ExitStack() as stack:
        for number in range(20):
            sock = stack.enter_context(socket.create_connection(('127.0.0.1', service.port), timeout=20))
            if number % 2:
                sock.sendall(REQUEST)
                assert b'200 OK' in sock.recv(65536)
        started = time.monotonic()
        service.stop()
        assert time.monotonic() - started < 3


@pytest.mark.parametrize('name', ['INT', pytest.param('QUIT', marks=pytest.mark.long)])
@pytest.mark.parametrize(
    'path, body',
    [
        pytest.param('GateModel', {}, marks=pytest.mark.long),
        pytest.param('DefGateModel', {}, marks=pytest.mark.long),
        ('BlockingModel', {'seconds': 60}),
    ],
)
def test_int_and_quit_end_the_service_at_once(make_gates, threads, name, path, body):
    service = make_gates({'WORKERS': '1'})
    assert service.get('/health/live').status_code == 200
    call = threads.submit(service.post, f'/v1/{path}', body)
    wait_until(lambda: path == 'BlockingModel' or entered(service) == 1)
    master, workers = service.master_pid, service.worker_pids
    os.kill(master, getattr(signal, f'SIG{name}'))
    wait_until(lambda: are_gone([master, *workers]), 3)
    assert isinstance(call.exception(), requests.ConnectionError)
    assert '"GET /health/live" 200' in service.log


@pytest.mark.long
def test_usr1_ttin_and_ttou_disturb_nobody(make_service):
    """gunicorn opens its log files again (ours is a stream, which start.sh opens), adds a worker, and removes one."""
    service = make_service()
    workers = service.worker_pids
    with busy_clients(service, 8):
        os.kill(service.master_pid, signal.SIGUSR1)
        wait_until(lambda: 'Handling signal: usr1' in service.log)
        assert service.worker_pids == workers
        os.kill(service.master_pid, signal.SIGTTIN)
        wait_until(lambda: len(service.worker_pids) == 3)
        os.kill(service.master_pid, signal.SIGTTOU)
        wait_until(lambda: len(service.worker_pids) == 2)


@pytest.mark.long
def test_max_requests_renews_workers_and_loses_nothing(make_gates, threads):
    """Also while a thread of a worker hangs in a handler."""
    service = make_gates({'GUNICORN_CMD_ARGS': '--max-requests 200 --max-requests-jitter 50 --graceful-timeout 2'})
    stuck = threads.submit(service.post, '/v1/DefGateModel', {}, headers={'X-Request-Timeout': '0.2'})
    assert stuck.result().status_code == 504
    first = service.worker_pids
    with busy_clients(service, 8):
        wait_until(lambda: not set(first) & set(service.worker_pids))


@pytest.mark.parametrize('path', ['ExitingModel', 'XXXModel'])
def test_a_worker_that_ends_is_replaced(make_gates, path):
    """Killed, and not by a task of a handler that calls sys.exit(3), at which gunicorn would halt the service."""
    service = make_gates({'WORKERS': '1'})
    (worker,) = service.worker_pids
    if path == 'ExitingModel':
        assert service.post('/v1/ExitingModel', {}).status_code == 500
        assert service.worker_pids == [worker]
    else:
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: service.worker_pids not in ([worker], []))
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER


@pytest.mark.long
def test_usr2_brings_up_a_second_master_that_goes_on_without_the_first(make_service):
    service = make_service()
    first = service.master_pid
    pid_file = service.folder / 'tmp' / 'model-serving-demo.pid'
    with busy_clients(service, 8):
        os.kill(first, signal.SIGUSR2)
        wait_until(pid_file.with_suffix('.pid.2').exists)
        wait_until(lambda: service.log.count('- Ready. Open ') == 2)
        os.kill(first, signal.SIGTERM)
        wait_until(lambda: are_gone([first]))
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
    wait_until(lambda: pid_file.exists() and service.master_pid != first)


TELLS_A_NEW_WORKER = """
import os
from model_serving.server import gunicorn_hooks


def post_fork(server, worker):
    gunicorn_hooks.post_fork(server, worker)
    if (BASE_FOLDER / 'tell').exists():
        (BASE_FOLDER / 'tell').rename(BASE_FOLDER / 'told')
        os.kill(os.getpid(), 15)
"""


@pytest.mark.long
def test_a_worker_that_is_told_to_end_before_it_listens_to_signals_ends(make_service):
    """gunicorn's master tells each worker once; one that missed it would serve on while the master waits for it."""
    conf = (BASE_FOLDER / 'conf' / 'gunicorn.conf.py').read_text(encoding='utf-8')
    service = make_service({'conf/gunicorn.conf.py': conf + TELLS_A_NEW_WORKER})
    (service.folder / 'tell').touch()
    os.kill(service.worker_pids[0], signal.SIGKILL)

    # The new worker ends at once, and another takes its place.
    def booted():
        return re.findall(r'Booting worker with pid: ([0-9]+)', service.log)

    wait_until(lambda: len(booted()) == 4 and f'Worker exiting (pid: {booted()[2]})' in service.log)
    assert int(booted()[2]) not in service.worker_pids
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER
