"""docs/deploy-systemd.md and docs/deploy-container.md: what can be tried of them without systemd and without Docker."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.conftest import free_port
from tests.docs.following import blocks

BASE_FOLDER = Path(__file__).resolve().parents[2]
HOME = '/opt/model-serving-demo'


def file_of(document):
    """Return the text of the one file that the document shows."""
    text = (BASE_FOLDER / 'docs' / document).read_text(encoding='utf-8')
    (file,) = [block.text for block in blocks(text) if block.path]
    return file


UNIT = file_of('deploy-systemd.md')
DOCKERFILE = file_of('deploy-container.md').splitlines()


def values(key):
    return re.findall(rf'^{key}=(.*)$', UNIT, re.MULTILINE)


def answers(url):
    """Wait until the service is ready; it has a minute."""
    for _ in range(600):
        try:
            if requests.get(f'{url}/health/ready', timeout=10).status_code == 200:
                return requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, timeout=10).json()
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError('It did not become ready.')


def test_the_unit_starts_the_service_and_systemd_is_told(tmp_path, service_class):
    """Start it as systemd would; `Type=notify` means that it says READY=1 on a socket."""
    folder = service_class(tmp_path / 'model serving').folder
    environment = dict(word.split('=') for word in shlex.split(values('Environment')[0]))
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / 'notify'))
        systemd.settimeout(60)
        command = shlex.split(values('ExecStart')[0].replace(HOME, shlex.quote(str(folder))))
        notify = {'NOTIFY_SOCKET': str(tmp_path / 'notify'), 'PATH': os.environ['PATH']}
        assert values('WorkingDirectory') == [HOME]
        started = subprocess.Popen(
            command, cwd=folder, env={**environment, **notify, 'PORT': str(port)}, stderr=subprocess.DEVNULL
        )
        try:
            assert systemd.recv(1000).startswith(b'READY=1')
            assert answers(f'http://127.0.0.1:{port}') == {'result': 'Hello, Leo!'}
        finally:
            started.send_signal(signal.SIGTERM)
            assert started.wait(int(values('TimeoutStopSec')[0])) == 0


# Long only because systemd-analyze may have to be installed for it.
@pytest.mark.long
def test_systemd_finds_no_fault_in_the_unit(tmp_path):
    verify = shutil.which('systemd-analyze')
    assert verify, 'There is no systemd-analyze. Install it: apt-get install systemd'
    # It looks whether the program is there.
    unit = re.sub(r'^ExecStart=\S+', f'ExecStart={sys.executable}', UNIT, flags=re.MULTILINE)
    unit = unit.replace(HOME, str(tmp_path))
    path = tmp_path / 'model-serving.service'
    path.write_text(unit)
    verified = subprocess.run([verify, 'verify', '--man=no', path], capture_output=True, text=True, timeout=60)
    # It also names what is wrong with other units of this system.
    assert 'model-serving' not in verified.stderr
    path.write_text(unit.replace('KillMode=mixed', 'KilMode=mixed'))
    spoilt = subprocess.run([verify, 'verify', '--man=no', path], capture_output=True, text=True, timeout=60)
    assert 'KilMode' in spoilt.stderr


def test_what_the_dockerfile_copies_is_enough(tmp_path):
    assert len(DOCKERFILE) == 10
    for line in DOCKERFILE:
        if line.startswith('COPY '):
            *sources, target = line.split()[1:]
            for source in sources:
                copy = shutil.copytree if (BASE_FOLDER / source).is_dir() else shutil.copy
                copy(BASE_FOLDER / source, tmp_path / target)
    command = json.loads(DOCKERFILE[-1].removeprefix('CMD '))
    port = free_port()
    environment = {'PORT': str(port), 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    started = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert answers(f'http://127.0.0.1:{port}') == {'result': 'Hello, Leo!'}
        assert 'Model Serving Demo' in requests.get(f'http://127.0.0.1:{port}/', timeout=10).text
    finally:
        started.terminate()
        assert started.wait(35) == 0
