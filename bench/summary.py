"""The table of docs/benchmarks.md, made from the text of bench/figures.md."""

import re

# The columns of the raw figures in which a peer may do better: whether more is better, and what is said of it.
BETTER = (
    ('requests a second at 256 connections, 1/s', True, 'more requests a second at 256 connections'),
    ('CPU per request at 32 connections, µs', False, 'less CPU per request'),
    ('p50 at one connection, ms', False, 'a shorter wait (p50) for a single client'),
    ('p99 at 32 connections, ms', False, 'a lower p99 at 32 connections'),
    ('proportional memory (PSS), MB', False, 'less memory'),
)
# A smaller difference is not named.
MARGIN = 10
OURS, RATE, SIZE = 'this service', 'requests a second at 32', 'its own packages, MB'
RATES = 'requests a second at 32 connections, 1/s'
GROWTH = 'How our own cost grows'


def summary(raw: str) -> str:
    """Return the table: how many times as many requests a second we answer, and where each peer does better."""
    machine = re.search(r'^Measured on .*?CPython [\d.]+', raw, re.MULTILINE)[0]
    (sizes,), workloads = measured(raw)
    own = [figures[OURS][RATES] for figures, _ in workloads.values()]
    rows = [(f'**{OURS}**', *(f'**{rate} a second**' for rate in own), _size(sizes, OURS), '')]
    for who in dict.fromkeys(who for _, ratios in workloads.values() for who in ratios):
        cells = [_ratio(ratios.get(who)) for _, ratios in workloads.values()]
        rows.append((who, *cells, _size(sizes, who), _better(workloads, who)))
    head = ('server', *workloads, 'its packages', f'better than {OURS}, by 10 % or more')
    return f'{machine}.\n\n{table(head, rows)}'


def measured(raw):
    """Return the tables of the sizes, and for each workload those of the raw figures and of the ratios."""
    sections = {section.partition('\n')[0].partition(':')[0]: section for section in raw.split('\n### ')[1:]}
    tables = {name: by_who(section) for name, section in sections.items() if name != GROWTH}
    return tables.pop('Installed size'), tables


def rates(raw) -> dict:
    """Return the requests a second of each server for each workload, without variants of this service."""
    return {
        name: {
            who: float(row[RATES].replace(',', ''))
            for who, row in figures.items()
            if row[RATES][:1].isdigit() and (who == OURS or not who.startswith(OURS))
        }
        for name, (figures, _) in measured(raw)[1].items()
    }


def by_who(section) -> list:
    """Return the tables of a section, each by what stands in the column `who`."""
    return [{row['who']: row for row in rows} for rows in tables(section)]


def tables(text) -> list:
    """Return the tables of a Markdown text, each a list of rows, each a dict by the titles of the columns."""
    found = []
    for block in re.findall(r'(?:^\|.*\n)+', text, re.MULTILINE):
        head, _, *rows = [line[2:-2].split(' | ') for line in block.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def table(head, rows) -> str:
    """Return a table of Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(map(str, line)) + ' |' for line in lines) + '\n'


def _ratio(row):
    """Return `2.0 ×` for `2.03 (2.00–3.06)`, and say so if the rounds disagree on who is faster."""
    if row is None:
        return ''
    measured = re.fullmatch(r'([\d.]+) \(([\d.]+)–([\d.]+)\)', row[RATE])
    if not measured:
        return row[RATE]
    middle, least, most = map(float, measured.groups())
    if least < 1 < most:
        return 'about the same'
    return f'**{middle:.2f} ×**' if middle < 1 else f'{middle:.{int(middle < 10)}f} ×'


def _size(sizes, who):
    return f'{sizes[who][SIZE]} MB' if who in sizes else ''


def _better(workloads, who):
    """Return in words, for each column in which a peer does better, by how much in each workload."""
    parts = []
    for column, more, words in BETTER:
        percents = {
            name: _percent(figures[OURS][column], figures[who][column], more)
            for name, (figures, _) in workloads.items()
            if who in figures
        }
        named = [f'{name} {percent} %' for name, percent in percents.items() if percent >= MARGIN]
        if named:
            parts.append(f'{words}: {", ".join(named)}')
    return '; '.join(parts) or ('' if who.startswith(OURS) else 'nowhere')


def _percent(ours, theirs, more) -> int:
    """Return by how many percent theirs is better; 0 if one of them is missing."""
    if not ours or not theirs:
        return 0
    ours, theirs = (float(text.replace(',', '')) for text in (ours, theirs))
    return round(100 * (theirs / ours - 1) * (1 if more else -1))
