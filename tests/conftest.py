"""The real service for tests: a copy of the tree, started by its own bin/start.sh.

Marks that the default run leaves out: `long`, and one for each file in tests/requirements/, whose tests need
the packages of that file; bin/test.sh --all runs each of these in an environment of its own. One for each file in
tests/clients/requirements/ too: these tests run here, and start a client in an environment of its own.
"""

import asyncio
import compileall
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import requests

from model_serving.serving import event_loop

BASE_FOLDER = Path(__file__).resolve().parents[1]
REQUIREMENTS = {path.stem: path for path in sorted((BASE_FOLDER / 'tests').glob('**/requirements/*.txt'))}
OPTIONAL_MARKS = ['long', *REQUIREMENTS]
NOT_COPIED = ('.git', '.venv', 'tmp', '*.pyc.*', '.pytest_cache', '.ruff_cache', '.hypothesis', 'tests', 'api_keys')


def pytest_configure(config):
    # A shell ignores Ctrl+C for what it runs in the background, and so would the scripts that are interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, 'workerinput'):
        # Once for all copies of the tree: with PYTHONDONTWRITEBYTECODE each service would compile it anew.
        compileall.compile_dir(BASE_FOLDER / 'model_serving', quiet=1)
    for mark, path in REQUIREMENTS.items():
        needed = path.relative_to(BASE_FOLDER)
        config.addinivalue_line('markers', f'{mark}: needs {needed}; runs with bin/test.sh --all')


def pytest_collection_modifyitems(config, items):
    """Leave the optional tests out, unless -m asks for them, and keep account of that."""
    if config.option.markexpr:
        return
    marks = {item: [mark for mark in OPTIONAL_MARKS if item.get_closest_marker(mark)] for item in items}
    config.left_out = Counter(mark for found in marks.values() for mark in found)
    config.hook.pytest_deselected(items=[item for item in items if marks[item]])
    items[:] = [item for item in items if not marks[item]]


