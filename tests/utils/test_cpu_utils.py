import os
import subprocess
import sys

import pytest

from model_serving.utils import cpu_utils
from model_serving.utils.conf_utils import BASE_FOLDER


@pytest.fixture(autouse=True)
def cgroup(tmp_path, monkeypatch):
    """A folder in the place of the system's cgroup, on a machine of 16 cores."""
    monkeypatch.setattr(cpu_utils, 'CGROUP_FOLDER', tmp_path)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(16)))
    return tmp_path


@pytest.mark.parametrize('quota, cores', [(None, 16), ('max', 16), (400000, 4), (150000, 1), (50000, 1), (9900000, 16)])
def test_the_cores_of_a_container_are_those_of_its_quota(cgroup, quota, cores):
    if quota:
        (cgroup / 'cpu.max').write_text(f'{quota} 100000\n')
    assert cpu_utils.available_cores() == cores


@pytest.mark.parametrize('workers, threads', [(1, 16), (3, 5), (16, 1), (40, 1)])
def test_each_worker_gets_its_share_of_the_cores(monkeypatch, workers, threads):
    monkeypatch.setattr(os, 'environ', {})
    cpu_utils.limit_threads(workers)
    assert {os.environ[name] for name in cpu_utils.THREAD_VARIABLES} == {str(threads)}
    assert cpu_utils.numeric_threads() == threads


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.setattr(os, 'environ', {'OMP_NUM_THREADS': '7,2'})
    cpu_utils.limit_threads(4)
    assert (os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS']) == ('7,2', '4')
    assert cpu_utils.numeric_threads() == 7


def test_a_process_bound_to_one_core_has_one():
    code = 'import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]); '
    code += 'from model_serving.utils.cpu_utils import available_cores; print(available_cores())'
    finished = subprocess.run([sys.executable, '-c', code], cwd=BASE_FOLDER, capture_output=True, text=True)
    assert finished.stdout == '1\n', finished.stderr
