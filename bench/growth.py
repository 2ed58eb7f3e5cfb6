"""How our own cost grows: with connections, models, the size of a body, and the size of a batch."""

import json
import sys
import tempfile
from typing import NamedTuple

import environments
import load
from catalog import BASE_FOLDER, PEERS, TMP_FOLDER, WORKLOADS
from server import Server, running
from tqdm import tqdm


class Step(NamedTuple):
    """One point of a series: a workload of ours, how it is loaded, and what is set for it."""

    series: str
    value: int
    workload: str
    connections: int
    body_size: int | None = None
    environment: dict = {}


STEPS = (
    *(Step('connections', count, 'hello', count) for count in (1, 8, 32, 128, 256)),
    *(Step('models', len(WORKLOADS[name].names), name, 32) for name in ('hello', 'many')),
    *(Step('bytes of body', size, 'numbers', 8, body_size=size) for size in (1_000, 10_000, 100_000, 1_000_000)),
    *(
        Step(
            'largest batch',
            size,
            'forest',
            256,
            environment={'MODEL_SERVING_MODEL_MAX_BATCH_SIZE': size},
        )
        for size in ('1', '8', '32', '128', '256')
    ),
)


def measure(port, seconds) -> list:
    """Return a dict of figures for each step; raises PeerError when ours does not start or answers wrongly."""
    folder, programs = environments.copy_tree(BASE_FOLDER, 'ours'), environments.bin_folder('ours')
    log_file = TMP_FOLDER / 'log' / 'growth.log'
    rows = []
    for step in tqdm(STEPS, unit='step', file=sys.stderr):
        server = Server(PEERS['ours'], WORKLOADS[step.workload], port, folder, programs, log_file, step.environment)
        with running(server) as start, tempfile.NamedTemporaryFile() as body_file:
            server.check()
            body_file.write(_numbers(step.body_size) if step.body_size else server.body())
            body_file.flush()
            load.run(port, server.paths(), body_file.name, step.connections, 1)
            before = server.cpu_seconds()
            seen = load.run(port, server.paths(), body_file.name, step.connections, seconds)
            cpu = server.cpu_seconds() - before
            _, proportional = server.memory()
        rows.append(
            {
                'series': step.series,
                'value': step.value,
                'rate': seen.rate,
                'p50': seen.p50,
                'p99': seen.p99,
                'cpu': cpu / max(1, seen.requests),
                'proportional': proportional,
                'start': start,
                'errors': seen.errors,
            }
        )
    return rows


def _numbers(size):
    """Return a body of numbers of about `size` bytes."""
    return json.dumps({'numbers': [123.25] * (size // len('123.25, '))}).encode()
