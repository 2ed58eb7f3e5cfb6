"""Write what was measured into bench/figures.md; the table and the plot of the guide are made from that."""

import os
import platform
import re
from datetime import date
from pathlib import Path
from statistics import median

import environments
import figures
import plot
from catalog import BASE_FOLDER, PEERS, VARIANTS, WORKLOADS
from summary import GROWTH as GROWTH_TITLE
from summary import OURS, SIZE, summary, table

DOCUMENT = BASE_FOLDER / 'docs' / 'benchmarks.md'
RAW_DOCUMENT = BASE_FOLDER / 'bench' / 'figures.md'
MARKS = '<!-- measured: written by bin/bench.sh -->\n', '<!-- end of what was measured -->\n'
SHOWN_PACKAGES = {'ours': 'uvicorn', 'article': 'flask-restful', 'bare': 'uvicorn', 'ray': 'ray'}
RATIOS = ('rate', 'cpu', 'p50_alone', 'p99')
GROWTH = {'rate': '1/s', 'p50': 'ms', 'p99': 'ms', 'cpu': 'µs', 'proportional': 'MB', 'start': 's'}
SCALES = {metric: scale for metric, _, _, scale in figures.METRICS}


def write(turns, growth, options):
    """Replace the measured parts of both documents, and the plot."""
    names = [name for name in options.peers if name in PEERS]
    parts = [_machine(options), _peers(names)]
    for workload in options.workloads:
        peers = figures.by_peer(turns, workload)
        parts.append(f'\n### {WORKLOADS[workload].title}\n\n{_figures(peers)}\n{_ratios(peers)}')
    _replace(RAW_DOCUMENT, [*parts, _sizes(names), _growth(growth)])
    _replace(DOCUMENT, [summary(RAW_DOCUMENT.read_text())])
    plot.draw(RAW_DOCUMENT.read_text())


def _replace(document, parts):
    before, _, rest = document.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    document.write_text(before + MARKS[0] + '\n'.join(parts) + MARKS[1] + after)


def _machine(options):
    model = re.search(r'model name\s*: (.*)', Path('/proc/cpuinfo').read_text())
    cores = f'{len(os.sched_getaffinity(0))} cores of {model[1] if model else platform.machine()}'
    kernel = '.'.join(platform.release().split('.')[:2])
    return (
        f'Measured on {date.today()}: {cores}, '
        f'{platform.system()} {kernel}, CPython {platform.python_version()}; {options.rounds} rounds, '
        f'{options.seconds} s a measurement. Where a cell has three numbers they are the median and, in brackets, '
        'the least and the greatest of the rounds.\n'
    )


def _peers(names):
    rows = []
    for name in names:
        if name not in VARIANTS:
            package = SHOWN_PACKAGES.get(name, name)
            version = environments.packages(name).get(package, '')
            rows.append((PEERS[name].title, f'{package} {version}', PEERS[name].setup))
    return table(('who', 'version', 'how it was set up'), rows)


def _ratios(grouped):
    """Return a table of ours over each peer, and over the tree before if it was measured."""
    rows = []
    for name, turns in grouped.items():
        if name == 'ours':
            continue
        cells = [f'fails: {figures.failure(turns)}', *[''] * (len(RATIOS) - 1)]
        if not figures.failure(turns):
            cells = [figures.ratio_text(figures.ratios(grouped['ours'], turns, metric)) for metric in RATIOS]
        rows.append((_title(name), *cells))
    head = ('who', 'requests a second at 32', 'CPU per request', 'p50 at one connection', 'p99 at 32')
    return f'{OURS.capitalize()} over each of them, round by round:\n\n{table(head, rows)}'


def _figures(grouped):
    head = ['who', *(f'{label}, {unit}' for _, label, unit, _ in figures.METRICS), 'errors']
    rows = []
    for name, turns in grouped.items():
        if figures.failure(turns):
            rows.append((_title(name), f'fails: {figures.failure(turns)}', *[''] * len(figures.METRICS)))
            continue
        cells = [_cell(figures.values(turns, metric), scale) for metric, _, _, scale in figures.METRICS]
        errors = '; '.join(f'{kind}: {count}' for turn in turns for kind, count in turn['errors'].items())
        rows.append((_title(name), *cells, errors or 'none'))
    return table(head, rows)


def _title(name):
    return PEERS[name].title if name in PEERS else name


def _cell(numbers, scale):
    return figures.number_text(median(numbers) * scale) if numbers else ''


def _sizes(names):
    rows = []
    for name in names:
        if name not in VARIANTS:
            sizes = environments.install_sizes(name)
            rows.append((PEERS[name].title, *(f'{sizes[key] / 1e6:.0f}' for key in ('own', 'whole'))))
    rows.sort(key=lambda row: int(row[1]))
    head = ('who', SIZE, "with the benchmark's models (NumPy, onnxruntime, scikit-learn), MB")
    return f'\n### Installed size\n\n{table(head, rows)}'


def _growth(growth):
    text = f'\n### {GROWTH_TITLE}\n'
    for series in dict.fromkeys(row['series'] for row in growth):
        rows = [
            (
                f'{int(row["value"]):,}',
                *(figures.number_text(row[metric] * SCALES[metric]) for metric in GROWTH),
                '; '.join(f'{kind}: {count}' for kind, count in row['errors'].items()) or 'none',
            )
            for row in growth
            if row['series'] == series
        ]
        labels = {metric: label for metric, label, _, _ in figures.METRICS}
        head = (series, *(f'{labels[metric].split(" at ")[0]}, {unit}' for metric, unit in GROWTH.items()), 'errors')
        text += f'\n{table(head, rows)}'
    return text
