"""Rate limits that a Redis counts, for several services together: Debian's own, also gone, silent, or with a password.

The server may have to be installed for it, which only root can: apt-get install redis-server
"""

import contextlib
import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections import Counter
from time import perf_counter
from urllib.parse import quote

import pytest
import requests

from model_serving.web.rate_limits import PAUSE
from tests.conftest import free_port, wait_until
from tests.server.raw_connection import RawConnection
from tests.web.conftest import message_of
from tests.web.nasty_requests import post
from tests.web.scraping import assert_soon, counted

pytestmark = pytest.mark.redis
PASSWORD = 'Top/Secret@42 %ü'
SILENT = 'The Redis of rate_limit_storage does not answer.'
# How long a request may take at most, whatever Redis does, in seconds; it has to be far below the deadline of 30.
QUICK = 10
TOLD = 'The service cannot check its rate limits at present. Try again in 2 s.'


class Redis:
    """A Redis of our own, on a port that stays the same when it is started again."""

    def __init__(self, folder, password=None):
        self.port, self._password = free_port(), password
        options = {'bind': '127.0.0.1', 'port': str(self.port), 'dir': str(folder), 'save': ''}
        if password:
            options['requirepass'] = password
        self._command = [redis_program(), *(word for key, value in options.items() for word in (f'--{key}', value))]

    @property
    def url(self):
        return self.url_with(self._password)

    def url_with(self, password):
        user = f':{quote(password, safe="")}@' if password else ''
        return f'redis://{user}127.0.0.1:{self.port}/0'

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._listens)
        return self

    def stop(self):
        self._process.terminate()
        self._process.wait(20)

    def _listens(self):
        assert self._process.poll() is None
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(('127.0.0.1', self.port)):
            return True


def redis_program():
    found = shutil.which('redis-server')
    if not found and os.getuid() == 0 and shutil.which('apt-get'):
        subprocess.run(['apt-get', 'update', '-q'], check=True)
        subprocess.run(['apt-get', 'install', '-y', '-q', 'redis-server'], check=True)
        found = shutil.which('redis-server')
    assert found, 'There is no redis-server. Install it: apt-get install redis-server'
    return found


@pytest.fixture
def make_redis(tmp_path):
    """A function that starts a Redis, with a password if it is given."""
    with contextlib.ExitStack() as stack:

        def make(password=None):
            redis = Redis(tmp_path, password).start()
            stack.callback(redis.stop)
            return redis

        yield make


@pytest.fixture
def limited(make_service):
    """A function that starts a service with a rate limit that the Redis at a URL counts."""

    def make(url, limit, failure='allow', workers=1):
        environment = {'WORKERS': str(workers), 'MODEL_SERVING_MODEL_RATE_LIMIT': limit}
        serving = {'RATE_LIMIT_STORAGE': url, 'RATE_LIMIT_FAILURE': failure}
        return make_service(
            environment=environment | {f'MODEL_SERVING_SERVING_{key}': text for key, text in serving.items()}
        )

    return make


@pytest.fixture
def silent_url():
    """The URL of what accepts connections and never answers."""
    with socket.create_server(('127.0.0.1', 0), backlog=1000) as listener:
        yield f'redis://127.0.0.1:{listener.getsockname()[1]}/0'


def call(service):
    return requests.post(f'{service.url}/v1/XXXModel', json={'name': 'Leo'}, timeout=QUICK)


def status(service) -> int:
    return call(service).status_code


def test_more_requests_at_once_than_there_are_connections(make_redis, limited):
    """They wait for one, and do not go through uncounted."""
    service = limited(make_redis().url, '50/hour')
    request = post(b'{"name":"Leo"}', line='POST /v1/XXXModel HTTP/1.1')
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(RawConnection(service))) for _ in range(300)]
        for client in clients:
            client.send(request * 2)
        answers = Counter(client.answer().status for client in clients for _ in range(2))
    assert answers == {200: 50, 429: 550}


