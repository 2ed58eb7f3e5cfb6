"""The configuration of docs/deploy-nginx.md, in a real nginx in front of the real service; also with TLS, below a path.

Marked long, since nginx may have to be installed for it, which only root can: apt-get install nginx-light
"""

import contextlib
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from playwright.sync_api import expect

from tests.conftest import children, free_port, wait_until
from tests.docs.following import blocks, text_of
from tests.test_streams import has

pytestmark = pytest.mark.long
CONFIGURATION, TLS, REDIRECT, BELOW = [
    block.text for block in blocks(text_of('docs/deploy-nginx.md')) if block.language == 'nginx'
]
# Root's nginx would become another user, who may not write into the folders of a test.
USER = 'user root;' if os.getuid() == 0 else ''
FAST = ('rate=20r/s', 'rate=1000r/s')
TEMPORARY = ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
HALF = b'POST /v1/XXXModel HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"na'


class Nginx:
    """nginx with a configuration, in front of a service at `port`; `changes` are (old, new) texts of it."""

    def __init__(self, folder, port, *changes, text=CONFIGURATION):
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.log, self.file = folder / 'error.log', folder / 'nginx.conf'
        for old, new in (*changes, ('127.0.0.1:9999', f'127.0.0.1:{port}')):
            assert text.count(old) == 1
            text = text.replace(old, new)
        text, count = re.subn(r'listen (80|443)\b', f'listen 127.0.0.1:{self.port}', text)
        assert count == 1
        temporary = '\n'.join(f'{name}_temp_path {folder}/{name};' for name in TEMPORARY)
        http = f'http {{\naccess_log off;\n{temporary}\n{text}\n}}'
        main = f'daemon off;\n{USER}\nerror_log error.log;\npid nginx.pid;\nevents {{}}\n{http}\n'
        self.file.write_text(main)
        self.command = [nginx_program(), '-p', str(folder), '-c', str(self.file), '-e', 'error.log']

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait_until(self.listens)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(20)

    def reload(self, old, new):
        """Change the configuration, and have nginx read it; returns when its old processes have ended."""
        before = children(self.process.pid)
        self.file.write_text(self.file.read_text().replace(old, new))
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not set(before) & set(children(self.process.pid)))

    def listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(('127.0.0.1', self.port)):
            return True

    def post(self, body, path='/v1/XXXModel', **options):
        return requests.post(self.url + path, json=body, timeout=60, **options)


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
    with Nginx(tmp_path_factory.mktemp('nginx'), service.port, FAST) as running:
        yield running


def test_the_metrics_are_not_for_the_internet(nginx):
    assert requests.get(f'{nginx.url}/metrics', timeout=60).status_code == 404


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
    """Also in place of one that is not well-formed."""
    for sent in ({}, {'X-Request-ID': 'a b'}):
        request_id = nginx.post({'name': 'Leo'}, headers=sent).headers['X-Request-ID']
        assert re.fullmatch('[0-9a-f]{32}', request_id)
        wait_until(lambda expected=f' {request_id}\n': expected in service.log)


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
    too_large = nginx.post({'name': 'Leo' * 2**24})
    with Nginx(tmp_path, free_port()) as alone:
        not_reached = alone.post({'name': 'Leo'})
    assert [answer.status_code for answer in (too_large, not_reached)] == [413, 503]
    for answer in (too_large, not_reached):
        assert answer.headers['Content-Type'] == 'application/json'
        assert answer.headers['Access-Control-Allow-Origin'] == '*'
        assert list(answer.json()) == ['message']
    assert not_reached.headers['Retry-After'] == '5'


