"""What the clients are compared with, and a service whose model takes files."""

import pytest

from tests.clients.running import MODELS, native
from tests.conftest import BASE_FOLDER


@pytest.fixture(scope='module')
def expected(service):
    """What each model answers at its own URL."""
    return {model: native(service, model) for model in MODELS}


@pytest.fixture(scope='module')
def files_service(service_class, tmp_path_factory):
    """A service with the model of tests/fakes/file_bytes.py."""
    files = {'model_serving/routes.py': 'from tests.fakes.file_bytes import ROUTES as ROUTES\n'}
    environment = {'PYTHONPATH': str(BASE_FOLDER), 'WORKERS': '1'}
    one = service_class(tmp_path_factory.mktemp('files') / 'model serving', files, environment)
    with one.without_models() as running:
        yield running
