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
def running(
    command, folder, environment, seconds_to_stop, port_variable='PORT', is_contained=False, key=None, hang_up=False
):
    """Run the command of a document, which has to start the service, and to end by SIGTERM; yields its URL.

    A command that `is_contained` starts a container, whose first process gets the signals. `key` is an API key.
    `hang_up`: it gets SIGHUP before its end.
    """
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    environment = {**environment, port_variable: str(port)}
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL))
        # If anything fails below, it does not run on.
        stack.callback(started.kill)
        try:
            wait_until(lambda: is_ready(url) or started.poll() is not None)
            answer = requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, headers={'X-API-Key': key}, timeout=10)
            assert answer.json() == {'result': 'Hello, Leo!'}
            yield url
        finally:
            assert started.poll() is None, 'The command has ended by itself.'
            (pid,) = children(started.pid) if is_contained else [started.pid]
            if hang_up:
                workers = children(pid)
                os.kill(pid, signal.SIGHUP)
                wait_until(lambda: not {*workers} & {*children(pid)} and is_ready(url))
            os.kill(pid, signal.SIGTERM)
            assert started.wait(seconds_to_stop) == 0
