"""model_serving/on_ray.py, on a real Ray cluster of two nodes, as docs/deploy-ray.md says."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import BASE_FOLDER, wait_until
from tests.formats.answers import both_ways
from tests.models.test_digits_model import HELDOUT, accuracy
from tests.server.busy_clients import BusyClient, calling
from tests.test_article import FILES as ARTICLE

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]
ROUTES = (BASE_FOLDER / 'tests' / 'fakes' / 'ray_routes.py').read_text(encoding='utf-8')
# One on each node.
TWO = ('num_replicas=2', 'max_replicas_per_node=1')
HANGING = {'MODEL_SERVING_GATEMODEL_TIMEOUT': '1'}


@pytest.fixture(scope='module')
def cluster():
    from tests.fakes.ray_cluster import Cluster

    with Cluster() as running:
        yield running


@pytest.fixture
def tree(service_class, tmp_path):
    """A copy of the tree, to be deployed from."""
    return service_class(tmp_path / 'model serving')


@pytest.fixture(scope='module')
def service(cluster, service_class, tmp_path_factory):
    """Two replicas on the cluster; a test that kills one waits until there are two again."""
    deployed = service_class(tmp_path_factory.mktemp('ray'), {'model_serving/routes.py': ROUTES}).without_models()
    deployed.url, deployed.port = cluster.url, cluster.port
    deploy(cluster, deployed)
    return deployed


def deploy(cluster, service):
    done = cluster.run(service.folder, *TWO)
    # The process may crash at its end, in Ray's own threads, when it has deployed already.
    assert "Application 'default' is ready" in done.stderr + done.stdout, done.stderr + done.stdout
    cluster.wait_for_replicas(2)


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


def test_held_out_digits(service):
    results = both_ways(service, 'DigitsModel', [{'image': image} for image in HELDOUT['images']])
    assert accuracy(results) == HELDOUT['accuracy']


def test_the_page_and_errors(service):
    assert 'Model Serving Demo' in service.get('/').text
    assert service.get('/docs/deploy-ray.md').status_code == 200
    assert service.get('/nowhere').json()['message'].startswith('Nothing is served at /nowhere')
    assert service.post('/v1/XXXModel', {'name': 'Leo' * 2**20}).status_code == 413


def test_pieces_of_a_stream_come_at_once_and_it_ends_when_its_client_leaves(service, tmp_path):
    gate = tmp_path / 'gate'
    with service.post('/v1/StreamModel', {'gate': str(gate)}, stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines) == b'{"result":"first"}'
        gate.touch()
        assert list(lines) == [b'{"result":"last"}']
    gate = tmp_path / 'other'
    with service.post('/v1/StreamModel', {'gate': str(gate), 'pieces': 10_000}, stream=True) as answer:
        next(answer.iter_lines())
    gate.touch()
    wait_until(Path(f'{gate}-closed').exists)


@contextmanager
def held_calls(service, gate, number=12):
    """Yield the pids of the replicas that have each of so many calls, which wait, and the calls' futures."""

    def call(name):
        return service.post('/v1/GateModel', {'gate': str(gate), 'name': str(name)})

    with ThreadPoolExecutor(number) as pool:
        calls = [pool.submit(call, name) for name in range(number)]
        wait_until(lambda: len(list(gate.parent.glob('gate-*'))) == number)
        yield [int(path.name.split('-')[1]) for path in gate.parent.glob('gate-*')], calls
        gate.touch()


@contextmanager
def loses_at_most_one_call_of_each_client(service):
    clients = [BusyClient(service, keeps=bool(number % 2)) for number in range(8)]
    with calling(clients):
        yield
    assert max(len(client.lost) for client in clients) <= 1


def kill_replica(cluster, replica):
    os.kill(replica['pid'], signal.SIGKILL)


def kill_node(cluster, replica):
    from tests.fakes.ray_cluster import OTHER

    assert replica['node_ip'] == OTHER
    cluster.kill(OTHER)


