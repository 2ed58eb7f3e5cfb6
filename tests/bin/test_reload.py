"""bin/reload.sh, from outside."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess

import pytest

from tests.bin.test_start_stop import BAD_FILE
from tests.conftest import BASE_FOLDER, children, entered, proportional_memory, wait_until
from tests.docs.running import is_ready
from tests.docs.test_systemd import HOME, setting
from tests.formats.files import write_onnx
from tests.server.busy_clients import BusyClient, busy_clients, calling, wait_until_answered
from tests.server.test_signals import are_gone, assert_answers, is_running
from tests.web.scraping import folder_of

ROUTES = """
import os
import time
from pathlib import Path

from .models.xxx_model import XXXModel
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route


class WaitingModel(XXXModel):
    load_before_fork = 'IN_WORKER' not in os.environ

    def __init__(self):
        while Path('wait').exists():
            Path(f'loading-{os.getpid()}').touch()
            time.sleep(0.05)


ROUTES = (Route('/v1/XXXModel', XXXModelResource, WaitingModel),)
"""
LOG = 'model-serving-demo.log'
PID_FILE = 'model-serving-demo.pid'
BROKEN_CODE = {'model_serving/resources/xxx_model_resource.py': 'class XXXModelResource(:\n'}
WRONG_SETTING = {'conf/a.conf': '[model]\nname = XXXModel\ntimeout = "1"\n'}
# The reason has what JSON would write in another way.
REASON = 'there is no "name" in C:\\models'
FAILING_MODEL = {
    'model_serving/routes.py': ROUTES.replace(
        '__init__(self):', f'__init__(self):\n        raise ValueError({REASON!r})'
    )
}
# Clients that call without a pause would take the processor from the version that is being loaded.
PAUSE = 0.01
WHERE_IT_LOADS = [
    pytest.param({}, id='in the master'),
    pytest.param({'IN_WORKER': 'yes'}, id='in a worker'),
]


@pytest.fixture
def make_small(make_service):
    """A function that makes a service with one model, which waits as long as there is a file `wait` when it loads."""

    def make(environment=None, start=True):
        service = make_service({'model_serving/routes.py': ROUTES}, environment, start=False).without_models()
        if start:
            service.start()
        return service

    return make


def reload(service) -> str:
    """Reload a service, check that another process has taken the first one's place, and return what was printed."""
    old = [service.master_pid, *service.worker_pids]
    finished = service.run('bin/reload.sh')
    assert (finished.returncode, finished.stderr) == (0, ''), finished.stdout
    assert are_gone(old)
    assert service.master_pid not in old
    assert finished.stdout.endswith(
        f'Ready. Open {service.url}/\nThe service has been reloaded, as process {service.master_pid}.\n'
    )
    assert len(service.worker_pids) == 2
    return finished.stdout


def assert_goes_on(service, master, workers):
    """The service is that of before: nothing is left of another version."""
    assert service.master_pid == master
    wait_until(lambda: service.worker_pids == workers)
    assert {path.name for path in (service.folder / 'tmp').iterdir()} == {LOG, PID_FILE}
    assert_answers(service)


