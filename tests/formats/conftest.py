"""Services whose models are files."""

import pytest


@pytest.fixture(scope='module')
def make(service_class, tmp_path_factory):
    """A function that makes a service with the conf lines of models: `make({'Name': 'file = a.onnx'})`."""

    def make(models, files=None, environment=None):
        confs = {f'conf/{name.lower()}.conf': f'[model]\nname = {name}\n{lines}\n' for name, lines in models.items()}
        return service_class(tmp_path_factory.mktemp('file service'), confs | (files or {}), environment)

    return make


@pytest.fixture(scope='module')
def serve(make):
    """A function that makes such a service and starts it."""
    running = []

    def serve(*arguments, **options):
        one = make(*arguments, **options)
        one.start()
        running.append(one)
        return one

    yield serve
    for one in running:
        one.stop()


@pytest.fixture(scope='module')
def refusal(make):
    """A function that returns the line by which a service with this model file refuses to start."""

    def refusal(path, lines='', files=None):
        one = make({'Bad': f'file = {path}\n{lines}'}, files)
        finished = one.run(one.folder / '.venv/bin/python', 'main.py', '--port', str(one.port), '--host', '127.0.0.1')
        assert finished.returncode == 1, finished.stdout + finished.stderr
        assert 'Traceback' not in finished.stderr
        line = finished.stderr.strip().splitlines()[-1]
        assert line.startswith('The service can not start. /v1/Bad: ')
        return line.removeprefix('The service can not start. /v1/Bad: ')

    return refusal
