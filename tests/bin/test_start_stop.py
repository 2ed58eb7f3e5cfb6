"""bin/start.sh and bin/stop.sh, from outside."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PID_FILE = 'tmp/model-serving-demo.pid'


@pytest.fixture(scope='module')
def stopped(service_class, tmp_path_factory):
    """A copy whose service does not run: whoever starts it stops it."""
    one = service_class(tmp_path_factory.mktemp('start and stop') / "the model's folder")
    yield one
    one.stop()


def is_running(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # Z: it has ended, and the first process of this system has not asked about it yet.
    return state != 'Z'


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
    started = subprocess.run(
        ['bash', stopped.folder / 'bin' / 'start.sh'],
        cwd=tmp_path,
        env=stopped.environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert started.returncode == 0, started.stderr
    assert stopped.get('/health/ready').status_code == 200
    assert stopped.stop() == 'The service has stopped.\n'


# Makes itself the parent of what start.sh leaves behind, and never asks whether that has ended.
NEGLIGENT_PARENT = """
import ctypes, subprocess
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
subprocess.run(['bin/start.sh'], check=True, timeout=60)
subprocess.run(['bin/stop.sh'], check=True, timeout=20)
"""


def test_it_stops_where_nobody_asks_how_processes_ended(stopped):
    """As in a container whose first process is no init."""
    finished = stopped.run(sys.executable, '-c', NEGLIGENT_PARENT)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith('The service has stopped.\n')


BAD_MODEL = (
    "class XXXModel:\n    load_before_fork = True\n\n    def __init__(self):\n        raise OSError('no weights')\n"
)


@pytest.mark.parametrize(
    'files, environment, reason',
    [
        ({}, {'PORT': 'http'}, "PORT must be a whole number from 1 to 65535, not 'http'."),
        ({}, {'WORKERS': '0'}, "WORKERS must be a whole number from 1 to 1024, not '0'."),
        ({'conf/a.conf': '[model]\nname = XXXModel\ntimout = 1\n'}, {}, 'Did you mean timeout?'),
        ({'model_serving/models/xxx_model.py': BAD_MODEL}, {}, '/v1/XXXModel: OSError: no weights'),
        ({'model_serving/models/xxx_model.py': BAD_MODEL.replace('True', 'False')}, {}, 'OSError: no weights'),
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


# gunicorn tries for 5 s.
@pytest.mark.long
def test_a_port_in_use(stopped):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('127.0.0.1', stopped.port))
        listener.listen()
        finished = stopped.run('bin/start.sh')
    assert finished.returncode == 1
    assert 'in use' in finished.stderr
    assert not (stopped.folder / PID_FILE).exists()