def test_a_reload_brings_new_code_settings_and_model_files_and_loses_nothing(make_small):
    service = make_small(start=False)
    service.write({'conf/number.conf': '[model]\nname = NumberModel\nfile = data/number.onnx\n'})
    file = service.folder / 'data' / 'number.onnx'
    write_onnx(file, '(float[n] x) => (float[n] y) { y = Add(x, x) }')
    service.start()
    folder = folder_of(service)

    def number():
        return service.post('/v1/NumberModel', {'x': 3}).json()

    with busy_clients(service, 4, pause=PAUSE):
        assert number() == {'result': 6}
        service.write(
            {
                'model_serving/routes.py': ROUTES + "ROUTES += (Route('/v1/NewModel', XXXModelResource, XXXModel),)\n",
                'conf/serving.conf': '[serving]\npage = off\n',
            }
        )
        write_onnx(file, '(float[n] x) => (float[n] y) { y = Mul(x, x) }')
        assert '/v1/NewModel' in reload(service)
        assert service.post('/v1/NewModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
        assert service.get('/').status_code == 404
        assert number() == {'result': 9}
        reload(service)
    assert folder_of(service) == folder
    assert {path.name for path in (service.folder / 'tmp').iterdir()} == {LOG, PID_FILE}

    processes = [service.master_pid, *service.worker_pids]
    assert service.stop() == 'The service has stopped.\n'
    assert are_gone(processes)
    assert [path.name for path in (service.folder / 'tmp').iterdir()] == [LOG]
    assert not folder.exists()


@pytest.mark.parametrize(
    'files, reason',
    [
        (BAD_FILE, '/v1/A: data/a.onnx could not be loaded'),
        pytest.param(BROKEN_CODE, 'SyntaxError', marks=pytest.mark.long),
        pytest.param(WRONG_SETTING, 'timeout = \'"1"\': it must be a number of seconds', marks=pytest.mark.long),
        pytest.param({'conf/gunicorn.conf.py': '1 / 0'}, 'ZeroDivisionError', marks=pytest.mark.long),
    ],
    ids=['model in a worker', 'code', 'setting', 'settings of gunicorn'],
)
def test_the_service_goes_on_when_a_new_version_does_not_work(make_small, files, reason):
    service = make_small({'OMP_NUM_THREADS': '2'})
    master, workers = service.master_pid, service.worker_pids
    with busy_clients(service, 2, pause=PAUSE), service.changed(files):
        finished = service.run('bin/reload.sh')
        assert finished.returncode == 1
        assert 'The new version did not start. The service goes on as before.' in finished.stderr
        assert reason in finished.stderr
        assert_goes_on(service, master, workers)
    reload(service)


def test_there_is_nothing_to_reload(make_small):
    finished = make_small(start=False).run('bin/reload.sh')
    assert (finished.returncode, finished.stdout) == (1, '')
    assert finished.stderr == 'The service is not running. Start it: bin/start.sh\n'


def loading(service) -> list:
    """Return the processes that have waited for the file `wait` to go."""
    return [int(path.name.removeprefix('loading-')) for path in service.folder.glob('loading-*')]


def begin_to_reload(service, **options) -> subprocess.Popen:
    """Begin to reload to a version that takes long to load."""
    (service.folder / 'wait').touch()
    options = {'stderr': subprocess.PIPE, 'text': True, **options}
    reloading = subprocess.Popen(['bin/reload.sh'], cwd=service.folder, env=service.environment, **options)
    wait_until(lambda: loading(service))
    return reloading


@pytest.mark.long
@pytest.mark.parametrize('environment', WHERE_IT_LOADS)
@pytest.mark.parametrize('sent', ['to all', 'to the script'])
def test_the_service_goes_on_when_a_reload_is_broken_off(make_small, environment, sent):
    """By Ctrl+C while a model is loaded."""
    service = make_small(environment)
    master, workers = service.master_pid, service.worker_pids
    reloading = begin_to_reload(service, start_new_session=True)
    (os.killpg if sent == 'to all' else os.kill)(reloading.pid, signal.SIGINT)
    _, stderr = reloading.communicate(timeout=60)
    assert reloading.returncode == 1
    assert 'The reload was broken off. The service goes on as before.' in stderr
    assert are_gone(loading(service))
    assert_goes_on(service, master, workers)


@pytest.mark.long
@pytest.mark.parametrize('environment', WHERE_IT_LOADS)
def test_stop_ends_the_version_that_is_being_loaded_too(make_small, environment):
    service = make_small(environment)
    master, folder = service.master_pid, folder_of(service)
    reloading = begin_to_reload(service)
    reloading.kill()
    reloading.communicate(timeout=60)
    processes = [master, *service.worker_pids, *loading(service)]
    assert service.stop() == 'The service has stopped.\n'
    assert are_gone(processes)
    assert [path.name for path in (service.folder / 'tmp').iterdir()] == [LOG]
    assert not folder.exists()


@pytest.mark.long
def test_an_old_master_that_does_not_end_is_killed_without_the_new_one(make_small):
    service = make_small()
    old, folder = service.master_pid, folder_of(service)
    reloading = subprocess.Popen(['bin/reload.sh'], cwd=service.folder, env=service.environment)
    wait_until(
        lambda: any('ready' in path.read_text() for path in folder.glob('master-*') if str(old) not in path.name)
    )
    os.kill(old, signal.SIGSTOP)
    assert reloading.wait(100) == 0
    assert are_gone([old])
    assert_answers(service)
    assert len(service.worker_pids) == 2


@pytest.mark.long
def test_a_new_master_that_can_not_be_noted_ends_and_harms_nobody(make_small):
    service = make_small()
    master, workers = service.master_pid, service.worker_pids
    in_the_way = folder_of(service) / f'next-{master}'
    in_the_way.mkdir()
    assert service.run('bin/reload.sh').returncode == 1
    assert 'No new master is started' in service.log
    assert_goes_on(service, master, workers)
    in_the_way.rmdir()
    reload(service)


@contextlib.contextmanager
def started_by_systemd(service):
    """Start a service as systemd does, whose socket for notifications and whose main process are given."""
    command = shlex.split(setting('ExecStart').replace(HOME, shlex.quote(str(service.folder))))
    service.environment['NOTIFY_SOCKET'] = str(service.folder / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(60)
        systemd.bind(service.environment['NOTIFY_SOCKET'])
        main = subprocess.Popen(command, cwd=service.folder, env=service.environment, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: is_ready(service.url))
            yield systemd, main
        finally:
            main.terminate()
            main.wait(60)


@pytest.mark.long
def test_systemd_reloads_the_service(make_service, threads):
    """There is no pid file, and systemd is told which process is the main one before the old one ends."""
    routes = (BASE_FOLDER / 'tests' / 'fakes' / 'gate_routes.py').read_text(encoding='utf-8')
    files, environment = {'model_serving/routes.py': routes}, {'PYTHONPATH': str(BASE_FOLDER)}
    service = make_service(files, environment, start=False).without_models()
    with started_by_systemd(service) as (systemd, old):
        held = threads.submit(service.post, '/v1/GateModel', {})
        wait_until(lambda: entered(service) == 1)
        service.environment['MAINPID'] = str(old.pid)
        reloading = subprocess.Popen(['bin/reload.sh'], cwd=service.folder, env=service.environment)
        # Of the first master, of the second, and of bin/reload.sh.
        told = [systemd.recv(1000).decode() for _ in range(3)]
        assert [text.partition('=')[0] for text in told] == ['READY', 'READY', 'MAINPID']
        new = int(told[2].partition('=')[2])
        assert is_running(old.pid)
        (service.folder / 'open').touch()
        assert held.result().status_code == 200
        assert reloading.wait(60) == 0
        assert not is_running(old.pid)
        assert_answers(service)
        processes = [new, *children(new)]
        assert len(processes) == 3
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: are_gone(processes))
    assert not (service.folder / 'tmp').exists()


@pytest.mark.long
def test_a_log_as_json_changes_nothing_of_what_is_printed(make_small):
    service = make_small({'MODEL_SERVING_SERVING_LOG_FORMAT': 'json', 'IN_WORKER': 'yes'}, start=False)
    banner = (
        r'/v1/XXXModel  WaitingModel  loaded in each worker in [0-9]+ ms\n'
        rf'2 workers\nReady\. Open {service.url}/\n'
    )
    assert re.search(f'^{banner}Log: ', service.start(), re.MULTILINE)
    assert '"logger": "start"' in service.log
    with service.changed(FAILING_MODEL):
        failed = service.run('bin/reload.sh')
    assert failed.stderr.splitlines()[-1].startswith('The service cannot start. /v1/XXXModel: ')
    assert REASON in failed.stderr
    # It is logged by a worker, so as JSON.
    assert REASON not in service.log
    assert re.search(f'^{banner}The service has been reloaded', reload(service), re.MULTILINE)


def counted(service) -> int:
    """Return how many requests of models were answered 200, as /metrics says."""
    text = service.get('/metrics').text
    counts = re.findall(r'^model_serving_request_duration_seconds_count\{(.*)\} (.*)$', text, re.MULTILINE)
    return sum(int(float(count)) for labels, count in counts if 'model="' in labels and 'status="200"' in labels)


def all_memory(service) -> int:
    return proportional_memory([service.master_pid, *service.worker_pids])


def lost_by(clients) -> list:
    return [len(client.lost) for client in clients]


def kill_a_worker(service):
    """Kill a worker; returns when another one has taken its place."""
    killed, *others = service.worker_pids
    # First, since another worker may start while the log is read.
    booted = service.log.count('Booting worker')
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: service.log.count('Booting worker') > booted and len(service.worker_pids) == 1 + len(others))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_ten_reloads_lose_nothing_and_two_killed_workers_what_they_were_answering(make_gates):
    """With 32 clients, eight of which call a model that takes two seconds; the fifth version does not work."""
    service = make_gates()
    quick = [BusyClient(service, keeps=bool(number % 2)) for number in range(24)]
    slow = [BusyClient(service, bool(number % 2), '/v1/SlowModel', b'{}', {'result': True}) for number in range(8)]
    clients = quick + slow
    lost = lost_by(clients)
    with calling(clients):
        for number in range(1, 11):
            if number == 5:
                with service.changed(BROKEN_CODE):
                    assert service.run('bin/reload.sh').returncode == 1
            else:
                reload(service)
            wait_until_answered(clients)
            assert lost_by(clients) == lost
            if number == 1:
                memory_after_one = all_memory(service)
            if number in (3, 7):
                kill_a_worker(service)
                wait_until_answered(clients)
                before, lost = lost, lost_by(clients)
                assert all(now - once in (0, 1) for now, once in zip(lost, before, strict=True))
        memory_after_ten = all_memory(service)
    assert lost_by(clients) == lost
    answered, lost = sum(client.answered for client in clients), sum(lost)
    print(f'{answered} answered, {lost} lost, {memory_after_one} and {memory_after_ten} bytes of memory')
    assert abs(memory_after_ten / memory_after_one - 1) < 0.1
    # What a killed worker was answering may have been counted, or an answer not any more.
    wait_until(lambda: abs(counted(service) - answered) <= lost)
    print(f'{counted(service)} counted')
