"""The configuration of docs/deploy-nginx.md, in a real nginx in front of the real service.

Marked long, since nginx may have to be installed for it, which only root can: apt-get install nginx-light
"""

import contextlib
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import free_port
from tests.docs.following import blocks

pytestmark = pytest.mark.long
DOCUMENT = (Path(__file__).resolve().parents[2] / 'docs' / 'deploy-nginx.md').read_text(encoding='utf-8')
(CONFIGURATION,) = [block.text for block in blocks(DOCUMENT) if block.language == 'nginx']
MAIN = """
daemon off;
{user}
error_log error.log;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    {temporary}
    include {include};
}}
"""
TEMPORARY = ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')


class Nginx:
    """nginx with the document's configuration, changed by `changes`, in front of a service at `port`."""

    def __init__(self, folder, port, changes=()):
        self.folder = folder
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        text = CONFIGURATION
        for old, new in [('listen 80', f'listen 127.0.0.1:{self.port}'), ('127.0.0.1:9999', f'127.0.0.1:{port}')]:
            assert text.count(old) == 1
            text = text.replace(old, new)
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (folder / 'model-serving.conf').write_text(text)
        temporary = '\n'.join(f'{name}_temp_path {folder}/{name};' for name in TEMPORARY)
        # Else root's nginx becomes another user, who may not write into the folders of a test.
        user = 'user root;' if os.getuid() == 0 else ''
        main = MAIN.format(user=user, temporary=temporary, include=folder / 'model-serving.conf')
        (folder / 'nginx.conf').write_text(main)
        self.command = [nginx_program(), '-p', str(folder), '-c', str(folder / 'nginx.conf'), '-e', 'error.log']

    def __enter__(self):
        checked = subprocess.run([*self.command, '-t'], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(('127.0.0.1', self.port)):
                return self
            time.sleep(0.05)
        raise AssertionError((self.folder / 'error.log').read_text())

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(20)

    def post(self, body, **options):
        return requests.post(f'{self.url}/v1/XXXModel', json=body, timeout=60, **options)


def nginx_program():
    found = shutil.which('nginx') or shutil.which('nginx', path='/usr/sbin')
    if not found and os.getuid() == 0 and shutil.which('apt-get'):
        subprocess.run(['apt-get', 'update', '-q'], check=True)
        subprocess.run(['apt-get', 'install', '-y', '-q', 'nginx-light'], check=True)
        found = shutil.which('nginx', path='/usr/sbin')
    assert found, 'There is no nginx. Install it: apt-get install nginx-light'
    return found


@pytest.fixture(scope='module')
def nginx(service, tmp_path_factory):
    with Nginx(tmp_path_factory.mktemp('nginx'), service.port, [('rate=20r/s', 'rate=1000r/s')]) as running:
        yield running


def test_a_call_goes_through(nginx):
    answer = nginx.post({'name': 'Leo'}, headers={'X-Request-ID': 'order-42'})
    assert (answer.status_code, answer.json()) == (200, {'result': 'Hello, Leo!'})
    assert answer.headers['X-Request-ID'] == 'order-42'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'


def test_the_id_that_nginx_made_is_in_the_log_of_the_service(nginx, service):
    request_id = nginx.post({'name': 'Leo'}).headers['X-Request-ID']
    assert re.fullmatch('[0-9a-f]{32}', request_id)
    # The service writes the lines of a twentieth of a second at once.
    for _ in range(100):
        if f' {request_id}\n' in service.log:
            return
        time.sleep(0.05)
    raise AssertionError('No line of the log has it.')


def test_the_page_and_the_errors_of_the_service_go_through(nginx):
    assert 'Model Serving Demo' in requests.get(nginx.url, timeout=60).text
    refused = nginx.post({})
    assert (refused.status_code, refused.json()['message']) == (400, "'name' is a required property")
    too_large = nginx.post({'name': 'Leo' * 2**19})
    assert (too_large.status_code, '1048576 bytes' in too_large.json()['message']) == (413, True)


def test_a_packed_body_goes_through(nginx):
    body = gzip.compress(json.dumps({'name': 'Leo'}).encode())
    headers = {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
    answer = requests.post(f'{nginx.url}/v1/XXXModel', data=body, headers=headers, timeout=60)
    assert answer.json() == {'result': 'Hello, Leo!'}


def test_many_calls_at_once(nginx):
    names = [f'Leo {number}' for number in range(200)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda name: nginx.post({'name': name}), names))
    assert [answer.json() for answer in answers] == [{'result': f'Hello, {name}!'} for name in names]


def test_errors_of_nginx_have_our_form(nginx, tmp_path):
    too_large = nginx.post({'name': 'Leo' * 2**22})
    with Nginx(tmp_path, free_port()) as alone:
        not_reached = alone.post({'name': 'Leo'})
    assert [answer.status_code for answer in (too_large, not_reached)] == [413, 503]
    for answer in (too_large, not_reached):
        assert answer.headers['Content-Type'] == 'application/json'
        assert answer.headers['Access-Control-Allow-Origin'] == '*'
        assert list(answer.json()) == ['message']
    assert not_reached.headers['Retry-After'] == '5'


def test_too_many_requests_of_one_client(service, tmp_path):
    with Nginx(tmp_path, service.port, [('rate=20r/s', 'rate=1r/m')]) as strict:
        statuses = [strict.post({'name': 'Leo'}).status_code for _ in range(50)]
        refused = strict.post({'name': 'Leo'})
    assert statuses[:41] == [200] * 41
    assert refused.status_code == 429
    assert refused.headers['Retry-After'] == '1'
    assert 'Try again' in refused.json()['message']


def test_slow_clients_hold_no_thread_of_the_service(service_class, tmp_path, connect):
    """As many as the service has threads, and more: it answers the others, since nginx waits for these."""
    one = service_class(tmp_path / 'model serving', environment={'WORKERS': '1', 'THREADS': '2'})
    one.start()
    (tmp_path / 'nginx').mkdir()
    try:
        with Nginx(tmp_path / 'nginx', one.port) as front:
            for _ in range(8):
                slow = connect(front).socket
                slow.sendall(b'POST /v1/XXXModel HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n')
                slow.sendall(b'Content-Type: application/json\r\n\r\n{"name"')
            assert front.post({'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    finally:
        one.stop()