@pytest.mark.parametrize('answer', [b'+OK\r\n', b'*0\r\n', b'$3\r\n\xff\xfe\xfd\r\n', b'HTTP/1.1 400 no\r\n\r\n'])
def test_what_is_no_redis_is_like_one_that_is_gone(limited, answer):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            while self.request.recv(1000):
                self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        service = limited(f'redis://127.0.0.1:{server.server_address[1]}/0', '3/hour', 'refuse')
        assert message_of(call(service), 503) == TOLD
        server.shutdown()
    assert SILENT in service.log


def test_workers_and_services_share_one_limit_exactly(make_redis, limited, threads):
    redis = make_redis()
    services = [limited(redis.url, '50/hour', workers=workers) for workers in (2, 1)]
    answers = Counter(threads.map(lambda number: status(services[number % 2]), range(120)))
    assert answers == {200: 50, 429: 70}
    refused = call(services[0])
    assert message_of(refused, 429).startswith('The rate limit of XXXModel is 50 per hour for each caller.')
    assert 3500 < int(refused.headers['Retry-After']) <= 3600
    assert SILENT not in services[0].log + services[1].log


def test_a_window_in_redis_ends(make_redis, limited):
    service = limited(make_redis().url, '1/second')
    wait_until(lambda: status(service) == 429)
    wait_until(lambda: status(service) == 200)


def test_while_redis_is_gone_requests_pass_with_a_warning_and_then_the_limit_holds_again(make_redis, limited, threads):
    redis = make_redis()
    service = limited(redis.url, '3/hour')
    assert [status(service) for _ in range(4)] == [200, 200, 200, 429]
    redis.stop()
    began = perf_counter()
    assert set(threads.map(lambda _: status(service), range(100))) == {200}
    warnings = [line for line in service.log.splitlines() if SILENT in line]
    assert all(' - [WARNING] - [limits] - ' in line and 'Requests are not limited.' in line for line in warnings)
    assert 1 <= len(warnings) <= 1 + (perf_counter() - began) / PAUSE
    redis.start()
    wait_until(lambda: status(service) == 429)
    assert [status(service) for _ in range(3)] == [429] * 3


def test_while_redis_is_gone_requests_are_refused_if_the_settings_say_so(make_redis, limited):
    redis = make_redis()
    service = limited(redis.url, '100/hour', 'refuse')
    assert status(service) == 200
    redis.stop()
    refused = [call(service) for _ in range(10)]
    assert {(message_of(each, 503), each.headers['Retry-After']) for each in refused} == {(TOLD, '2')}
    assert 'does not answer. Requests are refused.' in service.log
    # What has no limit is answered as before.
    assert service.get('/health/ready').status_code == 200
    assert_soon(lambda: counted(service, 'refused_requests_total', 'reason')[('rate_limit_unavailable',)], 10)
    redis.start()
    wait_until(lambda: status(service) == 200)


@pytest.mark.parametrize('failure, expected', [('allow', 200), ('refuse', 503)])
def test_a_redis_that_says_nothing_keeps_nobody_waiting(silent_url, limited, threads, failure, expected):
    service = limited(silent_url, '3/hour', failure)
    assert set(threads.map(lambda _: status(service), range(100))) == {expected}
    assert SILENT in service.log


def test_a_redis_that_was_restarted_between_two_requests_is_none_that_is_gone(make_redis, limited):
    """The connections that the service has kept are closed, and the scripts that it has left there are gone."""
    redis = make_redis()
    service = limited(redis.url, '1/hour', 'refuse')
    for _ in range(2):
        assert [status(service) for _ in range(2)] == [200, 429]
        redis.stop()
        redis.start()
    assert SILENT not in service.log


def test_the_password_is_in_the_url(make_redis, limited):
    service = limited(make_redis(PASSWORD).url, '2/hour', 'refuse')
    assert [status(service) for _ in range(3)] == [200, 200, 429]


def test_a_wrong_password_is_like_a_redis_that_is_gone_and_is_not_in_the_log(make_redis, limited):
    redis = make_redis(PASSWORD)
    wrong = 'Other/Secret@43 %ü'
    service = limited(redis.url_with(wrong), '2/hour', 'refuse')
    assert message_of(call(service), 503) == TOLD
    assert SILENT in service.log
    for password in (PASSWORD, wrong):
        assert password not in service.log
        assert quote(password, safe='') not in service.log