@pytest.mark.parametrize('kill', [kill_replica, kill_node])
def test_no_more_calls_are_lost_than_the_killed_one_was_answering(cluster, service, tmp_path, kill):
    from tests.fakes.ray_cluster import OTHER

    (victim,) = [one for one in cluster.replicas() if one['node_ip'] == OTHER]
    with loses_at_most_one_call_of_each_client(service):
        with held_calls(service, tmp_path / 'gate') as (holders, calls):
            kill(cluster, victim)
            wait_until(lambda: sum(call.done() for call in calls) == holders.count(victim['pid']))
        lost = [answer for answer in (call.result() for call in calls) if answer.status_code != 200]
        assert 0 < holders.count(victim['pid']) < len(holders)
        assert len(lost) == holders.count(victim['pid'])
    if kill is kill_node:
        cluster.add_other()
    cluster.wait_for_replicas(2)


def test_a_new_version_replaces_the_replicas_and_loses_nothing(cluster, service):
    before = [one['pid'] for one in cluster.replicas()]
    clients = [BusyClient(service, keeps=bool(number % 2)) for number in range(8)]
    slow = [BusyClient(service, False, '/v1/SlowModel', b'{}', {'result': 1}) for _ in range(4)]
    with calling([*clients, *slow]):
        service.write({'model_serving/routes.py': ROUTES.replace('/v1/StreamModel', '/v1/NewModel')})
        deploy(cluster, service)
        cluster.wait_for_replicas(2, without=before)
    assert [client.lost for client in [*clients, *slow]] == [[]] * 12
    assert '/v1/NewModel' in service.get('/health/ready').json()['models']


def test_below_a_prefix_with_settings_of_the_shell(cluster, tree):
    """Two applications share the cluster. A model that hangs is replaced with its replica."""
    deployed = cluster.run(tree.folder, name='other', prefix='/models', environment={'MODEL_SERVING_SERVING_PAGE': 'off'})
    assert "'other' is ready" in deployed.stdout + deployed.stderr
    url = f'{cluster.url}/models'
    answer = requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, timeout=60)
    assert answer.json() == {'result': 'Hello, Leo!'}
    assert requests.get(f'{url}/health/ready', timeout=60).status_code == 200
    assert requests.get(url, timeout=60).status_code == 404
    for path in ('/v1/XXXMode%6C', '/v1/Nothing%2F', '//v1/XXXModel', '/models/v1/XXXModel'):
        print(path, requests.post(url + path, json={'name': 'Leo'}, timeout=60).text)


def test_the_articles_own_files(cluster, tree):
    tree.write(ARTICLE)
    cluster.run(tree.folder, name='article', prefix='/article')
    answer = requests.post(f'{cluster.url}/article/v1/XXXModel', json={'name': 'Leo'}, timeout=60)
    assert answer.json() == {'result': 'Good day, Leo.'}


def test_keys(cluster, tree, tmp_path):
    """The file of keys is not uploaded with the tree, and a replica without it must not let everybody in."""
    key = tree.run('bin/new-key.sh', 'shop').stdout.strip()
    refused = cluster.run(tree.folder, name='keys', prefix='/keys')
    assert '[serving] api_keys: there is no file conf/api_keys.' in refused.stdout + refused.stderr
    elsewhere = tmp_path / 'api_keys'
    (tree.folder / 'conf' / 'api_keys').rename(elsewhere)
    environment = {'MODEL_SERVING_SERVING_API_KEYS': str(elsewhere)}
    cluster.run(tree.folder, name='keys', prefix='/keys', environment=environment)
    url = f'{cluster.url}/keys/v1/XXXModel'
    assert requests.post(url, json={'name': 'Leo'}, timeout=60).status_code == 401
    answer = requests.post(url, json={'name': 'Leo'}, headers={'X-API-Key': key}, timeout=60)
    assert answer.json() == {'result': 'Hello, Leo!'}