def test_too_many_requests_of_one_client(service, tmp_path):
    with Nginx(tmp_path, service.port, ('rate=20r/s', 'rate=1r/m')) as strict:
        statuses = [strict.post({'name': 'Leo'}).status_code for _ in range(50)]
        refused = strict.post({'name': 'Leo'})
    assert statuses[:41] == [200] * 41
    assert refused.status_code == 429
    assert refused.headers['Retry-After'] == '1'
    assert 'Try again' in refused.json()['message']


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1, its key beside it."""
    path = tmp_path_factory.mktemp('tls') / 'model-serving.crt'
    command = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1']
    names = ['-addext', 'subjectAltName=IP:127.0.0.1']
    files = ['-out', path, '-keyout', path.with_suffix('.key')]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return path


@pytest.fixture(scope='module')
def below_a_path(service, certificate):
    """The URL of the service behind nginx with TLS, as the document says, below the path /models/."""
    folder = certificate.parent
    changes = [
        ('    listen 80;\n', TLS.replace('/etc/nginx', str(folder))),
        ('    location / {\n', BELOW.partition('\n')[0] + '\n'),
        ('        proxy_pass http://model_serving;\n', BELOW.partition('\n')[2]),
    ]
    with Nginx(folder, service.port, FAST, *changes) as running:
        yield f'https://127.0.0.1:{running.port}/models'


@pytest.mark.parametrize('version, is_spoken', [('tls1_1', False), ('tls1_2', True), ('tls1_3', True)])
def test_versions_of_tls(below_a_path, version, is_spoken):
    address = below_a_path.split('/')[2]
    command = ['openssl', 's_client', '-connect', address, f'-{version}', '-cipher', 'DEFAULT@SECLEVEL=0']
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert (finished.returncode == 0) == is_spoken


def test_http_leads_to_https(tmp_path):
    elsewhere = CONFIGURATION.replace('listen 80;', f'listen 127.0.0.1:{free_port()};')
    with Nginx(tmp_path, free_port(), text=elsewhere + REDIRECT) as nginx:
        answer = nginx.post({}, '/v1/XXXModel?a=b', headers={'Host': 'models.example.com'}, allow_redirects=False)
    # 308, since after 301 most clients would send a GET.
    assert (answer.status_code, answer.headers['Location']) == (308, 'https://models.example.com/v1/XXXModel?a=b')


@pytest.fixture
def page(browser):
    """A page that trusts the certificate; no file that it asks for may be missing."""
    failed = []
    with browser.new_context(ignore_https_errors=True, locale='en-US') as context:
        opened = context.new_page()
        opened.on('response', lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        opened.on('pageerror', lambda error: failed.append(str(error)))
        yield opened
    assert failed == []


def test_the_page_below_a_path(below_a_path, page):
    page.goto(f'{below_a_path}/#/v1/XXXModel')
    page.locator('.submit').click()
    expect(page.locator('.result')).to_have_text('Hello, Leo!')
    expect(page.locator('.url')).to_have_text(f'POST {below_a_path}/v1/XXXModel')
    page.locator('.code-pane summary').click()
    expect(page.locator('.code-pane pre')).to_contain_text(f'{below_a_path}/v1/XXXModel')
    page.get_by_role('link', name='Call the service').click()
    expect(page).to_have_url(f'{below_a_path}/docs/call.md')
    page.get_by_role('navigation', name='Guides').get_by_role('link', name='Operate').click()
    expect(page.locator('h1')).to_have_text('Operate')
    page.get_by_role('link', name='Model Serving Demo').click()
    expect(page.locator('.card')).to_be_visible()


def test_swagger_ui_below_a_path(below_a_path, page):
    page.goto(below_a_path + '/')
    page.get_by_role('link', name='API reference').click()
    operation = page.locator('#operations-models-post_v1_XXXModel')
    operation.get_by_role('button').first.click()
    operation.get_by_role('button', name='Try it out').click()
    with page.expect_response(f'{below_a_path}/v1/XXXModel') as answer:
        operation.get_by_role('button', name='Execute').click()
    assert answer.value.json() == {'result': 'Hello, Leo!'}


def test_redirects_below_a_path(below_a_path, certificate):
    for path, target in (('/docs', '/docs/'), ('/docs?a=1', '/docs/?a=1'), ('/call.md', '/docs/call.md')):
        answer = requests.get(below_a_path + path, verify=certificate, timeout=60)
        assert (answer.status_code, answer.url) == (200, below_a_path + target)


def test_slow_clients_hold_no_thread_of_the_service(make_service, tmp_path_factory, connect):
    """As many as the service has threads, and more: it answers the others, since nginx waits for these."""
    one = make_service(environment={'WORKERS': '1', 'THREADS': '2'})
    with Nginx(tmp_path_factory.mktemp('nginx'), one.port) as front:
        for _ in range(8):
            connect(front).socket.sendall(HALF)
        assert front.post({'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}


def test_answers_piece_by_piece_are_passed_on_at_once(streams, tmp_path):
    """The first pieces come while the model still waits; and a client that leaves ends the generator."""
    with Nginx(tmp_path, streams.port, FAST) as nginx, requests.Session() as session:
        url, options = f'{nginx.url}/v1/CountModel', {'stream': True, 'timeout': 20}
        for gate, accept in (('lines', '*/*'), ('events', 'text/event-stream')):
            body = {'pieces': 3, 'wait_at': 2, 'gate': gate}
            with session.post(url, json=body, headers={'Accept': accept}, **options) as answer:
                lines = filter(None, answer.iter_lines())
                assert [b'"number":%d' % number in next(lines) for number in range(2)] == [True, True]
                (streams.folder / gate).touch()
                assert b'"number":2' in next(lines)
        with session.post(url, json={'pieces': 10_000, 'pause': 0.05, 'name': 'through nginx'}, **options) as answer:
            next(answer.iter_lines())
        wait_until(lambda: has(streams, 'closed', 'through nginx'), seconds=2)
