"""The code of clients.md for clients that are packages of their own, run where these are installed."""

import itertools
import subprocess

import pytest

from tests.clients.running import client_python
from tests.docs.following import ANSWER, assert_shown, blocks, text_of, with_url


@pytest.mark.parametrize(
    'client', [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ('triton', 'kserve', 'mlserver')]
)
def test_the_code_of_a_client(service, client):
    found = blocks(text_of('docs/clients.md'))
    code, answer = next(
        pair for pair in itertools.pairwise(found) if pair[0].language == 'python' and client in pair[0].text
    )
    assert answer.language in ANSWER
    text = with_url(service, code.text).replace('localhost:9999', service.url.removeprefix('http://'))
    finished = subprocess.run([client_python(client), '-c', text], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    assert_shown(finished.stdout, answer)
