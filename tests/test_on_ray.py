"""model_serving/on_ray.py, on a real Ray cluster of two nodes, as docs/deploy-ray.md says."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import BASE_FOLDER, wait_until
from tests.docs.running import is_ready
from tests.fakes.ray_cluster import OTHER, Cluster, environment, family
from tests.formats.answers import both_ways
from tests.models.test_digits_model import HELDOUT, accuracy
from tests.server.busy_clients import BusyClient, busy_clients, calling
from tests.test_article import FILES as ARTICLE

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]
ROUTES = (BASE_FOLDER / 'tests' / 'fakes' / 'ray_routes.py').read_text(encoding='utf-8')
# One on each node.
TWO = {'num_replicas': 2, 'max_replicas_per_node': 1}
CALLS = 12


@pytest.fixture(scope='module')
def cluster():
    with Cluster() as running:
        yield running


@pytest.fixture(scope='module')
def service(cluster, service_class, tmp_path_factory):
    """The models of ray_routes.py in two replicas; a test that ends one waits until there are two again."""
    deployed = service_class(tmp_path_factory.mktemp('ray'), {'model_serving/routes.py': ROUTES}).without_models()
    deployed.url, deployed.port = cluster.url, cluster.port
    cluster.deploy(deployed.folder, args=TWO)
    cluster.wait_for_replicas(2)
    return deployed


@pytest.fixture
def tree(service_class, tmp_path):
    """A copy of the tree, to be deployed."""
    return service_class(tmp_path / 'model serving')


@pytest.mark.parametrize(
    'json, status, answer',
    [
        (None, 400, {'message': 'No JSON object'}),
        ({}, 400, {'message': "'name' is a required property"}),
        ({'name': 'Leo'}, 200, {'result': 'Hello, Leo!'}),
        ({'name': '范叶亮'}, 200, {'result': 'Hello, 范叶亮!'}),
    ],
)
def test_the_contract_of_the_article(service, json, status, answer):
    answered = service.post('/v1/XXXModel', json, headers={'X-Request-ID': 'order-42'})
    assert (answered.status_code, answered.headers['Access-Control-Allow-Origin']) == (status, '*')
    assert answer.items() <= answered.json().items()
    # Ray's proxy adds one, too, and two would be joined by a comma.
    assert answered.headers['X-Request-ID'] == 'order-42'


def test_the_log_of_ray_goes_on(cluster, service):
    service.post('/v1/XXXModel', {'name': 'Leo'}, headers={'X-Request-ID': 'order-43'})
    logs = list(cluster.folder.glob('*/session_latest/logs/serve/replica_default_*.log'))
    wait_until(lambda: any('order-43 -- POST' in log.read_text() for log in logs))


def test_held_out_digits(service):
    results = both_ways(service, 'DigitsModel', [{'image': image} for image in HELDOUT['images']])
    assert accuracy(results) == HELDOUT['accuracy']


def test_pages_and_errors(service):
    assert 'Model Serving Demo' in service.get('/').text
    assert service.get('/docs/deploy-ray.md').status_code == 200
    assert service.get('/nowhere').json()['message'].startswith('Nothing is served at /nowhere')
    assert service.post('/v1/XXXModel', {'name': 'Leo' * 2**20}).status_code == 413


def test_pieces_of_a_stream_come_at_once_and_it_ends_when_its_client_leaves(service, tmp_path):
    gate = tmp_path / 'gate'
    with service.post('/v1/StreamModel', {'gate': str(gate)}, stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines) == b'"first"'
        gate.touch()
        assert list(lines) == [b'"last"']
    gate = tmp_path / 'other'
    with service.post('/v1/StreamModel', {'gate': str(gate), 'pieces': 10_000}, stream=True) as answer:
        next(answer.iter_lines())
    gate.touch()
    wait_until(Path(f'{gate}-closed').exists)


@contextmanager
def held_calls(service, gate):
    """Yield the futures of calls that wait, and for each of them the pid of the replica that has it."""

    def call(name):
        return service.post('/v1/GateModel', {'gate': str(gate), 'name': str(name)})

    with ThreadPoolExecutor(CALLS) as pool:
        calls = [pool.submit(call, name) for name in range(CALLS)]
        try:
            wait_until(lambda: len(list(gate.parent.glob('gate-*'))) == CALLS)
            yield calls, [int(path.name.split('-')[1]) for path in gate.parent.glob('gate-*')]
        finally:
            gate.touch()


def wait_until_each_is_called(cluster, service, gate):
    """Ray's proxy learns of a new replica a little after Ray says that it runs."""
    pids = {replica['pid'] for replica in cluster.replicas()}
    gate.touch()

    def all_called():
        service.post('/v1/GateModel', {'gate': str(gate), 'name': 'early'})
        return {int(path.name.split('-')[1]) for path in gate.parent.glob(f'{gate.name}-*')} == pids

    wait_until(all_called)


