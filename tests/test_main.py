"""`python main.py`: its arguments, and Flask's own server."""

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree, whose service is not started."""
    return service_class(tmp_path_factory.mktemp('main') / 'model serving')


class Running:
    """A `python main.py` that was started in `folder`, and the lines that it has written so far."""

    def __init__(self, folder, *arguments):
        self.lines = []
        self._queue = queue.SimpleQueue()
        # A group of its own, since with --debug there are two processes.
        self._process = subprocess.Popen(
            [sys.executable, 'main.py', *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._queue.put(line)

    def until(self, text):
        """Read on until a line has `text`; raises queue.Empty when none comes in a minute."""
        while not self.lines or text not in self.lines[-1]:
            self.lines.append(self._queue.get(timeout=60))

    def end(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=30)
        self._reader.join()
        self._process.stdout.close()


@pytest.fixture
def start(tree):
    """A function that starts `python main.py` on a host with options, and returns when it listens."""
    with contextlib.ExitStack() as stack:

        def run(host, *options):
            running = Running(tree.folder, '--host', host, '--port', str(tree.port), *options)
            stack.callback(running.end)
            running.until('Press CTRL+C to quit')
            return running

        yield run


def ask(tree):
    return requests.post(f'{tree.url}/v1/XXXModel', json={'name': 'Leo'}, timeout=30).json()


def main(tree, *arguments):
    return tree.run(sys.executable, 'main.py', *arguments)


def test_version(tree):
    finished = main(tree, '--version')
    assert (finished.returncode, finished.stdout) == (0, 'Model Serving Demo v1.0.0\n')


def test_help(tree):
    finished = main(tree, '-h')
    assert finished.returncode == 0
    for text in ('[--host <host>] [--port <port>] [--debug]', '[default: 0.0.0.0]', '[default: 9999]'):
        assert text in finished.stdout


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
    assert finished.returncode == 1
    assert finished.stdout == ''
    assert finished.stderr.startswith(reason)
    assert finished.stderr.count('\n') == 1


def test_a_port_in_use_is_told(tree):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', tree.port))
        listener.listen()
        finished = main(tree, '--host', '127.0.0.1', '--port', str(tree.port))
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith(f'Port {tree.port} is in use by another program.')


@pytest.mark.parametrize(
    'text, reason',
    [
        (
            'import no_such_package',
            "line 1: ModuleNotFoundError: No module named 'no_such_package'. Install it",
        ),
        ('def broken(', 'line 1: SyntaxError: '),
        ('1 / 0', 'line 1: ZeroDivisionError: division by zero'),
        ("raise ModuleNotFoundError('Get torch')", 'line 1: ModuleNotFoundError: Get torch'),
        ('import sys; sys.exit(0)', 'line 1: SystemExit: 0'),
        ("raise BaseException('panicked')", 'line 1: BaseException: panicked'),
        (
            'class Mute(Exception):\n    def __str__(self): return 1 / 0\nraise Mute',
            'line 3: Mute: its own text fails with ZeroDivisionError',
        ),
        ("raise ValueError('x' * 3_000_000)", f'line 1: ValueError: {"x" * 400}'),
    ],
    ids=range(8),
)
def test_a_model_that_can_not_be_imported_ends_in_a_line_that_says_where(tree, text, reason):
    model = tree.folder / 'model_serving' / 'models' / 'xxx_model.py'
    before = model.read_text(encoding='utf-8')
    model.write_text(text, encoding='utf-8')
    try:
        finished = main(tree, '--host', '127.0.0.1', '--port', str(tree.port))
    finally:
        model.write_text(before, encoding='utf-8')
    assert finished.returncode == 1
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f'The service can not start. model_serving/models/xxx_model.py, {reason}')
    assert len(last) < 1000


@pytest.mark.parametrize(
    'file, right, wrong, reason',
    [
        (
            'resources/xxx_model_resource.py',
            "{'type': 'string', 'description': 'Whom",
            "{'type': 'strng', 'description': 'Whom",
            "model_serving/resources/xxx_model_resource.py, line {line}: SchemaError: properties.name.type: 'strng' ",
        ),
        (
            'resources/xxx_model_resource.py',
            '    @validate_json(xxx_model_schema)\n',
            '',
            'model_serving/resources/xxx_model_resource.py, line {line}: post of XXXModelResource takes ',
        ),
        (
            'routes.py',
            "Route('/v1/XXXModel', XXXModelResource, XXXModel)",
            "Route('/v1/XXXModel', XXXModel, XXXModelResource)",
            'routes.py: /v1/XXXModel: the second value must be the class of its Flask-RESTful resource, ',
        ),
    ],
    ids=['schema', 'decorator', 'row'],
)
def test_what_the_author_of_a_model_got_wrong_is_told_with_its_place(tree, file, right, wrong, reason):
    path = tree.folder / 'model_serving' / file
    before = path.read_text(encoding='utf-8')
    assert right in before
    path.write_text(before.replace(right, wrong), encoding='utf-8')
    try:
        finished = main(tree, '--host', '127.0.0.1', '--port', str(tree.port))
    finally:
        path.write_text(before, encoding='utf-8')
    assert finished.returncode == 1
    # The line of the decorator; without it the one of `def post` comes to stand there.
    line = before.partition('    @validate_json')[0].count('\n') + 1
    assert finished.stderr.splitlines()[-1].startswith(f'The service can not start. {reason.format(line=line)}')


@pytest.mark.parametrize('length', ['²', '9' * 5000])
def test_an_odd_length_is_no_500(tree, start, length):
    start('127.0.0.1')
    with socket.create_connection(('127.0.0.1', tree.port), timeout=30) as connection:
        head = 'POST /v1/XXXModel HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n'
        connection.sendall(f'{head}Content-Length: {length}\r\n\r\n'.encode('latin-1'))
        connection.shutdown(socket.SHUT_WR)
        answer = b''.join(iter(lambda: connection.recv(65536), b''))
    assert re.match(rb'HTTP/1\.[01] 4\d\d ', answer), answer
    assert b'"message"' in answer


def test_it_serves_and_has_loaded_its_models_once(tree, start):
    running = start('127.0.0.1')
    assert ask(tree) == {'result': 'Hello, Leo!'}
    assert requests.get(f'{tree.url}/health/ready', timeout=30).status_code == 200
    running.until('POST /v1/XXXModel')
    output = ''.join(running.lines)
    assert re.search(
        r'^\[[\d/]+ [\d:]+\] - \[INFO\] - \[XXXModel\] - Initializing XXX Model \.\.\.$', output, re.MULTILINE
    )
    assert output.count('Initializing XXX Model ...') == 1


def test_debug_reloads_and_the_watching_process_loads_no_model(tree, start):
    running = start('127.0.0.1', '--debug')
    assert ask(tree) == {'result': 'Hello, Leo!'}
    running.until('POST /v1/XXXModel')
    assert ''.join(running.lines).count('Initializing XXX Model ...') == 1
    model = tree.folder / 'model_serving' / 'models' / 'xxx_model.py'
    text = model.read_text(encoding='utf-8')
    try:
        model.write_text(text.replace('Hello', 'Good day'), encoding='utf-8')
        running.until('Initializing XXX Model ...')
        # The first process holds the socket, so the request waits until the new one answers.
        assert ask(tree) == {'result': 'Good day, Leo!'}
    finally:
        model.write_text(text, encoding='utf-8')


@pytest.mark.parametrize('host, shown', [('127.0.0.1', True), ('0.0.0.0', False)])
def test_the_debugger_is_for_this_machine_alone(tree, start, host, shown):
    start(host, '--debug')
    answer = requests.get(f'{tree.url}/?__debugger__=yes&cmd=resource&f=debugger.js', timeout=30)
    assert ('javascript' in answer.headers['Content-Type']) == shown


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
