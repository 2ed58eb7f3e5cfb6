"""GET /metrics: what several processes have counted is added up, also when they have ended; their files go."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.conftest import gates_service, wait_until, with_constants
from tests.server.test_signals import are_gone, renew_workers
from tests.web.scraping import assert_soon, calls, counted, folder_of, only

LEO = {'name': 'Leo'}
NO_METRICS = 'This process has no metrics. Restart the service, if there is room in /dev/shm or /tmp.'
ROWS = {'instances': [LEO, LEO]}
CALLS = {
    ('XXXModel', 'native', '200'): ('/v1/XXXModel', LEO),
    ('XXXModel', 'native', '400'): ('/v1/XXXModel', {}),
    ('XXXModel', 'tensorflow_serving', '200'): ('/v1/models/XXXModel:predict', ROWS),
    ('ExitingModel', 'native', '500'): ('/v1/ExitingModel', {}),
}
COUNTING_MODEL = """
from prometheus_client import Counter

CUPS = Counter('cups', 'Cups that were drunk.', ['kind'])
WATER = Counter('water_liters', 'Water that was boiled.')


class TeaModel:
    load_before_fork = {before_fork}

    def hello(self, name):
        CUPS.labels(name).inc()
        WATER.inc(0.25)
        return 'tea'
"""
TEA_ROUTES = """
from .models.tea_model import TeaModel
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (Route('/v1/XXXModel', XXXModelResource, TeaModel),)
"""


@pytest.fixture(scope='module')
def pair(service_class, tmp_path_factory):
    """A service with two workers, which are killed and renewed; its models wait at gates."""
    make = partial(service_class, tmp_path_factory.mktemp('pair') / 'model serving')
    with gates_service(make, {'WORKERS': '2'}) as service:
        yield service


def send_each(service) -> Counter:
    """Send each of the calls above once; return what they count."""
    for path, json in CALLS.values():
        service.post(path, json)
    return Counter(CALLS.keys())


def kill(service, pid):
    """Kill a worker; returns when another has taken its place."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in service.worker_pids and len(service.worker_pids) == 2)


def pids_of_files(service) -> set:
    """Return the process ids in the names of the files that hold the counts."""
    return {int(re.search(r'_(\d+)\.db$', path.name)[1]) for path in folder_of(service).glob('*.db')}


def wait_for_files_of_live_workers(service):
    """Wait until the counts of ended workers are added up; nobody reads them meanwhile, or their files stay longer."""
    assert_soon(lambda: pids_of_files(service), {0, *service.worker_pids})


def test_the_counts_of_all_workers_are_added_up_also_of_those_that_have_ended(pair):
    before, expected = calls(pair), Counter()

    def counted_now():
        return calls(pair) - before

    for worker in pair.worker_pids:
        with only(pair, worker):
            expected += send_each(pair)
    assert_soon(counted_now, expected)
    kill(pair, pair.worker_pids[0])
    wait_for_files_of_live_workers(pair)
    assert counted_now() == expected
    expected += send_each(pair)
    assert_soon(counted_now, expected)
    renew_workers(pair)
    wait_for_files_of_live_workers(pair)
    assert counted_now() == expected
    for worker in pair.worker_pids:
        with only(pair, worker):
            expected += send_each(pair)
    assert_soon(counted_now, expected)


@contextlib.contextmanager
def readings(service, threads):
    """All counts that are read, again and again, while something happens here."""
    found, has_ended = [], threading.Event()

    def read():
        while not has_ended.is_set():
            # The worker that is asked may be killed.
            with contextlib.suppress(requests.ConnectionError):
                found.append(calls(service))

    reading = threads.submit(read)
    yield found
    has_ended.set()
    reading.result()


@pytest.mark.long
def test_who_reads_while_workers_end_reads_the_right_counts(pair, threads):
    before, expected = calls(pair), Counter()
    for number in range(6):
        killed = pair.worker_pids[number % 2]
        with only(pair, killed):
            expected += send_each(pair)
        # A request is counted when its client has its answer already; a killed worker counts no more.
        assert_soon(lambda: calls(pair) - before, expected)
        with readings(pair, threads) as read:
            kill(pair, killed)
        assert read
        assert all(reading - before == expected for reading in read)


def test_only_workers_that_live_have_memory_and_calls(pair, threads):
    """What a killed worker was doing is over."""

    def now():
        return counted(pair, 'requests_in_flight', 'model')[('GateModel',)]

    held = []
    for number, worker in enumerate(pair.worker_pids):
        with only(pair, worker):
            held.append(threads.submit(pair.post, '/v1/GateModel', {'gate': 'of the pair'}))
            assert_soon(now, number + 1)
    kill(pair, pair.worker_pids[0])
    assert_soon(now, 1)
    assert_soon(
        lambda: counted(pair, 'worker_resident_memory_bytes', 'pid').keys(), {(str(pid),) for pid in pair.worker_pids}
    )
    (pair.folder / 'of the pair').touch()
    assert sorted(bool(call.exception()) for call in held) == [False, True]
    assert_soon(now, 0)


def kill_all(service):
    """Kill all processes of a service at once, so that none can clear up."""
    pids = [service.master_pid, *service.worker_pids]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: are_gone(pids))


