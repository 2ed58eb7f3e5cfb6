"""Services whose models are files."""

import contextlib
import json

import pytest

from tests.conftest import BASE_FOLDER
from tests.formats.answers import results_by_worker, settings_of


def confs_of(models):
    return {f'conf/{name.lower()}.conf': f'[model]\nname = {name}\n{lines}\n' for name, lines in models.items()}


@pytest.fixture(scope='module')
def serve(service_class, tmp_path_factory):
    """A function that starts a service with the conf lines of models: `serve({'Name': 'file = a.onnx'})`."""
    with contextlib.ExitStack() as stack:

        def serve(models, files=None, environment=None):
            folder = tmp_path_factory.mktemp('file service')
            one = service_class(folder, confs_of(models) | (files or {}), environment)
            one.start()
            stack.callback(one.stop)
            return one

        yield serve


@pytest.fixture(scope='module')
def refusal(service_class, tmp_path_factory):
    """A function that returns the line by which a service with this model file refuses to start."""

    def refusal(path, lines='', files=None):
        confs = confs_of({'Bad': f'file = {path}\n{lines}'})
        one = service_class(tmp_path_factory.mktemp('refused file'), confs | (files or {}))
        finished = one.run(one.folder / '.venv/bin/python', 'main.py', '--port', str(one.port), '--host', '127.0.0.1')
        assert finished.returncode == 1, finished.stdout + finished.stderr
        assert 'Traceback' not in finished.stderr
        line = finished.stderr.strip().splitlines()[-1]
        assert line.startswith('The service cannot start. /v1/Bad: ')
        return line.removeprefix('The service cannot start. /v1/Bad: ')

    return refusal


@pytest.fixture
def in_main_threads(make_service):
    """A function that starts a service of two workers that predict with a file in their main threads."""
    fakes = {'model_serving/resources/main_thread_resource.py': 'main_thread_resource.py'}
    fakes['model_serving/routes.py'] = 'main_thread_routes.py'
    files = {path: (BASE_FOLDER / 'tests' / 'fakes' / fake).read_text() for path, fake in fakes.items()}

    def start(path, trusted=(), **environment):
        settings = settings_of(path, trusted=list(trusted), trust_file=True)
        environment = {'WORKERS': '2', 'FILE_SETTINGS': json.dumps(settings), **environment}
        service = make_service(files, environment, start=False).without_models()
        service.start()
        return service

    return start


@pytest.fixture
def predict_in_main_threads(in_main_threads):
    """A function that has all workers predict with a file where a runtime that lost threads would wait for ever."""

    def predict(path, instance, trusted=()):
        # Of one thread there would be nothing to lose.
        service = in_main_threads(path, trusted, OMP_NUM_THREADS='2')
        first, second = results_by_worker(service, 'FileModel', instance).values()
        assert first == second
        service.stop()
        assert 'SIGKILL' not in service.log

    return predict
