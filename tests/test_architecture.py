"""Rooms have doors: what each folder of model_serving may import, and how long a module may be."""

import ast
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.conftest import BASE_FOLDER

PACKAGE = BASE_FOLDER / 'model_serving'

HTTP = {'flask', 'flask_restful', 'flask_cors', 'flask_swagger_ui', 'werkzeug', 'gunicorn', 'uvicorn', 'http', 'urllib'}
RUNTIMES = {
    'cv2', 'joblib', 'keras', 'lightgbm', 'magika', 'numpy', 'onnxruntime', 'pandas', 'PIL', 'pickle',
    'rapidocr_onnxruntime', 'ray', 'scipy', 'skl2onnx', 'sklearn', 'skops', 'tensorflow', 'torch', 'xgboost',
}  # fmt: skip


class Room(NamedTuple):
    """The rooms that a folder may import from beside itself, and the packages that it must not import."""

    rooms: set
    shut_out: set


ROOMS = {
    'models': Room({'utils', 'serving'}, HTTP),
    'formats': Room({'utils', 'serving'}, HTTP),
    'resources': Room({'models', 'utils'}, RUNTIMES),
    'serving': Room(set(), HTTP | RUNTIMES),
    'utils': Room({'serving'}, RUNTIMES),
    'dialects': Room({'serving', 'utils'}, HTTP | RUNTIMES - {'numpy'}),
    'web': Room({'dialects', 'resources', 'serving', 'utils'}, RUNTIMES),
    'front': Room({'resources', 'serving', 'utils', 'web'}, RUNTIMES),
    'server': Room({'serving', 'utils'}, RUNTIMES | {'flask', 'flask_restful', 'flask_cors'}),
}
TOP = {
    '__init__.py': set(),
    'routes.py': {'models', 'resources', 'serving'},
    'app.py': {'asgi', 'formats', 'resources', 'serving', 'utils', 'web', 'routes'},
    'asgi.py': {'front', 'serving', 'web'},
    'on_ray.py': {'server', 'utils'},
}

MAX_MODULE, MAX_FUNCTION = 200, 30


def modules(folder=PACKAGE):
    return sorted(folder.rglob('*.py'))


def nodes_of(path):
    return ast.walk(ast.parse(path.read_text(encoding='utf-8')))


def imports_of(path):
    """Yield `('own', room)` and `('package', name)` for each import anywhere in a module."""
    folders = path.relative_to(PACKAGE).parent.parts
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*folders[: len(folders) + 1 - node.level], *(node.module or '').split('.')]
            parts = [part for part in base if part] or [alias.name for alias in node.names]
            yield 'own', parts[0]
        elif isinstance(node, ast.ImportFrom):
            yield 'package', node.module.split('.')[0]
        elif isinstance(node, ast.Import):
            yield from (('package', alias.name.split('.')[0]) for alias in node.names)


def length_of(function):
    """Return the number of a function's lines without its docstring."""
    documented = ast.get_docstring(function, clean=False) or ''
    return function.end_lineno - function.lineno + 1 - len(documented.splitlines())


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def test_each_folder_has_its_row():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob('*.py'))}
    assert folders == set(ROOMS)
    assert {path.name for path in PACKAGE.glob('*.py')} == set(TOP)


@pytest.mark.parametrize('room', ROOMS)
def test_a_room_imports_through_its_doors(room):
    faults = []
    for path in modules(PACKAGE / room):
        for kind, name in imports_of(path):
            # `from .. import __version__`
            is_shut = kind == 'own' and name not in {room, '__version__', *ROOMS[room].rooms}
            if is_shut or (kind == 'package' and name in {'model_serving', *ROOMS[room].shut_out}):
                faults.append(f'{name_of(path)}: {name}')
    assert faults == []


def test_only_app_and_asgi_put_things_together():
    for name, rooms in TOP.items():
        assert {found for kind, found in imports_of(PACKAGE / name) if kind == 'own'} <= rooms


def test_serving_needs_no_package_at_all():
    packages = {name for path in modules(PACKAGE / 'serving') for kind, name in imports_of(path) if kind == 'package'}
    assert packages <= sys.stdlib_module_names


def test_resources_open_no_file():
    for path in modules(PACKAGE / 'resources'):
        assert not {node.id for node in nodes_of(path) if isinstance(node, ast.Name)} & {'open', 'Path'}, path


def test_modules_and_functions_are_short():
    for path in modules():
        assert len(path.read_text(encoding='utf-8').splitlines()) <= MAX_MODULE, path
        functions = [node for node in nodes_of(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        assert [node.name for node in functions if length_of(node) > MAX_FUNCTION] == [], path


def test_a_model_can_be_imported_without_flask():
    # In a process of its own: here Flask is imported already.
    code = 'import sys; import model_serving.formats, model_serving.models.digits_model; print(*sys.modules)'
    finished = subprocess.run([sys.executable, '-c', code], cwd=BASE_FOLDER, capture_output=True, text=True, check=True)
    imported = set(finished.stdout.split())
    assert 'model_serving.models.digits_model' in imported
    assert not imported & {'flask', 'flask_restful', 'werkzeug', 'gunicorn'}
