"""Reads the settings from conf/*.conf and from the environment, once, at start-up."""

import logging
import os
from pathlib import Path

from ..serving.errors import StartError
from . import conf_file, params
from .conf_file import OWN_SECTIONS
from .settings import SECTIONS, SETTINGS
from .text_utils import did_you_mean

BASE_FOLDER = Path(__file__).resolve().parents[2]
CONF_FOLDER = BASE_FOLDER / 'conf'
ENVIRONMENT_PREFIX = 'MODEL_SERVING_'


class Conf:
    """All settings: `conf.serving['max_body']`, `conf.model('XXXModel')['timeout']`."""

    def __init__(self, folder=CONF_FOLDER, environ=None):
        """Read `folder`/*.conf, then `environ`; raises StartError for an unknown key or a bad value."""
        self._environ = os.environ if environ is None else environ
        self._general = {'serving': {}, 'model': {}}
        # The .conf files of models: path and settings, by name and by the version that the file serves, if any.
        self._own = {}
        for path in sorted(Path(folder).glob('*.conf')):
            if path.name != 'logging.conf':
                self._read_file(path)
        for key in self._general['model']:
            if SECTIONS['model'][key].only_own:
                raise StartError(f'serving.conf: [model] {key} belongs in the .conf file of its model.')
        self.serving = self._complete('serving', self._general['serving'], ['serving'])
        # Where Vertex AI sends predictions and health checks: it sets these variables in its containers.
        self.vertex_routes = [self._environ.get(f'AIP_{name}_ROUTE') for name in ('PREDICT', 'HEALTH')]

    def model(self, name: str, version: int | None = None) -> dict:
        """Return the settings of a model: its own over those of serving.conf, the environment over both.

        `version` is that of a model file; without it, they are the settings of the name's rows in routes.py.
        """
        _, own = self._own.get((name, version), (None, {}))
        return self._settings(name, own)

    def arguments(self, name: str, model) -> dict:
        """Return the arguments for a model's class in routes.py: its `[params]`, the environment over them.

        `model` is None for a resource that brings its own model. Raises StartError, which names the place and the fix.
        """
        path, own = self._own.get((name, None), (None, {}))
        texts = {key: (text, f'{path}: [params] {key}') for key, text in own.get('params', {}).items()}
        if model is None and texts:
            raise StartError(f'{path}: [params] are for the class of a ModelResource. This one makes its own model.')
        for key in params.parameters_of(model):
            variable = _variable(f'{name}_params', key)
            if variable in self._environ:
                texts[key] = self._environ[variable], variable
        missing = f'No file in conf/ has [model] name = {name}. Write one, with [params] and'
        place = f'{path}: [params] lacks' if path else missing
        return params.arguments(model, texts, self._environ, place)

    def model_files(self) -> list:
        """Return `(name, version)` of each model whose settings name a file to serve."""
        return [key for key in self._own if key[1] is not None]

    def place(self, name: str, version: int | None = None) -> str:
        """Return where the model's name is set, for messages."""
        return f'{self._own[name, version][0]}: [model] name'

    def check_names(self, models: list):
        """Check the names of models against those of routes.py, whose `models` are pairs of a name and a class.

        Raises StartError for a .conf file of an unknown model, and warns of unknown environment variables.
        """
        names = set(dict(models))
        for name, version in self._own:
            if version is None and name not in names:
                raise StartError(f'{self.place(name)} = {name}: {self._fix_of(name, names)}')
        names |= set(dict(self.model_files()))
        known = {_variable(setting.section, setting.key) for setting in SETTINGS if not setting.only_own}
        known |= {_variable(name, key) for name in names for key in SECTIONS['model']}
        known |= {_variable(f'{name}_params', key) for name, model in models for key in params.parameters_of(model)}
        # Only a warning: Kubernetes sets such variables for a service with the name model-serving.
        for variable in sorted(self._environ):
            if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
                # A high cutoff, because all of them begin alike.
                hint = did_you_mean(variable, known, 0.9)
                logging.getLogger('conf').warning('Unknown setting %s.%s', variable, hint)

    def _fix_of(self, name, names):
        """Return what is wrong with the settings of a model that is not in routes.py, and what to do."""
        files = dict(self.model_files())
        if name in files:
            own = self._own[name, files[name]][0].name
            return f'{own} has the same name and says which file is served. Write these settings there.'
        # Names that only share the word Model are not alike.
        hint = did_you_mean(name, {*names, *files}, 0.7)
        return (
            f'routes.py has no such model.{hint} Correct the name, add file = … for a model file, or delete this file.'
        )

    def _read_file(self, path):
        name, values = conf_file.read(path)
        if path.name == 'serving.conf':
            self._general |= values
            return
        own = {**values['model'], **{section: values.get(section, {}) for section in OWN_SECTIONS}}
        settings = self._settings(name, own)
        fault = _fault_of_kind(settings, own)
        if fault:
            raise StartError(f'{path}: {fault}')
        key = name, settings['version'] if settings['file'] else None
        if key in self._own:
            same = 'name and version' if settings['file'] else 'name'
            raise StartError(f'{path}: [model] name = {name}: {self._own[key][0].name} has the same {same}.')
        self._own[key] = (path, own)

    def _settings(self, name, own):
        sections = {section: own.get(section, {}) for section in OWN_SECTIONS}
        return {**self._complete('model', {**self._general['model'], **own}, ['model', name]), **sections}

    def _complete(self, section, values, prefixes):
        """Return `values`, overridden by the variables with these prefixes and completed with the defaults."""
        complete = {}
        for key, setting in SECTIONS[section].items():
            default = None if setting.default is None else setting.read(setting.default, key)
            complete[key] = values.get(key, default)
            for prefix in prefixes:
                variable = _variable(prefix, key)
                if variable in self._environ and not (setting.only_own and prefix == 'model'):
                    complete[key] = setting.read(self._environ[variable], variable)
        return complete


def _variable(section, key):
    return f'{ENVIRONMENT_PREFIX}{section}_{key}'.upper()


def _fault_of_kind(settings, own):
    """Return why a model's own settings don't fit its kind, a model file or a class; None if they do."""
    if settings['file'] and own['params']:
        return '[params] are for the class of a model in routes.py. A model file has the settings of [model] only.'
    if not settings['file'] and 'device' in own:
        return '[model] device is for a model file. For a class that takes a device, write it below [params].'
    return None
