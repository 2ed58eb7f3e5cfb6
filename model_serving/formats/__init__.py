"""Models in files: FORMATS says which module reads which suffix.

A module has `load(path, settings)`, which returns an object with `schema`, `result_schema` and `predict(instances)`.
Its LOAD_BEFORE_FORK says whether a loaded model survives a fork, so that the workers may share one copy. A module
imports its framework, so it is imported only when a file of its format is served.
"""

import importlib
import logging
import sys
from functools import cached_property

import jsonschema_rs
import orjson

from ..serving.errors import StartError
from ..utils.conf_utils import BASE_FOLDER
from . import detect
from .schemas import example_of, patched

LOGGER = logging.getLogger('formats')
FORMATS = {
    '.onnx': 'onnx_file',
    '.skops': 'skops_file',
    '.ubj': 'xgboost_file',
    '.json': 'xgboost_file',
    '.txt': 'lightgbm_file',
    '.pt2': 'torch_file',
}
# The largest example that is made up, in bytes of JSON: the page shows it.
MAX_MADE_UP = 32 * 1024
NO_EXAMPLE = '%s: no example could be made (%s). Add one to a JSON file that `schema = …` names.'
NO_RESULT_SCHEMA = '%s: its results are not as the file describes them, so they are not documented: %.200s'
# The packages that a format needs beside requirements.txt, for pip.
PACKAGES = {
    'skops_file': 'skops==0.16.0 scikit-learn==1.9.1',
    'xgboost_file': 'xgboost-cpu==3.2.0',
    'lightgbm_file': 'lightgbm==4.7.0',
    'torch_file': 'torch==2.13.0',
}


class ModelFile:
    """Loads a model file when it is called. `settings` are the model's settings.

    Each method raises StartError with one line: the file, what is wrong, and the fix.
    """

    def __init__(self, settings: dict):
        self.name = settings['file']
        self.path = BASE_FOLDER / self.name
        self._settings = settings
        self._loaded = None

    @cached_property
    def _module(self):
        return _import(self.name, _module_name(self.name, self.path))

    @property
    def load_before_fork(self) -> bool:
        """Tell whether the model survives a fork once it is loaded, so that the workers may share one copy."""
        return self._module.LOAD_BEFORE_FORK

    def __str__(self):
        size = self.path.stat().st_size
        return f'{self.name}, {size / 2**20:.1f} MiB' if size >= 2**20 else f'{self.name}, {size / 2**10:.1f} KiB'

    def __call__(self):
        """Return the model, ready to predict."""
        module = self._module
        try:
            self._loaded = module.load(self.path, self._settings)
        except StartError as error:
            raise StartError(f'{self.name}: {error}') from error
        except Exception as error:
            reason = ' '.join(str(error).split())[:500]
            raise StartError(f'{self.name} could not be loaded: {type(error).__name__}: {reason}') from error
        return self._loaded

    def schemas(self) -> tuple[dict, dict]:
        """Return the schemas of an instance and of a result, with the user's patch and with an example.

        The model predicts the example, so call this after the fork.
        """
        return _schemas(self._loaded, self._settings)


def _module_name(name, path):
    """Return which module reads the file; raises StartError for a file that is not served."""
    if not path.exists():
        raise StartError(f'{name}: there is no such file ({path}).')
    if path.is_dir() and not detect.kind_of(path):
        raise StartError(f'{name} is a folder, not the file of a model.')
    kind = detect.kind_of(path)
    if kind and not kind.suffix:
        raise StartError(f'{name} is {kind.name}: {kind.advice.format(name=name)}')
    suffix = kind.suffix if kind else path.suffix.lower()
    if suffix not in FORMATS:
        known = ', '.join(FORMATS)
        raise StartError(f'{name}: unknown file type. Supported: {known}')
    # Only ONNX files have no signature.
    if not kind and suffix != '.onnx':
        raise StartError(f'{name} is damaged, or it is not {detect.NAMES[suffix]}.')
    return FORMATS[suffix]


def _import(name, module_name):
    try:
        return importlib.import_module(f'.{module_name}', __package__)
    except ImportError as error:
        install = f'{sys.executable} -m pip install {PACKAGES.get(module_name, "-r requirements.txt")}'
        raise StartError(f'{name} needs a package that is not installed ({error}). Install it: {install}') from error
    except OSError as error:
        if 'libgomp' not in str(error):
            raise
        raise StartError(f'{name} needs the library libgomp. On Debian and Ubuntu: apt-get install libgomp1') from error


def _schemas(loaded, settings):
    """Return the patched schemas. If the user gives no example, make one up and let the model predict it."""
    schema, result_schema = patched(loaded.schema, settings), loaded.result_schema
    if 'examples' in schema:
        return schema, result_schema
    example = example_of(schema)
    try:
        if not jsonschema_rs.is_valid(schema, example):
            raise ValueError('it does not fit the schema')
        result = orjson.loads(orjson.dumps(loaded.predict([example])[0], option=orjson.OPT_SERIALIZE_NUMPY))
    except Exception as error:
        LOGGER.warning(NO_EXAMPLE, settings['file'], error)
        return schema, result_schema
    if not jsonschema_rs.is_valid(result_schema, result):
        LOGGER.warning(NO_RESULT_SCHEMA, settings['file'], result)
        result_schema = {}
    if len(orjson.dumps(example)) <= MAX_MADE_UP:
        schema = {**schema, 'examples': [example]}
    return schema, result_schema