def pytest_sessionfinish(session):
    """In a process of pytest-xdist, hand the account on to the process that prints the summary."""
    if hasattr(session.config, 'workeroutput'):
        session.config.workeroutput['left_out'] = dict(getattr(session.config, 'left_out', {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    node.config.left_out = getattr(node, 'workeroutput', {}).get('left_out', {})


def pytest_terminal_summary(terminalreporter, config):
    for mark, number in getattr(config, 'left_out', {}).items():
        terminalreporter.write_line(f'Left out, run by bin/test.sh --all: {number} marked {mark}')


class Service:
    """A copy of the tree in a folder of its own, with its service; `files` are written over the copy's."""

    def __init__(self, folder: Path, files=None, environment=None):
        self.folder = folder
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.environment = {**os.environ, 'PORT': str(self.port), 'HOST': '127.0.0.1', **(environment or {})}
        copy_tree(folder)
        self.write(files or {})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def write(self, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')

    @contextlib.contextmanager
    def changed(self, files):
        """Change files, or make them; afterwards they are as they were."""
        paths = [self.folder / name for name in files]
        before = {path: path.read_bytes() for path in paths if path.exists()}
        self.write(files)
        yield
        for path in paths:
            path.unlink()
        for path, content in before.items():
            path.write_bytes(content)

    def without_models(self, *names):
        """Remove the settings of models, of all but those named, that are not served here: they would stop it."""
        for path in (self.folder / 'conf').glob('*_model.conf'):
            if path.name not in names:
                path.unlink()
        return self

    def run(self, *command, **options):
        """Run a command in the copy and return it finished, its output as text."""
        options = {'capture_output': True, 'text': True, 'env': self.environment, 'timeout': 100, **options}
        return subprocess.run(command, cwd=self.folder, **options)

    def start(self):
        return self._succeed('bin/start.sh')

    def stop(self):
        return self._succeed('bin/stop.sh')

    def _succeed(self, command):
        finished = self.run(command)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    @property
    def log(self) -> str:
        path = self.folder / 'tmp' / 'model-serving-demo.log'
        return path.read_text(encoding='utf-8') if path.exists() else ''

    @property
    def master_pid(self) -> int:
        return int((self.folder / 'tmp' / 'model-serving-demo.pid').read_text())

    @property
    def worker_pids(self) -> list:
        """The pids of the workers that run now (Linux)."""
        return children(self.master_pid)

    def post(self, path, json=None, **options):
        return requests.post(self.url + path, json=json, timeout=60, **options)

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=60, **options)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def has_ipv6() -> bool:
    """Tell whether this machine has ::1; many containers do not."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(('::1', 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason='this machine has no ::1')


def wait_until(condition, seconds=60):
    """Wait for a condition that another thread or process brings about; fails when it does not come."""
    until = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < until, 'it never came'
        time.sleep(0.01)


def with_constants(**values) -> dict:
    """Return a conf/gunicorn.conf.py that sets constants before the workers are forked: `front__failures__DRAIN=1`."""
    lines = [(BASE_FOLDER / 'conf' / 'gunicorn.conf.py').read_text(encoding='utf-8')]
    for name, value in values.items():
        module, _, constant = f'model_serving.{name.replace("__", ".")}'.rpartition('.')
        # Without the check a misspelt name would change nothing.
        lines.append(f'import {module}\nassert hasattr({module}, {constant!r})\n{module}.{constant} = {value}\n')
    return {'conf/gunicorn.conf.py': ''.join(lines)}


def memory(pid, field='VmRSS') -> int:
    """Return how many bytes of memory a process holds, or another such field of its status (Linux)."""
    status = Path(f'/proc/{pid}/status').read_text()
    return int(re.search(rf'^{field}:\s+(\d+) kB$', status, re.MULTILINE)[1]) * 1024


@contextlib.contextmanager
def takes_less_memory_than(size, service):
    """What happens here costs the only worker of a service less than `size` bytes of memory."""
    (pid,) = service.worker_pids
    before = memory(pid)
    yield
    assert memory(pid) - before < size


def children(pid) -> list:
    """Return the processes that a process has started (Linux)."""
    return [int(word) for word in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def proportional_memory(pids) -> int:
    """Return how many bytes of memory processes hold, the pages that they share counted once (Linux)."""
    rollups = [Path(f'/proc/{pid}/smaps_rollup').read_text() for pid in pids]
    return sum(int(re.search(r'^Pss:\s+(\d+) kB$', text, re.MULTILINE)[1]) for text in rollups) * 1024


def copy_tree(folder: Path):
    """Copy the tree as a user would have it, with this environment's packages as its .venv."""
    shutil.copytree(BASE_FOLDER, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
    (folder / '.venv').symlink_to(sys.prefix)


@pytest.fixture(scope='session')
def service_class():
    return Service


@pytest.fixture(scope='session')
def service(tmp_path_factory):
    """The service as it is in the repository, but for the pauses of TextModel; shared, so leave it as it is."""
    hurried = {'MODEL_SERVING_TEXTMODEL_PARAMS_PAUSE': '0'}
    with Service(tmp_path_factory.mktemp('a service') / 'model serving', environment=hurried) as running:
        yield running


@pytest.fixture(scope='session')
def misbehaving(tmp_path_factory):
    """The service with models that misbehave on demand, one worker with 8 threads; whoever ends it starts it again."""
    from tests.fakes.misbehaving import files

    settings = files(timeout=2, max_body='16 KiB', max_batch_size=8)
    environment = {'WORKERS': '1', 'THREADS': '8', 'MODEL_SERVING_LIMITEDMODEL_MAX_QUEUE': '2'}
    with Service(tmp_path_factory.mktemp('bad days') / 'model serving', settings, environment) as running:
        yield running


@pytest.fixture(scope='session')
def gallery(tmp_path_factory):
    """The service with models that show every kind of field and of answer, and WineModel; shared."""
    files = {
        'model_serving/gallery.py': (BASE_FOLDER / 'tests' / 'fakes' / 'gallery.py').read_text(encoding='utf-8'),
        'model_serving/routes.py': 'from .gallery import ROUTES as ROUTES\n',
        'conf/xxx_model.conf': '[model]\nname = FormModel\n',
    }
    stopped = Service(tmp_path_factory.mktemp('gallery') / 'model serving', files)
    with stopped.without_models('xxx_model.conf', 'wine_model.conf') as running:
        yield running


def streaming_service(make, environment=None, files=None):
    """Return a service of one worker with the models of tests/fakes/streams.py, not started; `make(files, environment)`
    makes it."""
    files = {'model_serving/routes.py': 'from tests.fakes.streams import ROUTES as ROUTES\n', **(files or {})}
    environment = {'PYTHONPATH': str(BASE_FOLDER), 'WORKERS': '1', **(environment or {})}
    return make(files, environment).without_models()


@pytest.fixture(scope='session')
def streams(tmp_path_factory):
    """A service whose models stream; shared, so leave it as it is, and give the files of a test names of their own."""
    make = partial(Service, tmp_path_factory.mktemp('streams') / 'model serving')
    with streaming_service(make, {'MODEL_SERVING_OTHERMODEL_STREAMS': '3'}) as running:
        yield running


@pytest.fixture
def gate(streams):
    """A file in the folder of `streams` that a model waits for; it is there after the test."""
    yield from gate_in(streams)


def gate_in(service):
    """Yield a file in the folder of a service, for models to wait for; afterwards it is there."""
    file = service.folder / f'gate {time.perf_counter_ns()}'
    yield file
    file.touch()


@pytest.fixture
def make_service(tmp_path):
    """A function that starts a service with other files or environment, and ends it after the test.

    `make_service(files={'conf/a.conf': '…'}, environment={'WORKERS': '1'}, start=True)`
    """
    numbers = count()
    with contextlib.ExitStack() as made:

        def make(files=None, environment=None, start=True):
            one = Service(tmp_path / f'model serving {next(numbers)}', files, environment)
            made.callback(one.stop)
            if start:
                one.start()
            return one

        yield make


def run_async(coroutine):
    """Run a coroutine on an event loop of its own; in a thread, since the browser's tests leave a loop running here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def call_asgi(app, method, path, headers, body, **more):
    """Call an ASGI application as a server does, with `more` in its scope; return what it answers."""
    length = (b'content-length', b'%d' % len(body))
    scope = {
        'type': 'http', 'http_version': '1.1', 'method': method, 'scheme': 'http', 'path': path,
        'raw_path': path.encode(), 'query_string': b'',
        'headers': [*((name.lower().encode(), text.encode()) for name, text in headers.items()), length],
        **more,
    }  # fmt: skip
    sent = []

    async def receive():
        return {'type': 'http.request', 'body': body, 'more_body': False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    headers = [(name.decode(), value.decode()) for name, value in sent[0]['headers']]
    return sent[0]['status'], headers, b''.join(piece.get('body', b'') for piece in sent[1:])


def predict_by(batcher, instance, seconds):
    """Have a batcher predict, for a caller in a thread; raises DeadlineExceeded after so many seconds."""
    return event_loop.run(batcher.predict_async(instance), batcher.name, seconds)


def entered(service) -> int:
    """Return how many calls have come to a gate: see tests/fakes/gate.py."""
    return len(list(service.folder.glob('entered-*')))


def gates_service(make, environment=None, files=None):
    """Return a service whose models wait at the gates of tests/fakes/gate.py, not started; `make(files, environment)`
    makes it."""
    routes = (BASE_FOLDER / 'tests' / 'fakes' / 'gate_routes.py').read_text(encoding='utf-8')
    files = {'model_serving/routes.py': routes, **(files or {})}
    return make(files, {'PYTHONPATH': str(BASE_FOLDER), **(environment or {})}).without_models(
        *map(os.path.basename, files)
    )


@pytest.fixture
def make_gates(make_service):
    """A function that starts a service whose models wait at gates: tests/fakes/gate.py; all open after the test."""
    made = []

    def make(environment=None, files=None):
        service = gates_service(partial(make_service, start=False), environment, files)
        service.start()
        made.append(service)
        return service

    yield make
    for service in made:
        for gate in ('open', 'other'):
            (service.folder / gate).touch()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(50) as pool:
        yield pool


@pytest.fixture(scope='session')
def browser():
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    found = subprocess.run([BASE_FOLDER / 'bin' / 'browser.sh'], capture_output=True, text=True)
    assert found.returncode == 0, 'There is no browser. Install one: apt-get install chromium'
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found.stdout.strip(), args=['--no-sandbox'])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A new page in a browser profile of its own."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def client():
    """Flask's test client of the service in this process."""
    from model_serving.app import create_app

    return create_app().test_client()


@pytest.fixture
def connect():
    """A function that opens a connection as in tests/server/raw_connection.py; they are closed after the test."""
    from tests.server.raw_connection import RawConnection

    with contextlib.ExitStack() as stack:
        yield lambda service, timeout=20: stack.enter_context(closing(RawConnection(service, timeout=timeout)))
