"""Models that can't start: the service says which, which file and why, and does not start; or skips them."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.conftest import BASE_FOLDER, wait_until
from tests.web.conftest import message_of

FAKES = BASE_FOLDER / 'tests' / 'fakes'
MODEL_FILE = 'model_serving/models/unstartable_model.py'
RESOURCE_FILE = 'model_serving/resources/unstartable_resource.py'
SOURCES = {
    'elsewhere.py': FAKES / 'elsewhere.py',
    MODEL_FILE: FAKES / 'unstartable_model.py',
    RESOURCE_FILE: FAKES / 'unstartable_resource.py',
    'model_serving/routes.py': FAKES / 'unstartable_routes.py',
    'model_serving/shipped_routes.py': BASE_FOLDER / 'model_serving' / 'routes.py',
}
FILES = {name: path.read_text() for name, path in SOURCES.items()}
# Where a reason says that the fault is: a file, or a line of it.
IN_MODEL, AT_MODEL = f'({MODEL_FILE})', f'({MODEL_FILE}, line N)'
AT_RESOURCE = f'({RESOURCE_FILE}, line N)'


def reason_in(text):
    """Return a reason with its line's number left out, so that the fakes may change."""
    return re.sub(r', line \d+\)', ', line N)', text)


LOADING = {
    'NoFileModel': f"FileNotFoundError: [Errno 2] No such file or directory: 'data/none.bin' {AT_MODEL}",
    'RaisingModel': f'ValueError: the weights are odd {AT_MODEL}',
    'SilentModel': f'ValueError {AT_MODEL}',
    'ExitingModel': f'SystemExit: 3 {AT_MODEL}',
    'MuteModel': f'Mute: its own text fails with ZeroDivisionError {AT_MODEL}',
    'WordyModel': f'ValueError: The service cannot start. {"x" * 462} {AT_MODEL}',
    'ElsewhereModel': 'ValueError: elsewhere (elsewhere.py, line N)',
    'PanickingModel': f'Panic: panicked {AT_MODEL}',
}
PREDICTING = {
    'NoPredictModel': f'examples[0]: TypeError: NoPredictModel has no method predict(instances). {IN_MODEL}',
    'FailingModel': f'examples[0]: ValueError: no answer to {{}} {AT_MODEL}',
    'ExitingLaterModel': f'examples[0]: RuntimeError: It raised SystemExit. {IN_MODEL}',
    'NoJSONModel': f'examples[0]: TypeError: Type is not JSON serializable: set {IN_MODEL}',
    'PartialModel': f'examples[0]: TypeError: PartialModel has no method predict(instances). {IN_MODEL}',
    'BuiltInModel': 'examples[0]: TypeError: BuiltInModel has no method predict(instances). (model_serving/routes.py)',
}
# In the master, or in each worker.
RAISING = {f'Early{name}': reason for name, reason in LOADING.items()} | LOADING | PREDICTING
WRONG = 'the answer to examples[0] does not fit the result schema'
REASONS = RAISING | {
    'WrongModel': f"{WRONG}: result: 'no number' is not of type 'number' {AT_RESOURCE}",
    'NothingModel': f'the function in its row must return the model, not None {AT_MODEL}',
    'ClassModel': f'the function in its row must return the model, not the class Loaded {AT_MODEL}',
}
# Their handlers fail before they ask the model.
IN_RESOURCE = {
    'MisfitModel': f"examples[1] does not fit its schema: 'text' is a required property {AT_RESOURCE}",
    'MisspeltModel': f"examples[0]: KeyError: 'txt' {AT_RESOURCE}",
    'ConflictModel': f'examples[0] of its schema was answered 409: {{"message":"no"}} {AT_RESOURCE}',
    'PageModel': f'examples[0] of its schema was answered 404: <h1> no {AT_RESOURCE}',
    'TableModel': f'the answer to examples[0] is not JSON: a,b\ufffd {AT_RESOURCE}',
    'PartialMisfitModel': f"examples[0] does not fit its schema: 'text' is a required property {AT_RESOURCE}",
}
MODEL_FILES = {
    'NoFile': 'data/NoFile.onnx: there is no such file',
    'Damaged': 'data/Damaged.onnx could not be loaded',
    'Pickled': 'data/Pickled.onnx is a pickle',
}
LOG_HAS_MORE = 'The service did not start. Its log has more, such as tracebacks: tmp/model-serving-demo.log'
# The first reason counts, although another worker is ended in the middle of its start, which would take 30 s.
ALL = REASONS | IN_RESOURCE | {'OneFailsModel': f'ValueError: the first {AT_MODEL}'}
# In the master, and in each worker; the reasons of most others are those of `skipping` too.
DEFAULT_RUN = ('EarlyRaisingModel', 'FailingModel')


@pytest.mark.parametrize(
    'name', [name if name in DEFAULT_RUN else pytest.param(name, marks=pytest.mark.long) for name in ALL]
)
def test_the_service_does_not_start_and_says_why_in_one_line(make_service, name):
    service = make_service(FILES, {'UNSTARTABLE': name, 'WORKERS': '2'}, start=False)
    finished = service.run('bin/start.sh', timeout=25)
    assert finished.returncode == 1
    # Nothing of the log stands beside the reason, which has the rest.
    reason = f'The service cannot start. /v1/{name}: {ALL[name]}'
    assert reason_in(finished.stderr).splitlines() == [LOG_HAS_MORE, reason]
    if name in RAISING:
        assert 'Traceback (most recent call last):' in service.log
    # The log goes on with what gunicorn says of its end; nothing is left that would listen.
    assert 'Ready. Open' not in service.log
    with pytest.raises(OSError, match='refused'):
        service.get('/health/live')


