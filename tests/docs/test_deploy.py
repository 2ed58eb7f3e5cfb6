"""docs/deploy-systemd.md and docs/deploy-container.md: what can be tried of them without systemd and without Docker."""

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import BASE_FOLDER, free_port, wait_until
from tests.docs.following import blocks, text_of

HOME = '/opt/model-serving-demo'
# The one file that each document shows.
(UNIT,) = [block.text for block in blocks(text_of('docs/deploy-systemd.md')) if block.path]
(DOCKERFILE,) = [block.text.splitlines() for block in blocks(text_of('docs/deploy-container.md')) if block.path]


def setting(key):
    (value,) = re.findall(rf'^{key}=(.*)$', UNIT, re.MULTILINE)
    return value


def is_ready(url):
    try:
        return requests.get(f'{url}/health/ready', timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


@contextlib.contextmanager
def running(command, folder, environment, seconds_to_stop):
    """Run the command of a document, which has to start the service, and to end by SIGTERM."""
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    environment = {**environment, 'PORT': str(port)}
    started = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_ready(url))
        answer = requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, timeout=10)
        assert answer.json() == {'result': 'Hello, Leo!'}
        yield url
    finally:
        started.terminate()
        assert started.wait(seconds_to_stop) == 0


def test_the_unit_starts_the_service_and_systemd_is_told(tmp_path, service_class):
    """Start it as systemd would; `Type=notify` means that it says READY=1 on a socket."""
    folder = service_class(tmp_path / 'model serving').folder
    command = shlex.split(setting('ExecStart').replace(HOME, shlex.quote(str(folder))))
    environment = dict(word.split('=') for word in shlex.split(setting('Environment')))
    environment |= {'NOTIFY_SOCKET': str(tmp_path / 'notify'), 'PATH': os.environ['PATH']}
    assert setting('WorkingDirectory') == HOME
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(environment['NOTIFY_SOCKET'])
        with running(command, folder, environment, int(setting('TimeoutStopSec'))):
            assert systemd.recv(1000, socket.MSG_DONTWAIT).startswith(b'READY=1')


# Long only because systemd-analyze may have to be installed for it.
@pytest.mark.long
def test_systemd_finds_no_fault_in_the_unit(tmp_path):
    program = shutil.which('systemd-analyze')
    assert program, 'There is no systemd-analyze. Install it: apt-get install systemd'
    path = tmp_path / 'model-serving.service'
    # It looks whether the programs are there.
    unit = UNIT.replace(shlex.split(setting('ExecStart'))[0], sys.executable).replace(setting('ExecReload'), '/bin/sh')
    unit = unit.replace(HOME, str(tmp_path))

    def faults_of(text):
        path.write_text(text)
        command = [program, 'verify', '--man=no', path]
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stderr

    # It also names what is wrong with other units of this system.
    assert 'model-serving' not in faults_of(unit)
    assert 'KilMode' in faults_of(unit.replace('KillMode=mixed', 'KilMode=mixed'))


def test_what_the_dockerfile_copies_is_enough(tmp_path):
    assert len(DOCKERFILE) == 10
    for line in DOCKERFILE:
        if line.startswith('COPY '):
            *sources, target = line.split()[1:]
            subprocess.run(['cp', '-r', *sources, tmp_path / target], cwd=BASE_FOLDER, check=True)
    command = json.loads(DOCKERFILE[-1].removeprefix('CMD '))
    environment = {'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    with running(command, tmp_path, environment, 35) as url:
        assert 'Model Serving Demo' in requests.get(url, timeout=10).text
