"""Arithmetic on what was measured: a turn is one peer's dict of figures in one round of one workload."""

from statistics import median

# key, how it is called, unit, how many of the unit are 1 in the turn's figures
METRICS = (
    ('rate', 'requests a second at 32 connections', '1/s', 1),
    ('p50', 'p50 at 32 connections', 'ms', 1),
    ('p99', 'p99 at 32 connections', 'ms', 1),
    ('cpu', 'CPU per request at 32 connections', 'µs', 1e6),
    ('rate_alone', 'requests a second at one connection', '1/s', 1),
    ('p50_alone', 'p50 at one connection', 'ms', 1),
    ('p99_alone', 'p99 at one connection', 'ms', 1),
    ('cpu_alone', 'CPU per request at one connection', 'µs', 1e6),
    ('rate_256', 'requests a second at 256 connections', '1/s', 1),
    ('p50_256', 'p50 at 256 connections', 'ms', 1),
    ('p99_256', 'p99 at 256 connections', 'ms', 1),
    ('cpu_256', 'CPU per request at 256 connections', 'µs', 1e6),
    ('resident', 'resident memory', 'MB', 1e-6),
    ('proportional', 'proportional memory (PSS)', 'MB', 1e-6),
    ('start', 'start to first answer', 's', 1),
)


def by_peer(turns, workload) -> dict:
    """Return a workload's turns for each peer, in the order of rounds; a failed turn is its text."""
    grouped = {}
    for turn in turns:
        if turn['workload'] == workload:
            grouped.setdefault(turn['peer'], []).append(turn)
    return grouped


def failure(peer_turns):
    """Return the first error of a peer's turns, or None when all went well."""
    return next((turn['error'] for turn in peer_turns if turn.get('error')), None)


def values(peer_turns, metric) -> list:
    """Return a metric of the turns that have it."""
    return [turn[metric] for turn in peer_turns if turn.get(metric) is not None]


def spread(numbers) -> tuple:
    """Return median, least and greatest."""
    return median(numbers), min(numbers), max(numbers)


def ratios(ours, theirs, metric) -> list:
    """Return ours over theirs, round by round: what disturbs a round disturbs both alike."""
    theirs_by_round = {turn['round']: turn[metric] for turn in theirs if turn.get(metric)}
    return [
        turn[metric] / theirs_by_round[turn['round']]
        for turn in ours
        if turn.get(metric) is not None and turn['round'] in theirs_by_round
    ]


def ratio_text(numbers) -> str:
    """Return `1.25 (1.21–1.30)`: the median and the spread; a dash where there is none."""
    if not numbers:
        return '–'
    return '{:.2f} ({:.2f}–{:.2f})'.format(*spread(numbers))


def line(peer_turns) -> str:
    """Return a peer's medians in a line, or its failure."""
    if failure(peer_turns):
        return f'FAILED: {failure(peer_turns)}'
    parts = []
    for metric, label, unit, scale in METRICS:
        numbers = values(peer_turns, metric)
        if numbers:
            parts.append(f'{label} {number_text(median(numbers) * scale)} {unit}')
    errors = [turn['errors'] for turn in peer_turns if turn['errors']]
    return ', '.join(parts) + (f', ERRORS {errors}' if errors else '')


def number_text(number) -> str:
    """Return three significant digits, without an exponent."""
    digits = f'{number:.3g}'
    return f'{number:,.0f}' if 'e' in digits or abs(number) >= 1000 else digits
