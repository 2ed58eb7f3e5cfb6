"""What start.sh prints tells what is served, and where to click."""

import re
from types import SimpleNamespace

import pytest

from model_serving.server.banner import access_lines, lines, url
from tests.conftest import BASE_FOLDER


def test_start_shows_each_model_and_where_to_click(make_service):
    routes = (BASE_FOLDER / 'model_serving' / 'routes.py').read_text()
    routes += "ROUTES += (Route('/v1/AbsentModel', XXXModelResource, XXXModel, needs='no_such_package'),)\n"
    # Settings of a model that is not there now are no mistake.
    conf = '[model]\nname = AbsentModel\ntimeout = 3\n'
    files = {'model_serving/routes.py': routes, 'conf/absent_model.conf': conf}
    service = make_service(files, environment={'WORKERS': '2', 'THREADS': '3'}, start=False)
    told = service.start().splitlines()
    xxx = next(line for line in told if line.startswith('/v1/XXXModel '))
    assert re.search(r'XXXModel +loaded once for all workers in \d+ ms', xxx)
    how = '.venv/bin/pip install -r requirements-examples.txt'
    absent = f'/v1/AbsentModel is not served: it needs no_such_package. Get it: {how}'
    assert absent in told
    assert service.post('/v1/AbsentModel', {'name': 'Leo'}).json() == {'message': absent}
    wine = next(line for line in told if line.startswith('/v1/WineModel '))
    assert re.search(r'data/wine\.onnx, \d+\.\d KiB +loaded once for all workers in \d+ ms', wine)
    assert '2 workers' in told
    assert f'Ready. Open http://127.0.0.1:{service.port}/' in told


@pytest.mark.parametrize('number, shown', [(1, '1 worker'), (2, '2 workers')])
def test_one_is_singular(number, shown):
    servable = SimpleNamespace(url='/v1/X', source='X', problem=None, load_process=None)
    endpoints = {'/v1/X': SimpleNamespace(servable=servable, handler=None)}
    front = SimpleNamespace(
        endpoints=endpoints, app=SimpleNamespace(servables={'/v1/X': servable}, keys=SimpleNamespace(is_on=False))
    )
    row, workers = lines(front, number, number, [])
    assert row.endswith(f'in {shown.replace("worker", "thread")}')
    assert workers == shown


@pytest.mark.parametrize(
    'address, expected',
    [
        (('0.0.0.0', 9999), 'http://localhost:9999/'),
        (('::', 80, 0, 0), 'http://localhost:80/'),
        (('::1', 80, 0, 0), 'http://[::1]:80/'),
        (('10.0.0.1', 1), 'http://10.0.0.1:1/'),
        ('/tmp/a.sock', 'unix:/tmp/a.sock'),
    ],
)
def test_the_address_is_one_that_a_browser_opens(address, expected):
    assert url(address) == expected


OPEN = 'Everybody who reaches this port can call the models. To ask for API keys: bin/new-key.sh NAME'


@pytest.mark.parametrize(
    'addresses, told',
    [
        ([('127.0.0.1', 1)], []),
        ([('127.1.2.3', 1), ('::1', 1, 0, 0), ('localhost', 1), '/tmp/a.sock'], []),
        ([('0.0.0.0', 1)], [OPEN]),
        ([('::', 1, 0, 0)], [OPEN]),
        ([('', 1)], [OPEN]),
        ([('127.0.0.1', 1), ('10.0.0.1', 1)], [OPEN]),
    ],
)
def test_without_keys_there_is_a_line_where_others_reach_the_service(addresses, told):
    assert access_lines(SimpleNamespace(is_on=False), addresses) == told


@pytest.mark.parametrize('count, shown', [(0, '0 keys'), (1, '1 key'), (2, '2 keys')])
def test_with_keys_the_line_tells_how_many_there_are_and_where(count, shown):
    keys = SimpleNamespace(is_on=True, path='conf/api_keys', count=count)
    for host in ('127.0.0.1', '0.0.0.0'):
        told = access_lines(keys, [(host, 1)])
        assert told == [f'Callers need an API key. conf/api_keys has {shown}.']


@pytest.mark.long
def test_start_tells_who_may_call(make_service):
    service = make_service(environment={'WORKERS': '1'}, start=False)
    told = service.start()
    assert 'API key' not in told
    service.stop()
    service.environment['HOST'] = '0.0.0.0'
    assert OPEN in service.start().splitlines()
    service.stop()
    assert service.run('bin/new-key.sh', 'shop').returncode == 0
    told = service.start().splitlines()
    assert OPEN not in told
    assert f'Callers need an API key. {service.folder}/conf/api_keys has 1 key.' in told
