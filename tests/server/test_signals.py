"""The signals of gunicorn: none but INT and QUIT loses a request that was accepted."""

import os
import re
import signal
import socket
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.conftest import BASE_FOLDER, entered, gates_service, wait_until
from tests.server.busy_clients import ANSWER, busy_clients
from tests.server.raw_connection import HELLO, REQUEST, Connections, statuses
from tests.web.nasty_requests import head, post


def send_signal(service, name):
    """Send a signal to gunicorn's master; returns when it is being handled."""
    os.kill(service.master_pid, getattr(signal, f'SIG{name}'))
    wait_until(lambda: f'Handling signal: {name.lower()}' in service.log)


def are_gone(pids) -> bool:
    return not any(is_running(pid) for pid in pids)


def is_running(pid) -> bool:
    """Tell whether a process runs; a zombie does not, and how long it stays is up to its parent."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def renew_workers(service):
    """Have the service renew its workers; returns when the old ones are gone."""
    old = service.worker_pids
    send_signal(service, 'HUP')
    wait_until(lambda: are_gone(old))


def assert_answers(service):
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == ANSWER


def accepts_connections(service) -> bool:
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', service.port)) == 0


def with_settings(text) -> dict:
    """Return a conf/gunicorn.conf.py with more settings."""
    name = 'conf/gunicorn.conf.py'
    return {name: (BASE_FOLDER / name).read_text(encoding='utf-8') + text}


@pytest.mark.parametrize('times', [2, pytest.param(10, marks=pytest.mark.long)])
def test_usr1_ttin_ttou_and_hup_lose_no_request_of_busy_clients(make_service, times):
    """gunicorn opens its log files again (ours is a stream), adds a worker, removes one, and renews all of them."""
    service = make_service()
    with busy_clients(service) as clients:
        workers = service.worker_pids
        send_signal(service, 'USR1')
        assert service.worker_pids == workers
        send_signal(service, 'TTIN')
        wait_until(lambda: len(service.worker_pids) == 3)
        send_signal(service, 'TTOU')
        wait_until(lambda: len(service.worker_pids) == 2)
        for _ in range(times):
            renew_workers(service)
    assert sum(client.answered for client in clients) > 100


@pytest.mark.long
def test_hup_renews_workers_that_take_long_to_start(make_service):
    """For a while there is no worker; clients wait for the next one."""
    main = (BASE_FOLDER / 'main.py').read_text(encoding='utf-8')
    waits = "\n\nimport os, time\n\nwhile os.path.exists('wait'):\n    time.sleep(0.05)\n"
    service = make_service({'main.py': main + waits, **with_settings('preload_app = False\n')})
    (service.folder / 'wait').touch()
    renew_workers(service)
    (service.folder / 'wait').unlink()
    assert_answers(service)


def test_hup_while_the_workers_start_renews_them(make_service, threads):
    """They end before they have ever been ready, which ends the service only if nothing has told them to end."""
    service = gates_service(partial(make_service, start=False), {'SLOW_TO_LOAD': '1'})
    started = threads.submit(service.start)
    wait_until(lambda: service.log.count('Booting worker') == 2)
    old = service.worker_pids
    send_signal(service, 'HUP')
    assert 'Ready. Open ' in started.result()
    wait_until(lambda: are_gone(old))
    assert_answers(service)


def test_term_answers_what_was_accepted(make_gates, threads):
    """Calls that run and calls that wait in a queue, for longer than gunicorn's own time-out."""
    service = make_gates({'WORKERS': '1', 'THREADS': '2', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    calls = [threads.submit(service.post, path, {}) for path in ('/v1/GateModel', '/v1/DefGateModel') for _ in range(4)]
    wait_until(lambda: entered(service) == 3)
    send_signal(service, 'TERM')
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
    send_signal(service, 'TERM')
    assert call.result().status_code == 503
    assert call.result().json()['message'].startswith('The service was stopped before the answer was complete.')


@pytest.mark.long
def test_term_answers_requests_that_came_together(make_gates, connect):
    service = make_gates({'WORKERS': '1'})
    connection = connect(service)
    connection.send(post(b'{}', line='POST /v1/GateModel HTTP/1.1') + REQUEST)
    wait_until(lambda: entered(service) == 1)
    send_signal(service, 'TERM')
    (service.folder / 'open').touch()
    assert statuses(connection.answers()) == [200, 200]


def test_term_answers_who_has_just_connected(make_gates, threads, connect):
    """The connection is made before the worker is told to end, its request comes a little later."""
    service = make_gates({'WORKERS': '1'})
    held = threads.submit(service.post, '/v1/GateModel', {})
    wait_until(lambda: entered(service) == 1)
    (worker,) = service.worker_pids
    os.kill(worker, signal.SIGSTOP)
    connection = connect(service)
    send_signal(service, 'TERM')
    os.kill(worker, signal.SIGCONT)
    threading.Event().wait(0.1)
    assert connection.call().outcome == HELLO
    (service.folder / 'open').touch()
    assert held.result().status_code == 200


def test_a_stop_with_idle_connections_ends_within_three_seconds(make_service):
    service = make_service()
    with Connections(service) as opened:
        opened.open_many(10)
        assert [used.answer().outcome for used in opened.open_many(10, REQUEST)] == [HELLO] * 10
        started = time.monotonic()
        service.stop()
        assert time.monotonic() - started < 3


@pytest.mark.parametrize('name', ['INT', pytest.param('QUIT', marks=pytest.mark.long)])
@pytest.mark.parametrize(
    'path', ['BlockingModel', *(pytest.param(path, marks=pytest.mark.long) for path in ('GateModel', 'DefGateModel'))]
)
def test_int_and_quit_end_the_service_at_once(make_gates, threads, name, path):
    service = make_gates({'WORKERS': '1'})
    assert service.get('/v1').status_code == 200
    call = threads.submit(service.post, f'/v1/{path}', {'seconds': 60})
    wait_until(lambda: entered(service) == 1)
    processes = [service.master_pid, *service.worker_pids]
    send_signal(service, name)
    wait_until(lambda: are_gone(processes), 3)
    assert isinstance(call.exception(), requests.ConnectionError)
    assert '"GET /v1" 200' in service.log


@pytest.mark.long
def test_max_requests_renews_workers_and_loses_nothing(make_gates):
    """Also while a thread of a worker hangs in a handler."""
    service = make_gates({'GUNICORN_CMD_ARGS': '--max-requests 200 --max-requests-jitter 50 --graceful-timeout 2'})
    assert service.post('/v1/DefGateModel', {}, headers={'X-Request-Timeout': '0.2'}).status_code == 504
    first = service.worker_pids
    with busy_clients(service, 8):
        wait_until(lambda: not set(first) & set(service.worker_pids))


def test_workers_end_when_their_master_is_killed(make_service):
    """Nobody could end them any more, and they would keep the port."""
    service = make_service()
    workers = service.worker_pids
    os.kill(service.master_pid, signal.SIGKILL)
    wait_until(lambda: are_gone(workers))


@pytest.mark.long
def test_usr2_brings_up_a_second_master_that_goes_on_without_the_first(make_service):
    service = make_service()
    first = service.master_pid
    pid_file = service.folder / 'tmp' / 'model-serving-demo.pid'
    with busy_clients(service, 8):
        send_signal(service, 'USR2')
        wait_until(pid_file.with_suffix('.pid.2').exists)
        wait_until(lambda: service.log.count('- Ready. Open ') == 2)
        os.kill(first, signal.SIGTERM)
        wait_until(lambda: are_gone([first]))
    assert_answers(service)
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
    service = make_service(with_settings(TELLS_A_NEW_WORKER))
    (service.folder / 'tell').touch()
    os.kill(service.worker_pids[0], signal.SIGKILL)

    def booted():
        return re.findall(r'Booting worker with pid: ([0-9]+)', service.log)

    # The new worker ends at once, and another takes its place.
    wait_until(lambda: len(booted()) == 4 and f'Worker exiting (pid: {booted()[2]})' in service.log)
    assert int(booted()[2]) not in service.worker_pids
    assert_answers(service)


def test_a_process_that_ends_is_not_ready_and_answers_what_it_has_accepted(make_gates, connect):
    service = make_gates({'WORKERS': '1'})
    asks_whether_it_is_ready = head(line='GET /health/ready HTTP/1.1')
    kept, calling = connect(service), connect(service)
    assert kept.call(asks_whether_it_is_ready).status == 200
    calling.send(post(b'{}', line='POST /v1/GateModel HTTP/1.1'))
    wait_until(lambda: entered(service) == 1)
    send_signal(service, 'TERM')
    answers = iter(lambda: kept.call(asks_whether_it_is_ready), None)
    refused = next(answer for answer in answers if answer.status != 200)
    wait_until(lambda: not accepts_connections(service))
    (service.folder / 'open').touch()
    for answer, status in ((refused, 503), (calling.answer(), 200)):
        assert (answer.status, answer.headers['connection']) == (status, 'close')
    assert b'This process is ending.' in refused.body
