"""What start.sh prints tells what is served, and where to click."""

import re
from types import SimpleNamespace

import pytest

from model_serving.server.banner import lines, url
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
