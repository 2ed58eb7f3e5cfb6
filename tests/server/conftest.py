"""Services with one worker, and raw connections to them."""

import pytest

from tests.fakes.misbehaving import files
from tests.server.raw_connection import IMPATIENT, Connections

# XXXModel waits longer than by its own conf file, so that a busy machine does not matter.
PATIENT = {'conf/xxx_model.conf': '[model]\nname = XXXModel\ntimeout = 60\n'}


def run(service_class, folder, its_files):
    """Run a service with the misbehaving models; at its end there is no traceback in its log."""
    with service_class(folder / 'model serving', files() | PATIENT | its_files, {'WORKERS': '1'}) as service:
        yield service
        assert 'Traceback' not in service.log


@pytest.fixture(scope='session')
def one_worker(service_class, tmp_path_factory):
    yield from run(service_class, tmp_path_factory.mktemp('connections'), {})


@pytest.fixture(scope='session')
def impatient(service_class, tmp_path_factory):
    """A service that lets a client go after a second of silence."""
    yield from run(service_class, tmp_path_factory.mktemp('silence'), IMPATIENT)


@pytest.fixture
def connections(one_worker):
    with Connections(one_worker) as opened:
        yield opened


@pytest.fixture
def silent(impatient):
    with Connections(impatient) as opened:
        yield opened
