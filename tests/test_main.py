"""`python main.py`: its arguments, and Flask's own server."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import requests

from tests.conftest import needs_ipv6, wait_until

INITIALIZING = 'Initializing XXX Model ...'


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree, whose service is not started."""
    return service_class(tmp_path_factory.mktemp('main') / 'model serving')


@pytest.fixture
def start(tree, tmp_path):
    """A function that starts `python main.py` on a host with options; returns the file of its output, once it listens.

    `python main.py` has a group of its own, since with --debug there are two processes.
    """
    with contextlib.ExitStack() as stack:

        def run(host, *options):
            command = [sys.executable, 'main.py', '--host', host, '--port', str(tree.port), *options]
            log = tmp_path / 'main.log'
            output = stack.enter_context(open(log, 'w'))
            process = subprocess.Popen(command, cwd=tree.folder, stdout=output, stderr=output, process_group=0)
            # The second process may end a little later than the first.
            stack.callback(wait_until, lambda: not is_open(tree.port))
            stack.callback(process.wait, 30)
            stack.callback(os.killpg, process.pid, signal.SIGTERM)
            wait_until(lambda: 'Press CTRL+C to quit' in log.read_text())
            return log

        yield run


def is_open(port) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(('127.0.0.1', port)) == 0


@contextlib.contextmanager
def changed(tree, file, text):
    """Write other text into a file of the package, and the old text after the test."""
    path = tree.folder / 'model_serving' / file
    before = path.read_text(encoding='utf-8')
    path.write_text(text, encoding='utf-8')
    try:
        yield
    finally:
        path.write_text(before, encoding='utf-8')


def main(tree, *arguments):
    return tree.run(sys.executable, 'main.py', *arguments)


def last_line_of_a_failed_start(tree) -> str:
    finished = main(tree, '--host', '127.0.0.1', '--port', str(tree.port))
    assert finished.returncode == 1
    return finished.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    'option, texts',
    [
        ('--version', ['Model Serving Demo v1.0.0\n']),
        ('-h', ['[--host <host>] [--port <port>] [--debug]', '[default: 0.0.0.0]', '[default: 9999]']),
    ],
)
def test_version_and_help(tree, option, texts):
    finished = main(tree, option)
    assert finished.returncode == 0
    assert [text for text in texts if text not in finished.stdout] == []


@pytest.mark.parametrize(
    'arguments, reason',
    [
        (['--prot', '80'], 'main.py does not know these arguments: --prot 80. See main.py --help'),
        (['--port', 'http'], "main.py: the port must be a number from 1 to 65535, not 'http'."),
        (['--port', '70000'], "main.py: the port must be a number from 1 to 65535, not '70000'."),
    ],
)
def test_wrong_arguments_end_in_one_line(tree, arguments, reason):
    finished = main(tree, *arguments)
    assert (finished.returncode, finished.stdout) == (1, '')
    assert finished.stderr.startswith(reason)
    assert finished.stderr.count('\n') == 1


def test_a_port_in_use_is_told(tree):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', tree.port))
        listener.listen()
        assert last_line_of_a_failed_start(tree).startswith(f'Port {tree.port} is in use by another program.')


MODEL, RESOURCE = 'models/xxx_model.py', 'resources/xxx_model_resource.py'
MUTE = 'class Mute(Exception):\n    def __str__(self): return 1 / 0\nraise Mute'
WRONG_SCHEMA = "from ..utils.validation_utils import validate_json\nvalidate_json({'type': 'strng'})"
NO_DECORATOR = """
from .model_resource import ModelResource
class XXXModelResource(ModelResource):
    def post(self, instance): ...
"""


