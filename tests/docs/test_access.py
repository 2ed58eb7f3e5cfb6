"""The configurations of docs/access.md, in a real nginx in front of the real service.

Marked long, since nginx may have to be installed for it, which only root can: apt-get install nginx-light
"""

import subprocess

import pytest
import requests

from tests.docs.following import blocks, text_of
from tests.docs.test_nginx import Nginx

pytestmark = pytest.mark.long
FILES = {block.path: block.text for block in blocks(text_of('docs/access.md')) if block.path}
KEYS, SERVER, PASSWORDS = FILES
USERS = '/etc/nginx/model-serving.users'
# As long as `openssl rand -hex 24` makes them.
KEY = 'a' * 48
BODY = {'name': 'Leo'}


@pytest.fixture(scope='module')
def with_keys(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp('keys')
    (folder / 'keys').write_text(FILES[KEYS].replace('REPLACE-BY-A-RANDOM-KEY', KEY))
    with Nginx(folder, service.port, (KEYS, str(folder / 'keys')), text=FILES[SERVER]) as running:
        yield running


@pytest.mark.parametrize('headers', [{}, {'X-API-Key': ''}, {'X-API-Key': KEY[:-1]}, {'X-API-Key': 'shop'}])
@pytest.mark.parametrize('path', ['/v1/XXXModel', '/', '/openapi.json', '/health/ready'])
def test_without_a_key(with_keys, path, headers):
    answer = requests.post(with_keys.url + path, json=BODY, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()) == (401, {'message': 'Send your key in the header X-API-Key.'})
    assert answer.headers['Access-Control-Allow-Origin'] == '*'


def test_with_a_key(with_keys):
    assert with_keys.post(BODY, headers={'X-API-Key': KEY}).json() == {'result': 'Hello, Leo!'}
    refused = with_keys.post({}, headers={'X-API-Key': KEY})
    assert (refused.status_code, refused.headers['Access-Control-Allow-Origin']) == (400, '*')


def test_a_page_of_another_site_may_send_its_key(with_keys, service, page):
    """The browser asks first, without the key."""
    page.goto(service.url)
    script = """async ([url, key]) => {
        const headers = {'Content-Type': 'application/json', ...key};
        const response = await fetch(url, {method: 'POST', headers, body: '{"name": "Leo"}'});
        return [response.status, await response.json()];
    }"""
    url = f'{with_keys.url}/v1/XXXModel'
    assert page.evaluate(script, [url, {'X-API-Key': KEY}]) == [200, {'result': 'Hello, Leo!'}]
    assert page.evaluate(script, [url, {}])[0] == 401


def test_with_passwords(service, tmp_path):
    made = subprocess.run(['openssl', 'passwd', '-apr1', 'secret'], capture_output=True, text=True, check=True)
    (tmp_path / 'users').write_text(f'leo:{made.stdout}')
    server = FILES[SERVER][FILES[SERVER].index('server {') :]
    before, _, rest = server.partition('        if (')
    location = before + FILES[PASSWORDS].replace(USERS, str(tmp_path / 'users')) + rest.partition('}\n')[2]
    text = location.partition('    # JSON with CORS headers')[0] + '}'
    with Nginx(tmp_path, service.port, text=text) as running:
        assert running.post(BODY).status_code == 401
        assert running.post(BODY, auth=('leo', 'wrong')).status_code == 401
        assert running.post(BODY, auth=('leo', 'secret')).json() == {'result': 'Hello, Leo!'}
