"""Measure the service and its peers side by side: see bin/bench.sh --help."""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import environments
import figures
import growth
import load
import report
from catalog import BASE_FOLDER, DEFAULT_PEERS, PEERS, QUICK_PEERS, TMP_FOLDER, VARIANTS, WORKLOADS
from server import PeerError, Server, running
from tqdm import tqdm

TURNS_FILE = TMP_FOLDER / 'turns.json'
FIRST_PORT = int(os.environ.get('BENCH_PORT', '21300'))
PORTS = itertools.cycle(range(FIRST_PORT, FIRST_PORT + 80))


def arguments():
    parser = argparse.ArgumentParser(
        prog='bin/bench.sh',
        description='Measure the service and its peers side by side, into bench/figures.md and docs/benchmarks.md.',
        epilog=f'Workloads: {", ".join(WORKLOADS)}. Peers: {", ".join(PEERS)}.',
    )
    parser.add_argument('names', nargs='*', metavar='name', help='workloads or peers; none of a kind: the usual; all')
    parser.add_argument('--quick', action='store_true', help='a minute or two, a few ratios, nothing written')
    parser.add_argument('--rounds', type=int, help='how often each peer has its turn (5; quick: 3)')
    parser.add_argument('--seconds', type=int, help='how long each measurement lasts (5; quick: 2)')
    parser.add_argument('--before', type=Path, metavar='FOLDER', help='another tree of the service, as a peer "before"')
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in (*WORKLOADS, *PEERS, 'all')]
    if unknown:
        parser.error(f'{", ".join(unknown)}: neither a workload nor a peer')
    options.workloads = [name for name in options.names if name in WORKLOADS] or (
        ['hello', 'forest'] if options.quick else list(WORKLOADS)
    )
    peers = [name for name in options.names if name in PEERS]
    peers = peers or (QUICK_PEERS if options.quick else [*DEFAULT_PEERS, *VARIANTS])
    if 'all' in options.names:
        peers = list(PEERS)
    options.peers = list(dict.fromkeys(['ours', *peers]))
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 5)
    return options


def places(options) -> dict:
    """Install the peers and return, for each one, the rows of (peer, folder, programs) that start it."""
    rows = {}
    for name in options.peers:
        environment = 'ours' if name in VARIANTS else name
        environments.install(environment)
        folder = rows['ours'][1] if name in VARIANTS else BASE_FOLDER / 'bench/peers' / name
        folder = environments.copy_tree(BASE_FOLDER, 'ours') if name == 'ours' else folder
        rows[name] = (PEERS[name], folder, environments.bin_folder(environment))
    if options.before:
        environments.install('before', options.before.resolve())
        copy = environments.copy_tree(options.before.resolve(), 'before')
        # An older tree is started by `python -m`.
        command = PEERS['ours'].command.replace('{bin}/gunicorn', '{bin}/python -m gunicorn')
        peer = PEERS['ours']._replace(title='before', command=command)
        rows['before'] = (peer, copy, environments.bin_folder('before'))
    environments.train()
    return rows


def turn(place, workload, options) -> dict:
    """Start one peer, check its answers, measure it and stop it; an `error` stands in place of what failed."""
    peer, folder, programs = place
    log_file = TMP_FOLDER / 'log' / f'{peer.title.replace(" ", "-")}-{workload.served}.log'
    log_file.parent.mkdir(exist_ok=True)
    server = Server(peer, workload, next(PORTS), folder, programs, log_file)
    try:
        with running(server) as start:
            server.check()
            return {'start': start, **measure(server, options)}
    except (PeerError, ValueError) as error:
        return {'error': str(error)}