def kill_replica(cluster, replica):
    os.kill(replica['pid'], signal.SIGKILL)


def kill_node(cluster, replica):
    cluster.kill(OTHER)


@pytest.mark.parametrize('kill', [kill_replica, kill_node])
def test_no_more_calls_are_lost_than_a_killed_replica_was_answering(cluster, service, tmp_path, kill):
    (victim,) = [one for one in cluster.replicas() if one['node_ip'] == OTHER]
    wait_until_each_is_called(cluster, service, tmp_path / 'open')
    clients = [BusyClient(service, keeps=bool(number % 2), pause=0.01) for number in range(8)]
    with calling(clients):
        with held_calls(service, tmp_path / 'gate') as (calls, holders):
            held = holders.count(victim['pid'])
            kill(cluster, victim)
            wait_until(lambda: sum(call.done() for call in calls) == held)
        if kill is kill_node:
            cluster.add_other()
        # For a while, Ray lists the one that was killed.
        cluster.wait_for_replicas(2, without=[victim['pid']])
        statuses = [call.result().status_code for call in calls]
        assert 0 < held < CALLS
        assert sorted(statuses) == [200] * (CALLS - held) + [500] * held
    # No call was sent to another replica once a model had it.
    assert len(list(tmp_path.glob('gate-*'))) == CALLS
    lost = [len(client.lost) for client in clients]
    print('Lost calls of busy clients:', sum(lost), 'of', sum(client.answered for client in clients))
    assert max(lost) <= 1


def test_a_new_version_loses_nothing_and_neither_does_one_that_cannot_start(cluster, service):
    before = [one['pid'] for one in cluster.replicas()]
    slow = [BusyClient(service, False, '/v1/SlowModel', b'{}', {'result': 1}) for _ in range(4)]
    with busy_clients(service, 8, pause=0.01) as clients, calling(slow):
        with service.changed({'model_serving/routes.py': ROUTES.replace('/v1/StreamModel', '/v1/NewModel')}):
            cluster.deploy(service.folder, args=TWO)
            cluster.wait_for_replicas(2, without=before)
        assert '/v1/NewModel' in service.get('/health/ready').json()['models']
        with service.changed({'model_serving/routes.py': '1 / 0'}):
            cluster.deploy(service.folder, args=TWO)
            reason = cluster.wait_until_failed('default')
        assert 'The service cannot start. model_serving/routes.py, line 1: ZeroDivisionError' in reason
        # One of the two has stopped for the new version; the other one goes on.
        assert '/v1/NewModel' in service.get('/health/ready').json()['models']
        cluster.deploy(service.folder, args=TWO)
        cluster.wait_for_replicas(2)
    print('Answered meanwhile:', sum(client.answered for client in [*clients, *slow]))
    assert [client.lost for client in slow] == [[]] * 4


def test_a_replica_whose_model_hangs_is_replaced(cluster, tree, tmp_path):
    tree.write({'model_serving/routes.py': ROUTES})
    cluster.deploy(tree.without_models().folder, 'hangs', '/hangs', settings={'MODEL_SERVING_GATEMODEL_TIMEOUT': '0.5'})
    cluster.wait_until_running('hangs')

    def call(gate):
        body = {'gate': str(gate), 'name': 'one'}
        return requests.post(f'{cluster.url}/hangs/v1/GateModel', json=body, timeout=60).status_code

    assert call(tmp_path / 'never') == 504
    wait_until(lambda: cluster.application('hangs')['status'] == 'UNHEALTHY')
    cluster.wait_until_running('hangs')
    (tmp_path / 'open').touch()
    assert call(tmp_path / 'open') == 200


def test_below_a_prefix(cluster, tree):
    """Beside another application; a URL whose characters are escaped is the same URL."""
    tree.write(ARTICLE)
    cluster.deploy(tree.folder, 'article', '/models')
    cluster.wait_until_running('article')
    for path in ('/v1/XXXModel', '/v1/XXXMode%6C'):
        answer = requests.post(f'{cluster.url}/models{path}', json={'name': 'Leo'}, timeout=60)
        assert answer.json() == {'result': 'Good day, Leo.'}
    for path in ('/models/v1/XXXModel', '/v1/XXXModel%2F', '/v1/XXXModel%3F'):
        answer = requests.post(f'{cluster.url}/models{path}', json={'name': 'Leo'}, timeout=60)
        assert answer.status_code == 404
    assert 'Model Serving Demo' in requests.get(f'{cluster.url}/models', timeout=60).text


