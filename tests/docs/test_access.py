"""What docs/access.md says is done: its commands, its settings, and nginx with passwords in front of the service."""

import subprocess

import pytest

from model_serving.utils.conf_utils import Conf
from tests.conftest import wait_until
from tests.docs.following import blocks, run, text_of
from tests.docs.test_nginx import CONFIGURATION, Nginx

ACCESS = blocks(text_of('docs/access.md'))
CONFS = [block.text for block in ACCESS if block.language == 'ini']
PASSWORDS = next(block.text for block in ACCESS if block.language == 'nginx')
USERS = '/etc/nginx/model-serving.users'
BODY = {'name': 'Leo'}


@pytest.mark.parametrize('text', CONFS, ids=lambda text: text.splitlines()[-1])
def test_its_settings_are_settings(text, tmp_path):
    """A setting that does not exist, or a value that is not allowed, is a StartError."""
    (tmp_path / 'serving.conf').write_text(text)
    assert Conf(tmp_path, {}).serving


@pytest.mark.long
def test_its_commands_make_a_key_and_use_it(make_service):
    # One worker, since each reads the file by itself.
    service = make_service(environment={'WORKERS': '1'})
    make, call = [block for block in ACCESS if block.language == 'sh'][:2]
    service.environment['KEY'] = run(service, f'{make.text}echo $KEY').strip()
    wait_until(lambda: service.get('/openapi.json').status_code == 401)
    printed = run(service, call.text)
    assert printed.startswith('{"result":"Hello, Leo!"}')
    assert '"securitySchemes"' in printed


@pytest.mark.long
def test_nginx_asks_for_a_password(service, tmp_path):
    """nginx may have to be installed for it: see test_nginx.py."""
    made = subprocess.run(['openssl', 'passwd', '-apr1', 'secret'], capture_output=True, text=True, check=True)
    (tmp_path / 'users').write_text(f'leo:{made.stdout}')
    asked = PASSWORDS.replace(USERS, str(tmp_path / 'users'))
    with Nginx(tmp_path, service.port, ('location / {', f'location / {{\n{asked}'), text=CONFIGURATION) as running:
        assert running.post(BODY).status_code == 401
        assert running.post(BODY, auth=('leo', 'wrong')).status_code == 401
        assert running.post(BODY, auth=('leo', 'secret')).json() == {'result': 'Hello, Leo!'}
