"""Draws docs/benchmarks.svg from the text of bench/figures.md: the requests a second of each server."""

import matplotlib.pyplot as plt
from catalog import BASE_FOLDER
from summary import OURS, rates

PLOT = BASE_FOLDER / 'docs' / 'benchmarks.svg'
OWN_COLOUR, COLOUR = '#3257c8', '#8a93a5'


def draw(raw: str):
    """Write the plot: a row of bars for each workload, the fastest server on top."""
    plt.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'benchmarks', 'font.family': 'sans-serif'})
    workloads = rates(raw)
    figure, axes = plt.subplots(len(workloads), 1, figsize=(7, 2.3 * len(workloads)), layout='constrained')
    for axis, (workload, found) in zip(axes, workloads.items(), strict=True):
        servers = sorted(found, key=found.get)
        colours = [OWN_COLOUR if server == OURS else COLOUR for server in servers]
        bars = axis.barh(servers, [found[server] for server in servers], color=colours)
        axis.bar_label(bars, fmt='{:,.0f}', padding=3, fontsize=8)
        axis.set_title(workload, loc='left', fontsize=10)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_visible(False)
        axis.spines[['top', 'right', 'bottom']].set_visible(False)
    figure.patch.set_facecolor('white')
    figure.savefig(PLOT, metadata={'Date': None})


if __name__ == '__main__':
    draw((BASE_FOLDER / 'bench' / 'figures.md').read_text())
