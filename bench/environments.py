"""An environment for each peer under tmp/, and the copy of our own tree that is served."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from catalog import BASE_FOLDER, TMP_FOLDER

REQUIREMENTS = 'bench/requirements'
OURS_FOLDER = BASE_FOLDER / 'bench' / 'peers' / 'ours'


def bin_folder(name) -> Path:
    """Return the folder of a peer's programs."""
    return TMP_FOLDER / 'env' / name / 'bin'


def install(name, tree=BASE_FOLDER):
    """Bring a peer's environment up to date: its own packages, then those of the models; notes the size of both.

    `tree` is the one whose requirements are those of `before`.
    """
    sizes = TMP_FOLDER / 'env' / f'{name}.json'
    _venv(name, 'requirements.txt' if name in ('ours', 'before') else f'{REQUIREMENTS}/{name}.txt', tree)
    if not (bin_folder(name).parent / 'installed-models.txt').exists():
        _note(sizes, own=_size(name))
    _venv(name, f'{REQUIREMENTS}/models.txt')
    _note(sizes, whole=_size(name))


def install_sizes(name) -> dict:
    """Return bytes: `own` for the peer's own packages, `whole` with the models' libraries."""
    return json.loads((TMP_FOLDER / 'env' / f'{name}.json').read_text())


def train():
    """Make the forest and the expected answers, once."""
    if not (TMP_FOLDER / 'cases.json').exists():
        subprocess.run([bin_folder('ours') / 'python', 'train.py'], cwd=BASE_FOLDER / 'bench', check=True)


def copy_tree(tree: Path, name: str) -> Path:
    """Copy the service in `tree` to tmp/ with the benchmark's models in its table; returns the copy's folder."""
    copy = TMP_FOLDER / 'trees' / name
    shutil.rmtree(copy, ignore_errors=True)
    for part in ('model_serving', 'conf', 'data', 'docs'):
        shutil.copytree(tree / part, copy / part, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(tree / 'main.py', copy)
    # A model's own conf file names a row that is not in this table.
    for conf in (copy / 'conf').glob('*_model.conf'):
        conf.unlink()
    shutil.copy(OURS_FOLDER / 'routes.py', copy / 'model_serving')
    # An older tree has no async handlers.
    is_async = 'predict_async' in (tree / 'model_serving' / 'resources' / 'model_resource.py').read_text()
    resources = 'bench_resources.py' if is_async else 'def_resources.py'
    shutil.copy(OURS_FOLDER / resources, copy / 'model_serving' / 'resources' / 'bench_resources.py')
    return copy


def packages(name) -> dict:
    """Return the versions of an environment's packages."""
    command = [bin_folder(name) / 'python', '-m', 'pip', 'list', '--format', 'json', '--disable-pip-version-check']
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {package['name'].lower(): package['version'] for package in json.loads(listed)}


def _venv(name, requirements, tree=BASE_FOLDER):
    environment = {**os.environ, 'VENV': str(bin_folder(name).parent)}
    subprocess.run(['sh', tree / 'bin' / 'venv.sh', requirements], cwd=tree, env=environment, check=True)


def _size(name):
    """Return the bytes on disk of an environment's packages, without pip and setuptools, which every one has."""
    folders = bin_folder(name).parent.glob('lib/python*/site-packages/*')
    counted = [folder for folder in folders if not folder.name.startswith(('pip', 'setuptools', '_distutils_hack'))]
    files = [file for folder in counted for file in (folder.rglob('*') if folder.is_dir() else [folder])]
    return sum(file.stat().st_blocks * 512 for file in files if '__pycache__' not in file.parts)


def _note(file, **sizes):
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**known, **sizes}))
