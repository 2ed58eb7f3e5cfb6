import pytest

from model_serving.serving.errors import StartError
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import BASE_FOLDER


def test_version_and_name():
    assert Route('/v12/My_Model2', None).version_and_name == (12, 'My_Model2')


@pytest.mark.parametrize('url', ['/XXXModel', '/v1/', '/vx/A', '/v1/2Model', '/v1/A-B', '/v1/A/B', '/v1/范', 'v1/A'])
def test_any_other_url_is_refused(url):
    with pytest.raises(StartError, match='must have the form'):
        _ = Route(url, None).version_and_name


@pytest.mark.parametrize('name', ['models', 'Health', 'repository'])
def test_reserved_names_are_refused(name):
    with pytest.raises(StartError, match='is reserved'):
        _ = Route(f'/v1/{name}', None).version_and_name


def test_a_row_without_its_optional_package_is_skipped_and_says_how_to_get_it(make_service):
    routes = (BASE_FOLDER / 'model_serving' / 'routes.py').read_text(encoding='utf-8')
    row = "ROUTES += (Route('/v1/Rare', XXXModelResource, XXXModel, needs='no_such_package'),)\n"
    # Settings of a model that is not there now are no mistake.
    conf = '[model]\nname = Rare\ntimeout = 3\n'
    service = make_service(files={'model_serving/routes.py': routes + row, 'conf/rare.conf': conf}, start=False)
    lines = service.start().splitlines()
    (line,) = [line for line in lines if '/v1/Rare' in line]
    assert line == (
        '/v1/Rare is not served: it needs no_such_package. Get it: .venv/bin/pip install -r requirements-examples.txt'
    )
    answer = service.post('/v1/Rare', json={'name': 'Leo'})
    assert (answer.status_code, answer.json()) == (404, {'message': line})
    assert service.post('/v1/XXXModel', json={'name': 'Leo'}).status_code == 200
