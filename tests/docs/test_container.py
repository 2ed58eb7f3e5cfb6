"""conf/Dockerfile: what can be tried of it without an engine for containers, and without the platforms.

The tests marked long run its command with bubblewrap as in a container: nothing can be written but /tmp and /dev/shm,
its user is a number without a name and a home, and it is the first process of its own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from hashlib import sha256

import pytest
import requests

from tests.conftest import BASE_FOLDER, children, free_port
from tests.docs.following import text_of
from tests.docs.running import running

DOCKERFILE = [line for line in text_of('conf/Dockerfile').splitlines() if not line.startswith('#')]
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE]
COPIES = [arguments.split() for step, arguments in STEPS if step == 'COPY']
COMMAND = json.loads(dict(STEPS)['ENTRYPOINT'])
# This environment's packages, here and in a container.
HOST, CONTAINER = ({'PATH': f'{folder}/bin:{os.environ["PATH"]}'} for folder in (sys.prefix, '/tmp/packages'))
# As `docker stop` waits before it kills; a container that answers nothing has no reason to wait.
STOP = 10

LEO = {'instances': [{'name': 'Leo'}], 'parameters': {'confidence': 0.5}}
PREDICTIONS = {'predictions': ['Hello, Leo!']}
DEFAULT_MODEL = {'MODEL_SERVING_SERVING_DEFAULT_MODEL': 'XXXModel'}
VERTEX = '/v1/endpoints/7/deployedModels/8'
# For the ten seconds that it waits before it kills; tests/server/test_signals.py shows what it does.
CLOUD_RUN_ARGUMENTS = '--graceful-timeout=8'
# What a platform sets, the variable of its port, the words that it adds, and the paths for health and predictions.
PLATFORMS = {
    'Cloud Run': (
        {'K_SERVICE': 'a', 'GUNICORN_CMD_ARGS': CLOUD_RUN_ARGUMENTS},
        'PORT',
        [],
        '/health/live',
        '/v1/models/XXXModel:predict',
    ),
    'Vertex AI': (
        {**DEFAULT_MODEL, 'AIP_HEALTH_ROUTE': VERTEX, 'AIP_PREDICT_ROUTE': f'{VERTEX}:predict'},
        'AIP_HTTP_PORT',
        [],
        VERTEX,
        f'{VERTEX}:predict',
    ),
    'SageMaker': (DEFAULT_MODEL, 'PORT', ['serve'], '/ping', '/invocations'),
}


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """A folder with just what the Dockerfile copies; nothing in it may be written."""
    folder = tmp_path_factory.mktemp('image') / 'app'
    folder.mkdir()
    for *sources, target in COPIES:
        subprocess.run(['cp', '-r', *sources, folder / target], cwd=BASE_FOLDER, check=True)
    # As conf/Dockerfile.dockerignore says.
    (folder / 'conf' / 'api_keys').unlink(missing_ok=True)
    subprocess.run(['chmod', '-R', 'a-w', folder], check=True)
    yield folder
    subprocess.run(['chmod', '-R', 'u+w', folder], check=True)


def contained(image, *words, mounts=()):
    """Return the command that runs the image as a container, with `mounts` from the host: pairs of paths."""
    program = shutil.which('bwrap')
    assert program, 'There is no bwrap. Install it: apt-get install bubblewrap'
    user, group = dict(STEPS)['USER'].split(':')
    binds = [
        word for pair in ((image, '/tmp/app'), (sys.prefix, '/tmp/packages'), *mounts) for word in ('--ro-bind', *pair)
    ]
    return [
        program, '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', *binds,
        '--unshare-user', '--uid', user, '--gid', group, '--unshare-pid', '--as-pid-1', '--die-with-parent',
        '--chdir', '/tmp/app', *words,
    ]  # fmt: skip


def assert_answers(url, health, predict):
    assert requests.get(url + health, timeout=10).status_code == 200
    assert requests.post(url + predict, json=LEO, timeout=10).json() == PREDICTIONS


def test_the_dockerfile_is_short_and_its_user_is_a_number():
    assert len(text_of('conf/Dockerfile').splitlines()) <= 20
    user, _ = dict(STEPS)['USER'].split(':')
    assert int(user) > 0
    assert '-f conf/Dockerfile -t model-serving' in text_of('docs/deploy-container.md')
    assert f'GUNICORN_CMD_ARGS={CLOUD_RUN_ARGUMENTS}' in text_of('docs/deploy-managed.md')


def test_nothing_is_sent_to_the_builder_but_what_is_copied():
    first, *patterns = [line for line in text_of('conf/Dockerfile.dockerignore').splitlines() if line[0] != '#']
    assert first == '*'
    assert {line[1:] for line in patterns if line[0] == '!'} == {name for *names, _ in COPIES for name in names}
    assert [line for line in patterns if line[0] != '!'] == ['conf/api_keys*', '**/__pycache__']
    # The last pattern that fits counts.
    assert [line[0] != '!' for line in patterns] == sorted(line[0] != '!' for line in patterns)


def test_what_the_dockerfile_copies_is_enough(image):
    """As SageMaker runs it: with one more word."""
    environment, port, words, health, predict = PLATFORMS['SageMaker']
    with running([*COMMAND, *words], image, HOST | environment, STOP, port) as url:
        assert 'Model Serving Demo' in requests.get(url, timeout=10).text
        assert_answers(url, health, predict)


@pytest.mark.long
@pytest.mark.parametrize('platform', PLATFORMS)
def test_a_container_answers_as_the_platform_asks(image, platform):
    environment, port, words, health, predict = PLATFORMS[platform]
    command = contained(image, *COMMAND, *words)
    with running(command, image, CONTAINER | environment, STOP, port, is_contained=True) as url:
        assert_answers(url, health, predict)


@pytest.mark.long
def test_nothing_can_be_written_in_the_container_of_these_tests(image):
    script = 'id -u; echo $$; for file in conf/x /var/x ~/x /tmp/x /dev/shm/x; do touch $file; echo $?; done'
    command = contained(image, 'sh', '-c', script)
    finished = subprocess.run(command, env=CONTAINER | {'HOME': '/'}, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ['10001', '1', '1', '1', '1', '0', '0']


@pytest.mark.long
def test_models_and_keys_can_be_mounted(image, tmp_path):
    conf, data, keys = tmp_path / 'conf', tmp_path / 'data', tmp_path / 'keys'
    shutil.copytree(image / 'conf', conf)
    shutil.copytree(image / 'data', data)
    for folder in (conf, data):
        folder.chmod(0o755)
    keys.mkdir()
    shutil.copy(data / 'wine.onnx', data / 'mounted.onnx')
    (conf / 'mounted_model.conf').write_text('[model]\nname = MountedModel\nfile = data/mounted.onnx\n')
    (keys / 'api_keys').write_text(f'shop {sha256(b"key").hexdigest()}\n')
    mounts = (conf, '/tmp/app/conf'), (data, '/tmp/app/data'), (keys, '/tmp/keys')
    environment = CONTAINER | {'MODEL_SERVING_SERVING_API_KEYS': '/tmp/keys/api_keys'}
    command = contained(image, *COMMAND, mounts=mounts)
    with running(command, image, environment, STOP, is_contained=True, key='key') as url:
        assert requests.get(f'{url}/v2/models/MountedModel', headers={'X-API-Key': 'key'}, timeout=10).ok
        assert requests.get(f'{url}/v2/models/MountedModel', timeout=10).status_code == 401


@pytest.mark.long
def test_sigterm_ends_a_container_that_still_loads_its_models(image, tmp_path):
    """Linux keeps a signal from the first process of a container that has no handler for it."""
    routes = tmp_path / 'routes.py'
    routes.write_text("import time\n\nprint('loading', flush=True)\ntime.sleep(60)\n")
    command = contained(image, *COMMAND, mounts=[(routes, '/tmp/app/model_serving/routes.py')])
    environment = CONTAINER | {'PORT': str(free_port())}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as started:
        assert any('loading' in line for line in started.stdout)
        (first,) = children(started.pid)
        os.kill(first, signal.SIGTERM)
        assert started.wait(STOP) == 128 + signal.SIGTERM


@pytest.mark.long
def test_a_container_that_was_told_to_replace_its_workers_still_ends_gracefully(image):
    """HUP has gunicorn read conf/gunicorn.conf.py again."""
    with running(contained(image, *COMMAND), image, CONTAINER, STOP, is_contained=True, hang_up=True) as url:
        assert_answers(url, '/health/live', '/v1/models/XXXModel:predict')
