"""Models and the fork: a real gunicorn loads before it, or in each worker, as each runtime bears.

What a runtime loses by the fork makes it wait for ever, and only in a worker's main thread: so here that thread
predicts, without the batcher's. One test for each runtime breaks the rule and sees the hang.
"""

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import TensorProto

from model_serving.utils.cpu_utils import available_cores
from tests.conftest import BASE_FOLDER

SERVER = {'GUNICORN_CMD_ARGS': '--graceful-timeout 2'}
# What starts takes some seconds; what hangs, for ever.
DEADLINE = 20
RUNTIMES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ('xgboost', 'lightgbm', 'skops', 'torch')]

MODEL = """
import os


class PidModel:
    def __init__(self):
        self.pid = os.getpid()

    def predict(self, instances):
        return [self.pid] * len(instances)


class SharedPidModel(PidModel):
    load_before_fork = True


class ThreadsModel:
    def predict(self, instances):
        return [os.environ['OMP_NUM_THREADS']] * len(instances)
"""
ROUTES = """
from .models.pid_model import PidModel, SharedPidModel, ThreadsModel  # noqa: E402
from .resources.file_resource import file_resource  # noqa: E402

ROUTES += tuple(
    Route(f'/v1/{model.__name__}', file_resource(model.__name__, {'type': 'object', 'examples': [{}]}, {}), model)
    for model in (PidModel, SharedPidModel, ThreadsModel)
)
"""


def in_the_thread_of_the_request() -> dict:
    """Return the files by which a worker's main thread, that of its event loop, predicts and says its process."""
    text = (BASE_FOLDER / 'model_serving' / 'resources' / 'file_resource.py').read_text()
    by_batcher = "{'result': await self.predict_async(instance)}"
    assert by_batcher in text
    here = "{'result': self.model.predict([instance])[0], 'pid': __import__('os').getpid()}"
    return {'model_serving/resources/file_resource.py': text.replace(by_batcher, here)}


def rule_broken(runtime) -> dict:
    """Return the files by which the runtime's files are loaded, and predict, before the fork."""
    name = f'model_serving/formats/{runtime}_file.py'
    text = (BASE_FOLDER / name).read_text()
    assert 'PREDICT_BEFORE_FORK = False' in text
    return {name: text.replace('BEFORE_FORK = False', 'BEFORE_FORK = True')}


def xgboost_file(folder, rows, target):
    import xgboost

    path = folder / 'model.ubj'
    xgboost.train({'nthread': 1}, xgboost.DMatrix(rows, target), 30).save_model(path)
    return path, ''


def lightgbm_file(folder, rows, target):
    import lightgbm

    path = folder / 'model.txt'
    lightgbm.train({'num_threads': 1, 'verbose': -1}, lightgbm.Dataset(rows, target), 30).save_model(path)
    return path, ''


def skops_file(folder, rows, target):
    import skops.io
    from sklearn.ensemble import HistGradientBoostingRegressor

    path = folder / 'model.skops'
    skops.io.dump(HistGradientBoostingRegressor(max_iter=10).fit(rows, target), path)
    return path, f'trusted = {", ".join(skops.io.get_untrusted_types(file=path))}'


def torch_file(folder, rows, target):
    import torch

    path = folder / 'model.pt2'
    # Wide enough for several threads.
    layers = torch.nn.Linear(5, 100_000), torch.nn.ReLU(), torch.nn.Linear(100_000, 1)
    network = torch.nn.Sequential(*layers).eval()
    count = torch.export.Dim('n', min=1, max=64)
    program = torch.export.export(network, (torch.zeros(2, 5),), dynamic_shapes=({0: count},))
    torch.export.save(program, path)
    return path, 'trust_file = yes'


@pytest.fixture
def make(make_service, tmp_path):
    """A function that returns a service of two workers with a file of the runtime, not started."""

    def make(runtime, server, files=None):
        rows = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
        path, lines = globals()[f'{runtime}_file'](tmp_path, rows, rows[:, 0] * 2)
        conf = f'[model]\nname = FileModel\nfile = {path}\n{lines}\n'
        files = {'conf/file_model.conf': conf, **in_the_thread_of_the_request(), **(files or {})}
        # More than one thread each, without which there is nothing to lose.
        return make_service(files, {'WORKERS': '2', 'OMP_NUM_THREADS': '2', **server}, start=False)

    return make


def answers_of_all_workers(service, name, instance):
    """Return the results by the process that gave them, when every worker gave some."""
    found = {}
    while set(found) != set(service.worker_pids):
        with ThreadPoolExecutor(8) as threads:
            for answer in threads.map(lambda _: service.post(f'/v1/{name}', json=instance), range(16)):
                assert answer.status_code == 200, answer.text
                found.setdefault(answer.json()['pid'], []).append(answer.json()['result'])
    return found


def results_of_all_workers(service, name, instance) -> list:
    return [result for results in answers_of_all_workers(service, name, instance).values() for result in results]


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
@pytest.mark.parametrize('server', [{**SERVER, 'OMP_NUM_THREADS': '1'}, SERVER], ids=['one', 'several'])
def test_classes_and_onnx_files_are_loaded_where_they_say(make_service, server, large_onnx):
    files = {
        'conf/large.conf': f'[model]\nname = Large\nfile = {large_onnx}\n',
        'model_serving/models/pid_model.py': MODEL,
        'model_serving/routes.py': (BASE_FOLDER / 'model_serving' / 'routes.py').read_text() + ROUTES,
        **in_the_thread_of_the_request(),
    }
    service = make_service(files, {'WORKERS': '2', **server})
    threads = server.get('OMP_NUM_THREADS') or os.environ.get('OMP_NUM_THREADS') or str(max(1, available_cores() // 2))
    assert set(results_of_all_workers(service, 'ThreadsModel', {})) == {threads}
    for pid, results in answers_of_all_workers(service, 'PidModel', {}).items():
        assert set(results) == {pid}
    assert set(results_of_all_workers(service, 'SharedPidModel', {})) == {service.master_pid}
    (wine,) = json.loads((BASE_FOLDER / 'conf' / 'wine_model.schema.json').read_text())['examples']
    assert {result['label'] for result in results_of_all_workers(service, 'WineModel', wine)} == {'cultivar 1'}
    if threads == '1':
        (total,) = re.findall(r'memory of all processes (\d+)\.\d MiB', service.log)
        # Both workers predict with it from one copy: of two copies there would be more than this.
        assert int(total) * 2**20 < 2 * large_onnx.stat().st_size
    shared = 'once for all workers' if threads == '1' else 'in each worker'
    for name, where in (('PidModel', 'in each worker'), ('WineModel', shared)):
        assert where in next(line for line in service.log.splitlines() if f'/v1/{name} ' in line)
    assert ends_by_itself(service)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_a_file_predicts_in_the_main_thread_of_every_worker(make, runtime):
    service = make(runtime, SERVER)
    service.start()
    instance = {'x': [0.5] * 5} if runtime != 'torch' else {'input': [0.5] * 5}
    assert len(set(results_of_all_workers(service, 'FileModel', instance))) == 1
    assert ends_by_itself(service)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_before_the_fork_it_hangs(make, runtime):
    service = make(runtime, SERVER, rule_broken(runtime))
    with pytest.raises(subprocess.TimeoutExpired):
        service.run('bin/start.sh', timeout=DEADLINE)
    assert 'Traceback' not in service.log
