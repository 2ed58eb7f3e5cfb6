"""How many cores this process may use, and how many threads the numeric libraries should use."""

import math
import os
from pathlib import Path

CGROUP_FOLDER = Path('/sys/fs/cgroup')
THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')


def available_cores() -> int:
    """Return the number of cores that this process may use: its affinity, limited by a container's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return int(min(affinity, _quota()))


def limit_threads(workers: int):
    """Give each of `workers` processes its share of the cores, unless the user has set the variables.

    The libraries read the variables when they are imported, so call this before any model is imported.
    """
    threads = str(max(1, available_cores() // workers))
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, threads)


def numeric_threads() -> int:
    """Return how many threads a runtime should use: what limit_threads or the user has set."""
    first = os.environ.get(THREAD_VARIABLES[0], '').split(',')[0].strip()
    return max(1, int(first)) if first.isdecimal() else 1


def _quota() -> float:
    """Return the cgroup's CPU quota in cores, at least 1; infinite where there is none."""
    try:
        quota, period = (CGROUP_FOLDER / 'cpu.max').read_text().split()
        return max(1.0, int(quota) / int(period))
    # There is no such file, or its quota is `max`.
    except (OSError, ValueError):
        return math.inf
