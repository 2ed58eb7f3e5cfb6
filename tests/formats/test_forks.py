"""Models and the fork: a real gunicorn loads each model before it, or in each worker, as its runtime needs."""

import os

import numpy as np
import pytest

from model_serving.utils.cpu_utils import available_cores
from tests.conftest import proportional_memory
from tests.formats.answers import banner, result_of_all_workers, results_of_all_workers
from tests.formats.files import write_onnx


# One thread as the user may set it, and as many as there are for each of two workers.
@pytest.mark.parametrize('environment', [{'OMP_NUM_THREADS': '1'}, {}], ids=['one', 'several'])
def test_classes_and_onnx_files_are_loaded_where_they_say(in_main_threads, tmp_path, environment):
    large = write_onnx(
        tmp_path / 'large.onnx',
        '(int64[n] row) => (float[n, 4000] y) { y = Gather(table, row) }',
        {'table': np.ones((8000, 4000), np.float32)},
    )
    service = in_main_threads(large, **environment)
    threads = environment.get('OMP_NUM_THREADS') or os.environ.get('OMP_NUM_THREADS')
    threads = threads or str(max(1, available_cores() // 2))
    assert result_of_all_workers(service, 'ThreadsModel', {}) == threads
    assert all(result == str(pid) for pid, result in results_of_all_workers(service, 'PidModel', {}))
    assert result_of_all_workers(service, 'SharedPidModel', {}) == service.master_pid
    assert result_of_all_workers(service, 'FileModel', {'row': 5})['y'] == [1.0] * 4000
    if threads == '1':
        # Both workers predict with it from one copy: of two copies there would be more than this.
        assert proportional_memory([service.master_pid, *service.worker_pids]) < 2 * large.stat().st_size
    assert 'in each worker' in banner(service, 'PidModel')
    assert ('once for all workers' if threads == '1' else 'in each worker') in banner(service, 'FileModel')
    service.stop()
    assert 'SIGKILL' not in service.log
