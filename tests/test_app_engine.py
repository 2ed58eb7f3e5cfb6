"""What `gcloud app deploy` would upload serves as App Engine runs it.

The tests marked appengine need Google's own parser of app.yaml, or install the packages anew.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from tests.conftest import BASE_FOLDER, children, free_port, proportional_memory, wait_until
from tests.docs.following import blocks, text_of

APP_YAML = yaml.safe_load((BASE_FOLDER / 'app.yaml').read_text(encoding='utf-8'))
# MB of memory of each class of instances, and files that may be uploaded.
F1_MEMORY, MAX_FILES, MAX_FILE_SIZE = 384, 10_000, 32 * 2**20


def uploaded_files(folder, scratch):
    """Return the paths in `folder` that its .gcloudignore leaves: it has the form of a .gitignore, so git reads it."""
    empty = scratch / 'empty.git'
    subprocess.run(['git', 'init', '--quiet', '--bare', empty], check=True)
    repository = ['git', f'--git-dir={empty}', f'--work-tree={folder}']
    command = [*repository, 'ls-files', '-z', '--others', '--exclude-from=.gcloudignore']
    names = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return sorted(names.split('\0')[:-1])


@pytest.fixture(scope='module')
def deployed(tmp_path_factory):
    """A folder with just what is uploaded; nothing in it may be written."""
    folder = tmp_path_factory.mktemp('app engine') / 'srv'
    for name in uploaded_files(BASE_FOLDER, tmp_path_factory.mktemp('git')):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BASE_FOLDER / name, target)
        target.chmod(0o444)
    folders = [path for path in folder.rglob('*') if path.is_dir()] + [folder]
    for path in folders:
        path.chmod(0o555)
    yield folder
    for path in folders:
        path.chmod(0o755)


@contextlib.contextmanager
def instance(folder, packages, log):
    """Run the entrypoint of app.yaml as App Engine does, with the packages of an environment; yields its URL and pid.

    At its end it is told to end, and does so without an error.
    """
    port = free_port()
    environment = {
        'PATH': f'{packages / "bin"}:/usr/bin:/bin',
        'PORT': str(port),
        'GAE_ENV': 'standard',
        # As where nothing can be written: no cache of compiled modules.
        'PYTHONDONTWRITEBYTECODE': '1',
        **APP_YAML['env_variables'],
    }
    command = ['sh', '-c', f'exec {APP_YAML["entrypoint"]}']
    with open(log, 'w') as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: 'Ready. Open' in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield f'http://127.0.0.1:{port}', process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()


def assert_serves(folder, packages, log):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob('*')}
    with instance(folder, packages, log) as (url, pid):
        answer = requests.post(f'{url}/v1/XXXModel', json={'name': 'Leo'}, timeout=30)
        assert answer.json() == {'result': 'Hello, Leo!'}
        pages = ('/', '/page/page.css', '/jquery.min.js', '/docs/', '/openapi.json')
        for path in ('/_ah/warmup', '/health/ready', *pages):
            assert requests.get(url + path, timeout=30).status_code == 200, path
        assert proportional_memory([pid, *children(pid)]) < F1_MEMORY / 2 * 2**20
        document = requests.get(f'{url}/openapi.json', timeout=30).json()
        assert {'/v1/XXXModel', '/v1/DigitsModel', '/v1/WineModel'} <= set(document['paths'])
    # Root can write in spite of the folder's mode, so this shows that nobody tried.
    assert {path: path.stat().st_mtime_ns for path in folder.rglob('*')} == before


def test_app_yaml():
    assert APP_YAML['runtime'] == 'python314'
    assert '$PORT' in APP_YAML['entrypoint']
    assert APP_YAML['handlers'] == [{'url': '/.*', 'script': 'auto'}]
    assert APP_YAML['inbound_services'] == ['warmup']
    # gcloud refuses skip_files where there is a .gcloudignore.
    assert 'skip_files' not in APP_YAML
    # Where there is an entrypoint App Engine installs no gunicorn of its own.
    assert re.search('^gunicorn==', (BASE_FOLDER / 'requirements.txt').read_text(encoding='utf-8'), re.MULTILINE)


def test_what_is_uploaded(tmp_path):
    files = uploaded_files(BASE_FOLDER, tmp_path)
    assert {name.split('/')[0] for name in files} == {
        'app.yaml', 'conf', 'constraints.txt', 'data', 'docs', 'main.py', 'model_serving', 'requirements.txt',
    }  # fmt: skip
    assert {'data/digits.onnx', 'data/wine.onnx', 'docs/index.html', 'docs/page/page.js'} <= set(files)
    assert not [name for name in files if re.search(r'^(data|docs)/.*\.py$|__pycache__|heldout', name)]
    assert len(files) < MAX_FILES
    assert max((BASE_FOLDER / name).stat().st_size for name in files) < MAX_FILE_SIZE


def test_what_is_uploaded_serves_as_app_engine_runs_it(deployed, tmp_path):
    assert_serves(deployed, Path(sys.prefix), tmp_path / 'log')


@pytest.mark.appengine
def test_google_parses_app_yaml():
    from google.appengine.api import appinfo

    app = appinfo.LoadSingleAppInfo((BASE_FOLDER / 'app.yaml').read_text(encoding='utf-8'))
    assert (app.runtime, app.instance_class, app.inbound_services) == ('python314', 'F1', ['warmup'])
    assert app.automatic_scaling.max_instances == 1
    assert app.env_variables == {'WORKERS': '1', 'THREADS': '8'}


@pytest.mark.appengine
def test_google_parses_the_scaling_of_the_guide():
    from google.appengine.api import appinfo

    (scaling,) = [block.text for block in blocks(text_of('docs/deploy-app-engine.md')) if 'min_idle' in block.text]
    own = (BASE_FOLDER / 'app.yaml').read_text(encoding='utf-8')
    app = re.sub(r'^automatic_scaling:\n(( .*)?\n)*', f'{scaling}\n', own, flags=re.MULTILINE)
    found = appinfo.LoadSingleAppInfo(app).automatic_scaling
    assert (found.min_idle_instances, found.target_cpu_utilization, found.max_concurrent_requests) == ('1', 0.6, '80')
    with pytest.raises(Exception, match='Unexpected attribute'):
        appinfo.LoadSingleAppInfo(app.replace('min_idle', 'min_idel'))


@pytest.mark.appengine
@pytest.mark.timeout(600)
def test_it_serves_with_just_the_packages_of_requirements_txt(deployed, tmp_path):
    packages = tmp_path / 'packages'
    subprocess.run([sys.executable, '-m', 'venv', packages], check=True)
    install = [packages / 'bin' / 'pip', 'install', '--quiet', '--requirement', 'requirements.txt']
    subprocess.run(install, cwd=deployed, check=True)
    assert_serves(deployed, packages, tmp_path / 'log')


@pytest.mark.appengine
@pytest.mark.timeout(600)
def test_every_package_has_a_wheel_for_the_python_of_app_yaml(tmp_path):
    # docopt is Python alone, and so can be built anywhere; pip looks for another Python's packages as wheels only.
    lines = (BASE_FOLDER / 'requirements.txt').read_text(encoding='utf-8').splitlines()
    (tmp_path / 'requirements.txt').write_text('\n'.join(line for line in lines if not line.startswith('docopt')))
    shutil.copy(BASE_FOLDER / 'constraints.txt', tmp_path)
    version = re.fullmatch(r'python3(\d+)', APP_YAML['runtime'])[1]
    command = [
        sys.executable, '-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--target', tmp_path / 'none',
        '--only-binary=:all:', '--python-version', f'3.{version}', '--platform', 'manylinux_2_28_x86_64',
        '--platform', 'manylinux_2_17_x86_64', '--requirement', tmp_path / 'requirements.txt',
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert 'Would install' in finished.stdout
