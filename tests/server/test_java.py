"""Java's stock HttpClient, which sends `Upgrade: h2c` with its first request."""

import shutil
import subprocess

import pytest

from tests.conftest import BASE_FOLDER


@pytest.mark.long
def test_javas_http_client_is_answered(service):
    assert shutil.which('java'), 'There is no Java. Install it: apt-get install default-jdk-headless'
    command = ['java', BASE_FOLDER / 'tests' / 'fakes' / 'Call.java', f'{service.url}/v1/XXXModel']
    finished = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert finished.stdout == '200 {"result":"Hello, Leo!"}\n' * 2, finished.stderr