@pytest.mark.long
def test_the_folder_goes_with_its_service(pair, make_service):
    """At its end, or at the start of any service when it was killed. That of a service that runs stays."""
    service = make_service(environment={'WORKERS': '1'})
    left, of_pair = folder_of(service), folder_of(pair)
    kill_all(service)
    # What only has a similar name is not touched.
    with tempfile.TemporaryDirectory(prefix='model-serving-shared-', dir='/dev/shm') as other:
        service.start()
        assert not left.exists()
        assert Path(other).exists()
    new = folder_of(service)
    assert new.exists()
    service.stop()
    assert not new.exists()
    assert of_pair.exists()
    assert pair.get('/metrics').status_code == 200


@pytest.mark.long
def test_a_folder_that_is_cleared_away_leaves_a_service_without_metrics(make_service):
    service = make_service()
    folder = folder_of(service)
    shutil.rmtree(folder)
    assert service.get('/metrics').status_code == 503
    # Nor can it be made again.
    shutil.rmtree(folder)
    folder.touch()
    kill(service, service.worker_pids[0])
    assert service.post('/v1/XXXModel', LEO).status_code == 200
    assert service.get('/metrics').status_code == 503
    assert 'The counts of process' in service.log
    folder.unlink()


@pytest.mark.long
def test_without_room_for_metrics_the_service_goes_on(make_service):
    """Here no disk has room enough."""
    service = make_service(with_constants(utils__ended_workers__ROOM=2**60))
    assert service.post('/v1/XXXModel', LEO).status_code == 200
    refused = service.get('/metrics')
    assert (refused.status_code, refused.json()) == (503, {'message': NO_METRICS})
    assert 'This process has no metrics: /dev/shm is full' in service.log
    kill(service, service.worker_pids[0])
    assert service.post('/v1/XXXModel', LEO).status_code == 200


@pytest.mark.parametrize('before_fork', [True, pytest.param(False, marks=pytest.mark.long)])
def test_the_metrics_of_a_model_stand_beside_ours(make_service, before_fork):
    """A model counts by prometheus_client as in any other program; its counts are those of all workers."""
    files = {
        'model_serving/models/tea_model.py': COUNTING_MODEL.format(before_fork=before_fork),
        'model_serving/routes.py': TEA_ROUTES,
    }
    service = make_service(files, {'WORKERS': '2'}, start=False)
    service.without_models('xxx_model.conf').start()
    # Both workers have tried the example of the schema, Leo.
    before = of_tea(service)
    assert before['cups_total', 'Leo'] == 2
    for worker in service.worker_pids:
        with only(service, worker):
            for name in ('black', 'black', 'green'):
                assert service.post('/v1/XXXModel', {'name': name}).json() == {'result': 'tea'}
    expected = {('cups_total', 'black'): 4, ('cups_total', 'green'): 2, ('water_liters_total', ''): 1.5}
    assert of_tea(service) - before == expected
    kill(service, service.worker_pids[0])
    # The new worker has tried the example, too.
    one_more = {('cups_total', 'Leo'): 1, ('water_liters_total', ''): 1.75}
    assert_soon(lambda: of_tea(service) - before, {**expected, **one_more})


def of_tea(service) -> Counter:
    """Return the model's own metrics, by name and kind."""
    lines = re.findall(
        r'^(cups_total|water_liters_total)(?:\{kind="(.*)"\})? (\S+)$', service.get('/metrics').text, re.M
    )
    return Counter({(name, kind): float(value) for name, kind, value in lines})


STOCK = ('.venv/bin/gunicorn', '-w', '1', '--no-control-socket', '--bind', '127.0.0.1:{port}', 'main:app')
OWN = (sys.executable, 'main.py', '--host', '127.0.0.1', '--port', '{port}')


@pytest.mark.long
@pytest.mark.parametrize('command', [STOCK, OWN], ids=['stock gunicorn', 'python main.py'])
def test_flask_alone_counts_too(service_class, tmp_path, command):
    """One process without our worker, and without a folder."""
    service = service_class(tmp_path / 'model serving')
    command = [part.format(port=service.port) for part in command]
    with open(tmp_path / 'log', 'w') as log:
        process = subprocess.Popen(command, cwd=service.folder, stdout=log, stderr=log, process_group=0)
    try:
        wait_until(partial(is_ready, service))
        assert service.post('/v1/XXXModel', LEO).json() == {'result': 'Hello, Leo!'}
        for path, json in (('/v1/XXXModel', {}), ('/v1/models/XXXModel:predict', ROWS), ('/v1/NoModel', {})):
            service.post(path, json)
        expected = {
            ('XXXModel', 'native', '200'): 1,
            ('XXXModel', 'native', '400'): 1,
            ('XXXModel', 'tensorflow_serving', '200'): 1,
        }
        assert_soon(lambda: +calls(service), expected)
        assert +counted(service, 'refused_requests_total', 'model', 'reason') == {('XXXModel', 'invalid'): 1}
        service.post('/v1/DigitsModel', service.get('/v1/DigitsModel').json()['examples'][0])
        assert counted(service, 'batch_size_sum', 'model')[('DigitsModel',)] == 1
        assert counted(service, 'worker_resident_memory_bytes')[()] > 10 * 2**20
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def is_ready(service) -> bool:
    with contextlib.suppress(OSError):
        return service.get('/health/ready').status_code == 200
    return False
