"""What a service has counted, as Prometheus reads it from /metrics."""

import os
import signal
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import wait_until


def samples(service) -> list:
    """Return all samples of /metrics; each has a name, labels and a value."""
    answer = service.get('/metrics')
    assert answer.status_code == 200
    return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]


def counted(service, name, *labels) -> Counter:
    """Return the values of a metric by the values of these labels; what differs by other labels is added up."""
    found = Counter()
    for sample in samples(service):
        if sample.name == f'model_serving_{name}':
            found[tuple(sample.labels[label] for label in labels)] += sample.value
    return found


def calls(service) -> Counter:
    """Return how many calls of models were answered, by model, protocol and status."""
    found = counted(service, 'request_duration_seconds_count', 'model', 'protocol', 'status')
    return Counter({key: number for key, number in found.items() if key[0]})


def assert_soon(value, expected, seconds=10):
    """`value()` is as expected, at once or soon: a request is counted when its client has its answer already."""
    with suppress(AssertionError):
        wait_until(lambda: value() == expected, seconds)
    found = value()
    assert found == expected, f'{found} is not {expected}'


@contextmanager
def only(service, worker):
    """The other workers stand still, so this one answers all requests."""
    others = [pid for pid in service.worker_pids if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def folder_of(service) -> Path:
    """Return the folder that the processes of a service share."""
    (marker,) = Path('/dev/shm').glob(f'model-serving-shared-*/master-{service.master_pid}')
    return marker.parent