def test_keys(cluster, tree, tmp_path):
    """A replica without the file of keys lets nobody in."""
    settings = {'MODEL_SERVING_SERVING_API_KEYS': str(tmp_path / 'api_keys')}
    cluster.deploy(tree.folder, 'keys', '/keys', settings=settings)
    assert f'there is no file {tmp_path / "api_keys"}' in cluster.wait_until_failed('keys')
    key = tree.run('bin/new-key.sh', 'shop').stdout.strip()
    (tree.folder / 'conf' / 'api_keys').rename(tmp_path / 'api_keys')
    cluster.deploy(tree.folder, 'keys', '/keys', settings=settings)
    cluster.wait_until_running('keys')
    url = f'{cluster.url}/keys/v1/XXXModel'
    assert requests.post(url, json={'name': 'Leo'}, timeout=60).status_code == 401
    answer = requests.post(url, json={'name': 'Leo'}, headers={'X-API-Key': key}, timeout=60)
    assert answer.json() == {'result': 'Hello, Leo!'}


def test_settings_of_a_runtime_env_count(cluster, service, tree, tmp_path):
    """For an application that `serve run` adds to a cluster where Serve runs already."""
    tree.run('bin/new-key.sh', 'shop')
    (tree.folder / 'conf' / 'api_keys').rename(tmp_path / 'api_keys')
    runtime = json.dumps({'env_vars': {'MODEL_SERVING_SERVING_API_KEYS': str(tmp_path / 'api_keys')}})
    options = ['--name=shop', '--route-prefix=/shop', '--working-dir=.', f'--runtime-env-json={runtime}']
    command = ['serve', 'run', '--non-blocking', *options, 'model_serving.on_ray:app', 'num_replicas=1']
    done = tree.run(*command, env={**cluster.environment, 'RAY_ADDRESS': cluster.address})
    assert "'shop' is ready" in done.stderr, done.stderr
    assert requests.post(f'{cluster.url}/shop/v1/XXXModel', json={'name': 'Leo'}, timeout=60).status_code == 401


def test_keys_are_asked_for_whatever_else_is_set(tree, tmp_path):
    """Ray does not upload the file of keys, and a replica without it does not start."""
    tree.run('bin/new-key.sh', 'shop')
    actor = 'ray_actor_options={runtime_env: {env_vars: {COLOR: red}}}'
    command = ['serve', 'run', '--working-dir=.', 'model_serving.on_ray:app', 'num_replicas=1', actor]
    done = tree.run(*command, env=environment(tmp_path))
    assert 'conf/api_keys. Make it: bin/new-key.sh' in done.stderr + done.stdout


def test_serve_run_on_one_machine(tree, tmp_path):
    """It has the folder's keys and the shell's settings, at the port of Ray Serve; Ctrl+C ends all that it started."""
    url = 'http://127.0.0.1:8000'
    key = tree.run('bin/new-key.sh', 'shop').stdout.strip()
    settings = {**environment(tmp_path), 'MODEL_SERVING_SERVING_PAGE': 'off'}
    with open(tmp_path / 'log', 'w') as log:
        command = ['serve', 'run', 'model_serving.on_ray:app', 'autoscaling_config={max_replicas: 2}']
        run = subprocess.Popen(command, cwd=tree.folder, env=settings, stdout=log, stderr=log)
    wait_until(lambda: is_ready(url), seconds=120)
    started = family(run.pid)
    assert requests.get(f'{url}/v1', timeout=60).status_code == 401
    assert requests.get(f'{url}/', timeout=60, headers={'X-API-Key': key}).status_code == 404
    run.send_signal(signal.SIGINT)
    run.wait(60)
    wait_until(lambda: not any(Path(f'/proc/{pid}').exists() for pid in started))


def test_the_code_of_another_folder_is_not_served(tree, tmp_path):
    """Ray lets the folder in which it was started come before the code that is deployed."""
    command = [sys.executable, '-P', '-c', 'from model_serving.on_ray import asgi_app; asgi_app()']
    done = tree.run(*command, env={**environment(tmp_path), 'PYTHONPATH': str(BASE_FOLDER)})
    assert f'The replica would use {BASE_FOLDER / "model_serving"}' in done.stderr
