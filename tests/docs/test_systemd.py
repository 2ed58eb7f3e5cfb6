"""docs/deploy-systemd.md: what can be tried of it without systemd."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys

import pytest

from tests.docs.following import blocks, text_of
from tests.docs.running import running

HOME = '/opt/model-serving-demo'
# The one file that the document shows.
(UNIT,) = [block.text for block in blocks(text_of('docs/deploy-systemd.md')) if block.path]


def setting(key):
    (value,) = re.findall(rf'^{key}=(.*)$', UNIT, re.MULTILINE)
    return value


@pytest.mark.long
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