@pytest.mark.parametrize(
    'file, text, reason',
    [
        (MODEL, 'import no_such_package', "line 1: ModuleNotFoundError: No module named 'no_such_package'. Install it"),
        (MODEL, 'def broken(', 'line 1: SyntaxError: '),
        pytest.param(MODEL, '1 / 0', 'line 1: ZeroDivisionError: division by zero', marks=pytest.mark.long),
        pytest.param(
            MODEL,
            "raise ModuleNotFoundError('Get torch')",
            'line 1: ModuleNotFoundError: Get torch',
            marks=pytest.mark.long,
        ),
        pytest.param(MODEL, 'import sys; sys.exit(0)', 'line 1: SystemExit: 0', marks=pytest.mark.long),
        (MODEL, "raise BaseException('panicked')", 'line 1: BaseException: panicked'),
        pytest.param(MODEL, MUTE, 'line 3: Mute: its own text fails with ZeroDivisionError', marks=pytest.mark.long),
        pytest.param(
            MODEL, "raise ValueError('x' * 3_000_000)", f'line 1: ValueError: {"x" * 400}', marks=pytest.mark.long
        ),
        (RESOURCE, WRONG_SCHEMA, "line 2: SchemaError: type: 'strng' "),
        (RESOURCE, NO_DECORATOR, 'line 4: post of XXXModelResource takes '),
        ('routes.py', '1 / 0', 'line 1: ZeroDivisionError: division by zero'),
    ],
    ids=range(11),
)
def test_what_the_author_of_a_model_got_wrong_is_told_in_a_line_with_its_place(tree, file, text, reason):
    with changed(tree, file, text):
        line = last_line_of_a_failed_start(tree)
    assert line.startswith(f'The service cannot start. model_serving/{file}, {reason}')
    assert len(line) < 1000


def test_the_package_of_a_missing_module_may_have_another_name(tree):
    with changed(tree, MODEL, "raise ModuleNotFoundError('No module named cv2', name='cv2')"):
        assert last_line_of_a_failed_start(tree).endswith('pip install opencv-python-headless')


@pytest.mark.long
def test_an_odd_length_is_no_500(tree, start, connect):
    start('127.0.0.1')
    head = 'POST /v1/XXXModel HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n'
    for length in ('²', '9' * 5000):
        request = f'{head}Content-Length: {length}\r\n\r\n'.encode('latin-1')
        answer = connect(tree, timeout=30).exchange(request, half_close=True)
        assert re.match(rb'HTTP/1\.[01] 4\d\d ', answer), answer
        assert b'"message"' in answer


def test_it_serves_and_has_loaded_its_models_once(tree, start):
    log = start('127.0.0.1')
    assert tree.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    ready = tree.get('/health/ready')
    assert (ready.status_code, ready.headers['Server']) == (200, 'Model Serving')
    wait_until(lambda: 'POST /v1/XXXModel' in log.read_text())
    (line,) = [line for line in log.read_text().splitlines() if INITIALIZING in line]
    assert re.fullmatch(r'\[[\d/]+ [\d:]+\] - \[INFO\] - \[XXXModel\] - Initializing XXX Model \.\.\.', line)


@pytest.mark.long
@needs_ipv6
def test_it_serves_at_an_address_of_ipv6(tree, start):
    start('::1')
    assert requests.get(f'http://[::1]:{tree.port}/health/live', timeout=10).status_code == 200


def shows_the_debugger(tree) -> bool:
    answer = tree.get('/?__debugger__=yes&cmd=resource&f=debugger.js')
    return 'javascript' in answer.headers['Content-Type']


@pytest.mark.long
def test_debug_reloads_and_the_watching_process_loads_no_model(tree, start):
    log = start('127.0.0.1', '--debug')
    assert tree.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    wait_until(lambda: 'POST /v1/XXXModel' in log.read_text())
    assert log.read_text().count(INITIALIZING) == 1
    assert shows_the_debugger(tree)
    text = (tree.folder / 'model_serving' / 'models' / 'xxx_model.py').read_text(encoding='utf-8')
    with changed(tree, 'models/xxx_model.py', text.replace('Hello', 'Good day')):
        wait_until(lambda: log.read_text().count(INITIALIZING) == 2)
        # The first process holds the socket, so the request waits until the new one answers.
        assert tree.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Good day, Leo!'}


def test_the_debugger_is_for_this_machine_alone(tree, start):
    start('0.0.0.0', '--debug')
    assert not shows_the_debugger(tree)


def test_it_needs_nothing_that_windows_lacks(tree):
    # gunicorn is not installed there, and these modules of Python are for Unix alone.
    code = """
import os, sys
sys.modules.update(dict.fromkeys(['fcntl', 'grp', 'gunicorn', 'pwd', 'resource', 'syslog', 'termios']))
del os.fork, os.sched_getaffinity
import main
answer = main.app.test_client().post('/v1/XXXModel', json={'name': 'Leo'})
print(answer.get_data(as_text=True))
"""
    finished = tree.run(sys.executable, '-c', code)
    assert finished.stdout == '{"result":"Hello, Leo!"}\n\n', finished.stderr
