"""Running the command of a document: it starts the service, and SIGTERM ends it."""

import contextlib
import os
import signal
import subprocess

import requests

from tests.conftest import children, free_port, wait_until


def is_ready(url):
    try:
        return requests.get(f'{url}/health/ready', timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


@contextlib.contextmanager
def running(command, folder, environment, seconds_to_stop, port_variable='PORT', is_contained=False, key=None):
    """Run the command of a document, which has to start the service, and to end by SIGTERM; yields its URL.

    A command that `is_contained` starts a container, whose first process gets SIGTERM. `key` is an API key.
    """
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    environment = {**environment, port_variable: str(port)}
    started = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_ready(url) or started.poll() is not None)
        answer = requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, headers={'X-API-Key': key}, timeout=10)
        assert answer.json() == {'result': 'Hello, Leo!'}
        yield url
    finally:
        pids = children(started.pid) if is_contained else [started.pid]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert started.wait(seconds_to_stop) == 0
