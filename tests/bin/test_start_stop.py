"""bin/start.sh and bin/stop.sh, from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import entered, wait_until
from tests.web.nasty_requests import post

PID_FILE = 'tmp/model-serving-demo.pid'
BAD_FILE = {'conf/a.conf': '[model]\nname = A\nfile = data/a.onnx\n', 'data/a.onnx': 'no model'}
TYPING_ERROR = '[model]\nname = XXXModel\ntimout = 1\n'
# Makes itself the parent of what start.sh leaves behind, and never asks whether that has ended.
NEGLIGENT_PARENT = """
import ctypes, subprocess
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
subprocess.run(['bin/start.sh'], check=True, timeout=60)
subprocess.run(['bin/stop.sh'], check=True, timeout=20)
"""


@pytest.fixture(scope='module')
def stopped(service_class, tmp_path_factory):
    """A copy whose service does not run: whoever starts it stops it."""
    one = service_class(tmp_path_factory.mktemp('start and stop') / "the model's folder")
    yield one
    one.stop()


def status(pid):
    """Return the system's account of a process; empty when it is gone."""
    path = Path(f'/proc/{pid}/status')
    return path.read_text() if path.exists() else ''


def is_running(pid):
    # Z: it has ended, and the first process of this system has not asked about it yet.
    return re.search(r'^State:\s+[^Z\s]', status(pid), re.MULTILINE)


def test_start_and_stop(stopped):
    output = stopped.start()
    pid, workers = stopped.master_pid, stopped.worker_pids
    assert f'Ready. Open {stopped.url}/\n' in output
    assert is_running(pid)
    assert len(workers) == 2
    assert stopped.post('/v1/XXXModel', json={'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    assert '- [INFO] - [XXXModel] - Initializing XXX Model ...\n' in stopped.log

    second = stopped.run('bin/start.sh')
    assert second.returncode == 1
    assert f'running already, as process {pid}.' in second.stderr
    assert stopped.master_pid == pid
    assert stopped.get('/health/ready').status_code == 200

    assert stopped.stop() == 'The service has stopped.\n'
    assert not any(map(is_running, [pid, *workers]))
    assert [path.name for path in (stopped.folder / 'tmp').iterdir()] == ['model-serving-demo.log']
    # A worker that crashes at its end would say so here.
    assert all(line.startswith('[') for line in stopped.log.splitlines())
    assert 'was sent SIG' not in stopped.log
    assert stopped.stop() == 'The service is not running.\n'


def test_a_stale_pid_file_is_no_obstacle_and_the_folder_does_not_matter(stopped, tmp_path):
    ended = subprocess.Popen(['true'])
    ended.wait()
    # A process that is gone, and one that is another's: this test itself, which stop.sh must leave alone.
    for pid in (ended.pid, os.getpid()):
        (stopped.folder / 'tmp').mkdir(exist_ok=True)
        (stopped.folder / PID_FILE).write_text(f'{pid}\n')
        assert stopped.stop() == 'The service is not running.\n'
        assert not (stopped.folder / PID_FILE).exists()
        (stopped.folder / PID_FILE).write_text(f'{pid}\n')
    start = [stopped.folder / 'bin' / 'start.sh']
    subprocess.run(start, cwd=tmp_path, env=stopped.environment, check=True, timeout=100)
    assert stopped.get('/health/ready').status_code == 200
    assert stopped.stop() == 'The service has stopped.\n'


@pytest.mark.long
def test_it_stops_where_nobody_asks_how_processes_ended(stopped):
    """As in a container whose first process is no init."""
    finished = stopped.run(sys.executable, '-c', NEGLIGENT_PARENT)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith('The service has stopped.\n')


@pytest.mark.parametrize(
    'files, environment, reason',
    [
        ({}, {'PORT': 'http'}, "PORT must be a whole number from 1 to 65535, not 'http'."),
        pytest.param(
            {}, {'WORKERS': '0'}, "WORKERS must be a whole number from 1 to 1024, not '0'.", marks=pytest.mark.long
        ),
        pytest.param({'conf/a.conf': TYPING_ERROR}, {}, "Did you mean 'timeout'?", marks=pytest.mark.long),
        pytest.param(
            BAD_FILE, {'OMP_NUM_THREADS': '1'}, '/v1/A: data/a.onnx could not be loaded', marks=pytest.mark.long
        ),
        (BAD_FILE, {'OMP_NUM_THREADS': '2'}, '/v1/A: data/a.onnx could not be loaded'),
    ],
    ids=['port', 'workers', 'setting', 'model in the master', 'model in a worker'],
)
def test_a_start_that_fails_says_why_and_leaves_nothing(make_service, files, environment, reason):
    service = make_service(files, environment, start=False)
    finished = service.run('bin/start.sh')
    assert finished.returncode == 1
    assert 'The service did not start.' in finished.stderr
    assert reason in finished.stderr
    assert 'HaltServer' not in finished.stderr
    assert not (service.folder / PID_FILE).exists()


def test_stop_waits_for_the_answers_to_what_was_accepted(make_gates, threads):
    service = make_gates()
    call = threads.submit(service.post, '/v1/GateModel', {})
    wait_until(lambda: entered(service) == 1)
    stopping = subprocess.Popen(['bin/stop.sh'], cwd=service.folder)
    with pytest.raises(subprocess.TimeoutExpired):
        stopping.wait(1)
    # Nobody new is left to wait.
    with pytest.raises(requests.ConnectionError):
        service.get('/health/live')
    (service.folder / 'open').touch()
    assert call.result().json() == {'result': 1}
    assert stopping.wait(30) == 0


@pytest.mark.long
def test_stop_answers_who_has_connected_already(make_service, connect):
    service = make_service(environment={'WORKERS': '1'})
    (worker,) = service.worker_pids
    # While the worker stands still, connections wait in the system's queue; then it wakes up and has to end.
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: re.search(r'^State:\s*T', status(worker), re.MULTILINE))
    connections = [connect(service) for _ in range(20)]
    for connection in connections:
        connection.socket.sendall(post(b'{"name": "Leo"}', line='POST /v1/XXXModel HTTP/1.1'))
    stopping = subprocess.Popen(['bin/stop.sh'], cwd=service.folder)
    # SIGTERM, the fifteenth signal, has been sent and waits.
    wait_until(lambda: re.search(r'^ShdPnd:\s*0*4000$', status(worker), re.MULTILINE))
    os.kill(worker, signal.SIGCONT)
    assert all(connection.read().startswith(b'HTTP/1.1 200 ') for connection in connections)
    assert stopping.wait(30) == 0


@pytest.mark.long
def test_stop_kills_what_does_not_end_in_35_s(make_service):
    service = make_service()
    master, workers = service.master_pid, service.worker_pids
    os.kill(master, signal.SIGSTOP)
    finished = service.run('bin/stop.sh')
    assert finished.returncode == 0
    assert finished.stderr == f'The service, process {master}, did not end within 35 s, so it was killed.\n'
    assert not any(map(is_running, workers))
    assert not (service.folder / PID_FILE).exists()


def test_a_port_in_use(stopped):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('127.0.0.1', stopped.port))
        listener.listen()
        finished = stopped.run('bin/start.sh')
    assert finished.returncode == 1
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f'The service cannot start. It cannot listen at 127.0.0.1:{stopped.port}: ')
    assert last.endswith('in use. Give another PORT or HOST: PORT=8080 bin/start.sh')
    assert not (stopped.folder / PID_FILE).exists()
