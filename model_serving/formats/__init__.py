"""Models in files: FORMATS says which module reads which suffix.

A module has `load(path, settings)`, which returns an object with `schema`, `result_schema` and `predict(instances)`. It
may also have `typical`, `{property: value}`, if the file tells which values its properties had in training; `dtypes`,
the NumPy types of the properties of instances and of results; `output_name`, that of an only output in the file; and
`takes_arrays` = True, if the values of an instance may be NumPy arrays as well as lists.
Its LOAD_BEFORE_FORK says whether a loaded model survives a fork, so that the workers may share one copy; RUNS_ON_GPU,
if there is one, that it obeys the setting `device`. A module imports its framework, so it is imported only when a file
of its format is served.
"""

import contextlib
import importlib
import sys
from functools import cached_property
from pathlib import Path

from ..serving.errors import StartError
from ..utils.conf_utils import BASE_FOLDER
from . import detect
from .renaming import Renamed
from .schemas import size_of

FORMATS = {
    '.onnx': 'onnx_file',
    '.skops': 'skops_file',
    '.ubj': 'xgboost_file',
    '.json': 'xgboost_file',
    '.txt': 'lightgbm_file',
    '.pt2': 'torch_file',
}
FRAMEWORKS = {
    'onnx_file': 'ONNX',
    'skops_file': 'scikit-learn',
    'xgboost_file': 'XGBoost',
    'lightgbm_file': 'LightGBM',
    'torch_file': 'PyTorch',
}
# The bounds of the largest body, in bytes.
MIN_BODY, MAX_BODY = 2**20, 2**25
ONE_BY_ONE = ', one by one, since a batch would change its results'
# The packages that a format needs beside requirements.txt, for pip.
PACKAGES = {
    'skops_file': 'skops==0.16.0 scikit-learn==1.9.1 pandas==3.1.1',
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
        # A file that cannot be loaded has a URL too, which tells the reason; its format may be unknown.
        self._kind = 'Model'
        # When the service starts, the file is as it is now.
        self._stamp = _stamp(self.path)
        # Whether a batch would change results; known after `schemas`.
        self.is_alone = False

    @cached_property
    def _module(self):
        return _import(self.name, _module_name(self.name, self.path))

    @property
    def load_before_fork(self) -> bool:
        """Tell whether the model survives a fork once it is loaded, so that the workers may share one copy."""
        return self._module.LOAD_BEFORE_FORK and self._settings['device'] == 'cpu'

    def __str__(self):
        size = self.path.stat().st_size + getattr(self._loaded, 'external_size', 0)
        text = f'{size / 2**20:.1f} MiB' if size >= 2**20 else f'{size / 2**10:.1f} KiB'
        return f'{self.name}, {text}{ONE_BY_ONE if self.is_alone else ""}'

    @property
    def summary(self) -> str:
        """What is served, for clients: they need not know the folders of this machine."""
        return f'{self._kind} file {self.path.name if Path(self.name).is_absolute() else self.name}'

    @property
    def platform(self) -> str:
        """What other protocols call the framework of the file."""
        return self._kind.removesuffix(' model').lower()

    @property
    def was_replaced(self) -> bool:
        """Tell whether the file has changed since the service was started, so that workers may answer differently."""
        return _stamp(self.path) != self._stamp

    def __call__(self):
        """Return the model, ready to predict."""
        module = self._module
        self._kind = f'{FRAMEWORKS[module.__name__.rpartition(".")[2]]} model'
        device = self._settings['device']
        if device != 'cpu' and not getattr(module, 'RUNS_ON_GPU', False):
            raise StartError(f'{self.name}: device = {device} is for files of ONNX and PyTorch. Remove it.')
        try:
            self._loaded = module.load(self.path, self._settings)
            if any(self._settings[key] for key in ('inputs', 'outputs', 'classes')):
                self._loaded = Renamed(self._loaded, self._settings)
        except StartError as error:
            raise StartError(f'{self.name}: {error}') from error
        except Exception as error:
            reason = ' '.join(str(error).split())[:500]
            raise StartError(f'{self.name} could not be loaded: {type(error).__name__}: {reason}') from error
        return self._loaded

    def schemas(self) -> tuple[dict, dict]:
        """Return the schemas of an instance and of a result, with the user's patch and with an example.

        The model predicts examples, so call this after the fork. Raises StartError if it fails for each of them.
        """
        # Here, so that a service without model files need not import NumPy.
        from .examples import schemas_of

        try:
            schema, result_schema, self.is_alone = schemas_of(self._loaded, self._settings)
        except StartError as error:
            raise StartError(f'{self.name}: {error}') from error
        return schema, result_schema

    def max_body(self, schema: dict) -> int:
        """Return how large a body may be, in bytes: as the setting says, or as large as the schema's arrays need."""
        return self._settings['max_body'] or min(max(MIN_BODY, size_of(schema)), MAX_BODY)


def _stamp(path):
    """Return what changes when a file is written or replaced; None if there is none."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino


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
