"""Write what was measured: ratios into docs/benchmarks.md, raw figures into bench/figures.md, and a plot."""

import os
import platform
import re
from datetime import date
from pathlib import Path
from statistics import median

import environments
import figures
import matplotlib.pyplot as plt
from catalog import BASE_FOLDER, PEERS, VARIANTS, WORKLOADS

DOCUMENT = BASE_FOLDER / 'docs' / 'benchmarks.md'
RAW_DOCUMENT = BASE_FOLDER / 'bench' / 'figures.md'
PLOT = BASE_FOLDER / 'docs' / 'benchmarks.svg'
MARKS = '<!-- measured: written by bin/bench.sh -->\n', '<!-- end of what was measured -->\n'
SHOWN_PACKAGES = {'ours': 'uvicorn', 'article': 'flask-restful', 'bare': 'uvicorn', 'ray': 'ray'}
RATIOS = ('rate', 'cpu', 'p50_alone', 'p99')
GROWTH = {'rate': '1/s', 'p50': 'ms', 'p99': 'ms', 'cpu': 'µs', 'proportional': 'MB', 'start': 's'}
SCALES = {metric: scale for metric, _, _, scale in figures.METRICS}


def write(turns, growth, options):
    """Replace the measured parts of both documents and make the plot."""
    names = [name for name in options.peers if name in PEERS]
    grouped = {workload: figures.by_peer(turns, workload) for workload in options.workloads}
    raw = [_machine(options), _peers(names)]
    raw += [_figures(workload, peers) for workload, peers in grouped.items()]
    _replace(DOCUMENT, [_machine(options), *(_ratios(workload, peers) for workload, peers in grouped.items())])
    _replace(RAW_DOCUMENT, [*raw, _sizes(names), _growth(growth)])
    _plot(turns, options)


def _replace(document, parts):
    before, _, rest = document.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    document.write_text(before + MARKS[0] + '\n'.join(parts) + MARKS[1] + after)


def table(head, rows) -> str:
    """Return a table of Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(map(str, line)) + ' |' for line in lines) + '\n'


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


def _ratios(workload, grouped):
    """Return a table of ours over each peer, and over the tree before if it was measured."""
    rows = []
    for name, turns in grouped.items():
        if name == 'ours':
            continue
        cells = [f'fails: {figures.failure(turns)}', *[''] * (len(RATIOS) - 1)]
        if not figures.failure(turns):
            cells = [figures.ratio_text(figures.ratios(grouped['ours'], turns, metric)) for metric in RATIOS]
        rows.append((_title(name), *cells))
    head = ('ours over', 'requests a second at 32', 'CPU per request', 'p50 at one connection', 'p99 at 32')
    return f'\n### {WORKLOADS[workload].title}\n\n{table(head, rows)}'


def _figures(workload, grouped):
    head = ['who', *(f'{label}, {unit}' for _, label, unit, _ in figures.METRICS), 'errors']
    rows = []
    for name, turns in grouped.items():
        if figures.failure(turns):
            rows.append((_title(name), f'fails: {figures.failure(turns)}', *[''] * len(figures.METRICS)))
            continue
        cells = [_cell(figures.values(turns, metric), scale) for metric, _, _, scale in figures.METRICS]
        errors = '; '.join(f'{kind}: {count}' for turn in turns for kind, count in turn['errors'].items())
        rows.append((_title(name), *cells, errors or 'none'))
    return f'\n### {WORKLOADS[workload].title}\n\n{table(head, rows)}'


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
    head = ('who', 'its own packages, MB', "with the benchmark's models (NumPy, onnxruntime, scikit-learn), MB")
    return f'\n### Installed size\n\n{table(head, rows)}'


def _growth(growth):
    text = '\n### How our own cost grows\n'
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


def _plot(turns, options):
    """Draw each peer's rate as a part of ours, a row of bars for each workload."""
    plt.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'benchmarks', 'font.family': 'sans-serif'})
    grouped = {workload: figures.by_peer(turns, workload) for workload in options.workloads}
    bars = {
        workload: [
            (PEERS[name].title, [1 / ratio for ratio in figures.ratios(peers['ours'], peer_turns, 'rate')] or [0])
            for name, peer_turns in peers.items()
            if name in PEERS and name not in VARIANTS and not figures.failure(peer_turns)
        ]
        for workload, peers in grouped.items()
    }
    heights = [len(rows) + 1 for rows in bars.values()]
    figure, axes = plt.subplots(
        len(bars), 1, figsize=(7, 0.28 * sum(heights)), height_ratios=heights, squeeze=False, layout='constrained'
    )
    for (workload, rows), axis in zip(bars.items(), axes[:, 0], strict=True):
        rows = sorted(rows, key=lambda row: median(row[1]))
        medians = [median(values) for _, values in rows]
        spreads = [
            [middle - min(values) for middle, (_, values) in zip(medians, rows, strict=True)],
            [max(values) - middle for middle, (_, values) in zip(medians, rows, strict=True)],
        ]
        colours = ['#1f6feb' if title == 'ours' else '#8b949e' for title, _ in rows]
        axis.barh([title for title, _ in rows], medians, xerr=spreads, color=colours, ecolor='#57606a')
        axis.set_title(workload, loc='left', fontsize=10)
        axis.tick_params(labelsize=8)
        axis.spines[['top', 'right']].set_visible(False)
    axes[-1, 0].set_xlabel('requests a second at 32 connections, ours = 1', fontsize=9)
    figure.savefig(PLOT, metadata={'Date': None})
