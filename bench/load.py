"""Load by wrk, and what it says."""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name('post.lua')
ERRORS = ('non_2xx', 'connect', 'read', 'write', 'timeout')


class Load(NamedTuple):
    """What one run of wrk saw: requests a second, p50 and p99 in ms, errors by kind (those that were none left out)."""

    requests: int
    rate: float
    p50: float
    p99: float
    errors: dict


def parse(output: str) -> Load:
    """Read the line of JSON that post.lua ends with; raises ValueError when it is not there."""
    lines = [line for line in output.splitlines() if line.startswith('{')]
    if not lines:
        raise ValueError(f'wrk said nothing that can be read: {output.strip()[-300:]!r}')
    values = json.loads(lines[-1])
    errors = {kind: values[kind] for kind in ERRORS if values[kind]}
    return Load(values['requests'], values['requests'] / values['seconds'], values['p50'], values['p99'], errors)


def run(port, paths, body_file, connections, seconds) -> Load:
    """POST `body_file` to `paths` in turn over `connections` kept-alive connections for `seconds`."""
    command = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--timeout', '20s', '-s', str(SCRIPT)]
    command += [f'http://127.0.0.1:{port}{paths[0]}', '--', str(body_file), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode:
        raise ValueError(f'wrk failed: {done.stderr.strip() or done.stdout.strip()}')
    return parse(done.stdout)
