"""The configuration of docs/deploy-nginx.md, in a real nginx in front of the real service.

Marked long, since nginx may have to be installed for it, which only root can: apt-get install nginx-light
"""

import contextlib
import gzip
import os
import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import free_port, wait_until
from tests.docs.following import blocks, text_of

pytestmark = pytest.mark.long
(CONFIGURATION,) = [block.text for block in blocks(text_of('docs/deploy-nginx.md')) if block.language == 'nginx']
# Root's nginx would become another user, who may not write into the folders of a test.
USER = 'user root;' if os.getuid() == 0 else ''
TEMPORARY = ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
HALF = b'POST /v1/XXXModel HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"na'


class Nginx:
    """nginx with the document's configuration, but for another `rate`, in front of a service at `port`."""

    def __init__(self, folder, port, rate='20r/s'):
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.log = folder / 'error.log'
        text = CONFIGURATION
        for old, new in (
            ('listen 80', f'listen 127.0.0.1:{self.port}'),
            ('127.0.0.1:9999', f'127.0.0.1:{port}'),
            ('rate=20r/s', f'rate={rate}'),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        temporary = '\n'.join(f'{name}_temp_path {folder}/{name};' for name in TEMPORARY)
        http = f'http {{\naccess_log off;\n{temporary}\n{text}\n}}'
        main = f'daemon off;\n{USER}\nerror_log error.log;\npid nginx.pid;\nevents {{}}\n{http}\n'
        (folder / 'nginx.conf').write_text(main)
        self.command = [nginx_program(), '-p', str(folder), '-c', str(folder / 'nginx.conf'), '-e', 'error.log']

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait_until(self.listens)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(20)

    def listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(('127.0.0.1', self.port)):
            return True

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
    with Nginx(tmp_path_factory.mktemp('nginx'), service.port, rate='1000r/s') as running:
        yield running


def test_a_call_goes_through_packed_or_not(nginx):
    answer = nginx.post({'name': 'Leo'}, headers={'X-Request-ID': 'order-42'})
    assert (answer.status_code, answer.json()) == (200, {'result': 'Hello, Leo!'})
    assert answer.headers['X-Request-ID'] == 'order-42'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    headers = {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
    packed = gzip.compress(b'{"name": "Leo"}')
    answer = requests.post(f'{nginx.url}/v1/XXXModel', data=packed, headers=headers, timeout=60)
    assert answer.json() == {'result': 'Hello, Leo!'}


def test_the_id_that_nginx_made_is_in_the_log_of_the_service(nginx, service):
    request_id = nginx.post({'name': 'Leo'}).headers['X-Request-ID']
    assert re.fullmatch('[0-9a-f]{32}', request_id)
    wait_until(lambda: f' {request_id}\n' in service.log)


def test_the_page_and_the_errors_of_the_service_go_through(nginx):
    assert 'Model Serving Demo' in requests.get(nginx.url, timeout=60).text
    refused = nginx.post({})
    assert (refused.status_code, refused.json()['message']) == (400, "'name' is a required property")
    too_large = nginx.post({'name': 'Leo' * 2**19})
    assert (too_large.status_code, '1048576 bytes' in too_large.json()['message']) == (413, True)


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
    with Nginx(tmp_path, service.port, rate='1r/m') as strict:
        statuses = [strict.post({'name': 'Leo'}).status_code for _ in range(50)]
        refused = strict.post({'name': 'Leo'})
    assert statuses[:41] == [200] * 41
    assert refused.status_code == 429
    assert refused.headers['Retry-After'] == '1'
    assert 'Try again' in refused.json()['message']


def test_slow_clients_hold_no_thread_of_the_service(make_service, tmp_path_factory, connect):
    """As many as the service has threads, and more: it answers the others, since nginx waits for these."""
    one = make_service(environment={'WORKERS': '1', 'THREADS': '2'})
    with Nginx(tmp_path_factory.mktemp('nginx'), one.port) as front:
        for _ in range(8):
            connect(front).socket.sendall(HALF)
        assert front.post({'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