@pytest.mark.long
def test_an_example_that_takes_too_long(make_service):
    environment = {'UNSTARTABLE': 'SlowModel', 'MODEL_SERVING_SLOWMODEL_TIMEOUT': '0.5'}
    service = make_service(FILES, environment, start=False)
    assert reason_in(service.run('bin/start.sh').stderr).splitlines()[-1] == (
        'The service cannot start. /v1/SlowModel: examples[0] was not answered within 0.5 s. '
        f'Choose a smaller example, or raise `timeout` in the .conf file of SlowModel {AT_RESOURCE}'
    )


@pytest.mark.parametrize(
    'name, reason',
    [
        ('KilledModel', 'SIGKILL! Perhaps out of memory?'),
        pytest.param('SecondLeavesModel', 'exited with code 5', marks=pytest.mark.long),
    ],
)
def test_a_worker_that_dies_while_it_starts_ends_the_start(make_service, name, reason):
    """Gunicorn alone would make new workers for ever."""
    service = make_service(FILES, {'UNSTARTABLE': name, 'WORKERS': '2'}, start=False)
    finished = service.run('bin/start.sh', timeout=60)
    assert finished.returncode == 1
    assert reason in finished.stderr
    assert 'Reason: Not all workers could start.' in finished.stderr
    assert service.log.count('Booting worker') <= 2


@pytest.fixture(scope='module')
def skipping(service_class, tmp_path_factory):
    """A service with all of them, of which none is any good."""
    confs = {f'conf/{name}.conf': f'[model]\nname = {name}\nfile = data/{name}.onnx\n' for name in MODEL_FILES}
    names = ' '.join(REASONS | IN_RESOURCE)
    environment = {'WORKERS': '1', 'MODEL_SERVING_MODEL_ON_ERROR': 'skip', 'UNSTARTABLE': names}
    service = service_class(tmp_path_factory.mktemp('skipping'), {**FILES, **confs}, environment)
    (service.folder / 'data' / 'Damaged.onnx').write_text('no onnx')
    (service.folder / 'data' / 'Pickled.onnx').write_bytes(b'\x80\x04\x95')
    service.start()
    yield service
    service.stop()


def test_models_that_are_skipped_answer_503_with_the_reason_and_readiness_tells_it(skipping):
    ready = skipping.get('/health/ready')
    models = ready.json()['models']
    assert (ready.status_code, ready.json()['status']) == (200, 'ready')
    # Where the files are is in the log only.
    assert str(skipping.folder) not in ready.text
    assert str(skipping.folder) in skipping.log
    for name, reason in (REASONS | IN_RESOURCE | MODEL_FILES).items():
        message = message_of(skipping.get(f'/health/ready?model=/v1/{name}'), 503)
        assert message == f'Not ready: /v1/{name}'
        assert reason_in(models[f'/v1/{name}']).startswith(reason)
        if name not in IN_RESOURCE:
            answered = reason_in(message_of(skipping.post(f'/v1/{name}', {}), 503))
            assert answered.startswith(f'{name} is not ready: {reason}')
    listed = {model['name']: model['state'] for model in skipping.get('/v1').json()['models']}
    for name in REASONS | IN_RESOURCE | MODEL_FILES:
        told = skipping.get(f'/v1/{name}')
        assert (told.status_code, told.json()['state'], listed[name]) == (200, 'not ready', 'not ready')
        assert told.json()['problem'] == models[f'/v1/{name}']
        # What is known: a file tells nothing until it is loaded.
        assert (told.json()['schema'] is None) == (name in MODEL_FILES)
    assert listed['WineModel'] == 'ready'
    assert models['/v1/XXXModel'] == models['/v1/WineModel'] == 'ready'
    assert skipping.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    assert 'There are: /v1/' in message_of(skipping.get('/health/ready?model=/v1/None'), 404)
    for path in ('/health/live', '/openapi.json', '/health/ready?model=/v1/XXXModel'):
        assert skipping.get(path).status_code == 200


@pytest.mark.long
def test_a_worker_that_is_made_later_lives_whatever_its_models_do(make_service):
    """Models of a class and of a file, both loaded in each worker, of a service that stops where they can't start."""
    environment = {'WORKERS': '1', 'OMP_NUM_THREADS': '2', 'UNSTARTABLE': 'FileModel'}
    service = make_service({**FILES, 'data/starting.txt': 'good'}, environment)
    assert service.get('/health/ready').status_code == 200
    wine = service.post('/v1/WineModel').json()['example']
    file, wine_file = service.folder / 'data' / 'starting.txt', service.folder / 'data' / 'wine.onnx'
    away = wine_file.rename(service.folder / 'data' / 'away.onnx')
    for what, reason in (('exit', 'SystemExit: 3'), ('raise', 'ValueError: raised'), ('bad', 'the answer to examples')):
        file.write_text(what)
        replace_worker(service)
        reasons = {'/v1/FileModel': reason, '/v1/WineModel': 'data/wine.onnx could not be loaded'}
        models = service.get('/health/ready').json()['models']
        for path, told in reasons.items():
            assert told in models[path]
            assert told in message_of(service.post(path, wine), 503)
        assert service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200
    file.write_text('good')
    away.rename(wine_file)
    replace_worker(service)
    assert service.get('/health/ready').status_code == 200


def replace_worker(service):
    """Kill the only worker, as the system does for memory, and wait until another one answers."""
    (pid,) = service.worker_pids
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: service.worker_pids not in ([pid], []))
    assert service.get('/health/live').status_code == 200
    assert Path(f'/proc/{service.master_pid}').exists()