def measure(server, options) -> dict:
    """Return the figures of a running server, as bench/figures.py names them."""
    with tempfile.NamedTemporaryFile() as body_file:
        body_file.write(server.body())
        body_file.flush()

        def run(connections, seconds):
            before = server.cpu_seconds()
            seen = load.run(server.port, server.paths(), body_file.name, connections, seconds)
            return seen, (server.cpu_seconds() - before) / max(1, seen.requests)

        # The first run warms up and is not counted.
        run(32, 1)
        busy, cpu = run(32, options.seconds)
        resident, proportional = server.memory()
        alone, cpu_alone = run(1, (options.seconds + 1) // 2)
        crowd, cpu_256 = (None, None) if options.quick else run(256, options.seconds)
    server.check()
    errors = {
        f'{kind} at {name}': count
        for name, seen in (('32', busy), ('1', alone), ('256', crowd))
        if seen
        for kind, count in seen.errors.items()
    }
    return {
        'rate': busy.rate,
        'p50': busy.p50,
        'p99': busy.p99,
        'cpu': cpu,
        'rate_alone': alone.rate,
        'p50_alone': alone.p50,
        'p99_alone': alone.p99,
        'cpu_alone': cpu_alone,
        'rate_256': crowd and crowd.rate,
        'p50_256': crowd and crowd.p50,
        'p99_256': crowd and crowd.p99,
        'cpu_256': cpu_256,
        'resident': resident,
        'proportional': proportional,
        'errors': errors,
    }


def all_turns(options) -> list:
    """Measure everything, workload by workload, the peers in turn in each round: A B C A B C …"""
    rows = places(options)
    turns = []
    steps = [
        (workload, number, name)
        for workload in options.workloads
        for number in range(options.rounds)
        for name in rows
        if is_asked(workload, name, rows[name][0], options)
    ]
    failed = set()
    with tqdm(steps, unit='turn', file=sys.stderr) as bar:
        for workload, number, name in bar:
            if (workload, name) in failed:
                continue
            bar.set_description(f'{workload} {name}')
            figures_of_turn = turn(rows[name], WORKLOADS[workload], options)
            if 'error' in figures_of_turn:
                failed.add((workload, name))
                tqdm.write(f'{workload} {name}: {figures_of_turn["error"]}', file=sys.stderr)
            turns.append({'workload': workload, 'round': number, 'peer': name, **figures_of_turn})
    return turns


def is_asked(workload, name, peer, options) -> bool:
    """Tell whether a peer has a turn: with a line of log each where it can, in quick mode bare for hello alone."""
    if options.quick and name == 'bare' and WORKLOADS[workload].served != 'hello':
        return False
    return workload in peer.workloads and (not WORKLOADS[workload].access_log or peer.logging is not None)


def warn_of_load():
    """Say so when the machine is busy with something else: then the figures are noise."""
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(
            f'The load of this machine is {busy:.1f} before the first turn: the figures will be noise.', file=sys.stderr
        )


def summary(turns, workloads) -> str:
    """Return lines for a terminal: each peer's medians, and ours over each peer."""
    lines = []
    for workload in workloads:
        grouped = figures.by_peer(turns, workload)
        for name, peer_turns in grouped.items():
            lines.append(f'{workload} {name}: {figures.line(peer_turns)}')
        for name in grouped:
            if name != 'ours' and not figures.failure(grouped[name]) and not figures.failure(grouped['ours']):
                parts = [
                    f'{label} {figures.ratio_text(figures.ratios(grouped["ours"], grouped[name], metric))}'
                    for metric, label in (
                        ('rate', ''),
                        ('p50_alone', '· p50 alone'),
                        ('p99', '· p99'),
                        ('cpu', '· CPU'),
                    )
                ]
                lines.append(f'{workload} ours/{name} {"  ".join(parts).strip()}')
    return '\n'.join(lines)


def main():
    options = arguments()
    TMP_FOLDER.mkdir(parents=True, exist_ok=True)
    warn_of_load()
    started = time.perf_counter()
    turns = all_turns(options)
    print(summary(turns, options.workloads))
    if not options.quick:
        TURNS_FILE.write_text(json.dumps(turns))
        report.write(turns, growth.measure(next(PORTS), options.seconds), options)
        print(f'Written: {report.RAW_DOCUMENT.relative_to(BASE_FOLDER)}, {report.DOCUMENT.relative_to(BASE_FOLDER)}')
    print(f'{time.perf_counter() - started:.0f} s')


if __name__ == '__main__':
    main()
