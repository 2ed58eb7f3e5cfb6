"""What a person reads when the service has started: its models, what they cost, and where to click."""

import os
from pathlib import Path

EVERYWHERE = {'0.0.0.0', '::', ''}


def lines(front, workers: int, threads: int, addresses) -> list:
    """Return the banner's lines; `addresses` are `(host, port)` pairs or paths of sockets."""
    rows = [(*_row(endpoint.servable), _way(endpoint, threads)) for endpoint in front.endpoints.values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    memory = service_memory()
    processes = f'{workers} workers'
    total = f'{processes}; memory of all processes {megabytes(memory)}' if memory else processes
    return [*table, total, *(f'Ready. Open {url(address)}' for address in addresses)]


def _way(endpoint, threads):
    return '' if endpoint.handler else f'answered by Flask, in {threads} threads'


def url(address) -> str:
    """Return what a browser on this machine opens for an address that a server listens at."""
    if isinstance(address, str):
        return f'unix:{address}'
    host, port = address[:2]
    host = 'localhost' if host in EVERYWHERE else host
    return f'http://[{host}]:{port}/' if ':' in host else f'http://{host}:{port}/'


def megabytes(size: int) -> str:
    return f'{size / 2**20:.1f} MiB'


def service_memory() -> int:
    """Return the bytes of the master and all its workers, shared pages counted once; 0 where not known."""
    master = os.getppid()
    try:
        children = Path(f'/proc/{master}/task/{master}/children').read_text().split()
        return sum(_proportional_memory(pid) for pid in (master, *children))
    except OSError:
        return 0


def _proportional_memory(pid):
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) * 1024
    return 0


def _row(servable):
    loaded = servable.loaded
    if loaded is None:
        return servable.url, servable.problem or 'its own resource', '', '', ''
    where = 'in each worker' if loaded.pid == os.getpid() else 'once for all workers'
    cost = f'+{megabytes(loaded.memory)}', f'{loaded.seconds * 1000:.0f} ms'
    return servable.url, servable.source, f'loaded {where}', *cost
