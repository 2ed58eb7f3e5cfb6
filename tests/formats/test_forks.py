"""Models and the fork: a real gunicorn loads each model before it, or in each worker, as its runtime needs.

A runtime that loses threads by the fork waits for ever, but only in a worker's main thread: so that one predicts here.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import TensorProto

from model_serving.utils.cpu_utils import available_cores
from tests.conftest import BASE_FOLDER, proportional_memory

FAKES = BASE_FOLDER / 'tests' / 'fakes'
FILES = {
    'model_serving/resources/main_thread_resource.py': (FAKES / 'main_thread_resource.py').read_text(),
    'model_serving/routes.py': (FAKES / 'main_thread_routes.py').read_text(),
}
RUNTIMES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ('xgboost', 'lightgbm', 'skops', 'torch')]


def xgboost_file(folder, rows, target):
    import xgboost

    path = folder / 'model.ubj'
    xgboost.train({'nthread': 1}, xgboost.DMatrix(rows, target), 30).save_model(path)
    return path, []


def lightgbm_file(folder, rows, target):
    import lightgbm

    path = folder / 'model.txt'
    lightgbm.train({'num_threads': 1, 'verbose': -1}, lightgbm.Dataset(rows, target), 30).save_model(path)
    return path, []


def skops_file(folder, rows, target):
    import skops.io
    from sklearn.ensemble import HistGradientBoostingRegressor

    path = folder / 'model.skops'
    skops.io.dump(HistGradientBoostingRegressor(max_iter=10).fit(rows, target), path)
    return path, skops.io.get_untrusted_types(file=path)


def torch_file(folder, rows, target):
    import torch

    path = folder / 'model.pt2'
    # Wide enough for several threads.
    layers = torch.nn.Linear(5, 100_000), torch.nn.ReLU(), torch.nn.Linear(100_000, 1)
    network = torch.nn.Sequential(*layers).eval()
    count = torch.export.Dim('n', min=1, max=64)
    program = torch.export.export(network, (torch.zeros(2, 5),), dynamic_shapes=({0: count},))
    torch.export.save(program, path)
    return path, []


@pytest.fixture
def make(make_service):
    """A function that starts a service of two workers that predict with a file in their main threads."""

    def make(path, trusted=(), **environment):
        settings = {'file': str(path), 'trusted': list(trusted), 'trust_file': True, 'schema': None}
        environment = {'WORKERS': '2', 'FILE_SETTINGS': json.dumps(settings), **environment}
        service = make_service(FILES, environment, start=False)
        for conf in service.folder.glob('conf/*_model.conf'):
            conf.unlink()
        service.start()
        return service

    return make


def answers_of_all_workers(service, name, instance):
    """Return the results by the process that gave them, when every worker gave some."""
    found = {}
    while set(found) != set(service.worker_pids):
        with ThreadPoolExecutor(8) as threads:
            for answer in threads.map(lambda _: service.post(f'/v1/{name}', json=instance), range(16)):
                assert answer.status_code == 200, answer.text
                found.setdefault(answer.json()['pid'], []).append(json.dumps(answer.json()['result']))
    return found


def result_of_all_workers(service, name, instance):
    """Return the one result that all workers gave."""
    (result,) = {result for results in answers_of_all_workers(service, name, instance).values() for result in results}
    return json.loads(result)


def ends_by_itself(service):
    service.stop()
    return 'SIGKILL' not in service.log


@pytest.fixture(scope='module')
def large_onnx(write_onnx, tmp_path_factory):
    """An ONNX file of 122 MiB."""
    return write_onnx(
        tmp_path_factory.mktemp('large') / 'large.onnx',
        [('Gather', ['table', 'row'], ['y'], {})],
        {'row': (TensorProto.INT64, ['n'])},
        {'y': (TensorProto.FLOAT, ['n', 4000])},
        {'table': np.ones((8000, 4000), np.float32)},
    )


# One thread as the user may set it, and as many as there are for each of two workers.
@pytest.mark.parametrize('environment', [{'OMP_NUM_THREADS': '1'}, {}], ids=['one', 'several'])
def test_classes_and_onnx_files_are_loaded_where_they_say(make, environment, large_onnx):
    service = make(large_onnx, **environment)
    threads = environment.get('OMP_NUM_THREADS') or os.environ.get('OMP_NUM_THREADS')
    threads = threads or str(max(1, available_cores() // 2))
    assert result_of_all_workers(service, 'ThreadsModel', {}) == threads
    for pid, results in answers_of_all_workers(service, 'PidModel', {}).items():
        assert set(results) == {str(pid)}
    assert result_of_all_workers(service, 'SharedPidModel', {}) == service.master_pid
    assert result_of_all_workers(service, 'FileModel', {'row': 5})['y'] == [1.0] * 4000
    if threads == '1':
        # Both workers predict with it from one copy: of two copies there would be more than this.
        assert proportional_memory([service.master_pid, *service.worker_pids]) < 2 * large_onnx.stat().st_size
    shared = 'once for all workers' if threads == '1' else 'in each worker'
    for name, where in (('PidModel', 'in each worker'), ('FileModel', shared)):
        assert where in next(line for line in service.log.splitlines() if f'/v1/{name} ' in line)
    assert ends_by_itself(service)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_a_file_predicts_in_the_main_thread_of_every_worker(make, tmp_path, runtime):
    rows = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    path, trusted = globals()[f'{runtime}_file'](tmp_path, rows, rows[:, 0] * 2)
    # More than one thread each, without which there is nothing to lose.
    service = make(path, trusted, OMP_NUM_THREADS='2')
    instance = {'x': [0.5] * 5} if runtime != 'torch' else {'input': [0.5] * 5}
    result_of_all_workers(service, 'FileModel', instance)
    assert ends_by_itself(service)
