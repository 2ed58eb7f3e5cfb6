"""Reads the settings from conf/*.conf and from the environment, once, at start-up."""

import configparser
import logging
import os
from pathlib import Path

from ..serving.errors import StartError
from .settings import SECTIONS, SETTINGS
from .text_utils import did_you_mean

BASE_FOLDER = Path(__file__).resolve().parents[2]
CONF_FOLDER = BASE_FOLDER / 'conf'
ENVIRONMENT_PREFIX = 'MODEL_SERVING_'
# Sections of a model file that give its inputs and outputs other names: `image = serving_default_input_2:0`.
RENAMING = ('inputs', 'outputs')


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

    def model(self, name: str, version: int | None = None) -> dict:
        """Return the settings of a model: its own over those of serving.conf, the environment over both.

        `version` is that of a model file; without it, they are the settings of the name's rows in routes.py.
        """
        _, own = self._own.get((name, version), (None, {}))
        return self._settings(name, own)

    def model_files(self) -> list:
        """Return `(name, version)` of each model whose settings name a file to serve."""
        return [key for key in self._own if key[1] is not None]

    def place(self, name: str, version: int | None = None) -> str:
        """Return where the model's name is set, for messages."""
        return f'{self._own[name, version][0]}: [model] name'

    def check_names(self, names):
        """Raise StartError for the .conf file of an unknown model, and warn of unknown environment variables."""
        for name, version in self._own:
            if name not in names:
                raise StartError(
                    f'{self.place(name, version)} = {name}: no row of routes.py has this name, and this file has no '
                    f'file = …{did_you_mean(name, names)}'
                )
        known = {_variable(setting.section, setting.key) for setting in SETTINGS if not setting.only_own}
        known |= {_variable(name, key) for name in names for key in SECTIONS['model']}
        # Only a warning: Kubernetes sets such variables for a service with the name model-serving.
        for variable in sorted(self._environ):
            if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
                # A high cutoff, because all of them begin alike.
                hint = did_you_mean(variable, known, 0.9)
                logging.getLogger('conf').warning('Unknown setting %s.%s', variable, hint)

    def _read_file(self, path):
        texts = _parsed(path)
        name = texts.get('model', {}).pop('name', None)
        values = {section: _values(path, section, its_texts) for section, its_texts in texts.items()}
        wrong = next(
            (section for section in values if (section in RENAMING) != bool(name) and section != 'model'), None
        )
        if name and wrong:
            raise StartError(f'{path}: [{wrong}] belongs in serving.conf.')
        if not name and (wrong or path.name != 'serving.conf'):
            wrong = wrong or next(iter(values), 'model')
            raise StartError(f'{path}: [{wrong}] belongs in serving.conf; a model needs [model] name = …')
        if not name:
            self._general |= values
            return
        own = {**values['model'], **{section: values.get(section, {}) for section in RENAMING}}
        settings = self._settings(name, own)
        key = name, settings['version'] if settings['file'] else None
        if key in self._own:
            same = 'name and version' if settings['file'] else 'name'
            raise StartError(f'{path}: [model] name = {name}: {self._own[key][0].name} has the same {same}.')
        self._own[key] = (path, own)

    def _settings(self, name, own):
        renaming = {section: own.get(section, {}) for section in RENAMING}
        return {**self._complete('model', {**self._general['model'], **own}, ['model', name]), **renaming}

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


def _parsed(path):
    """Return the texts of a file, by section and key."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    try:
        # utf-8-sig removes the byte order mark that editors on Windows add.
        parser.read_string(path.read_text(encoding='utf-8-sig'), source=str(path))
    except OSError as error:
        raise StartError(f'{path} cannot be read: {error.strerror}.') from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise StartError(f'{path}: {" ".join(str(error).split())}') from error
    sections = {section: dict(parser[section]) for section in parser.sections()}
    return {
        section: texts if section in RENAMING else {key.lower(): text for key, text in texts.items()}
        for section, texts in sections.items()
    }


def _values(path, section, texts):
    """Return the values of a section's texts; raises StartError for unknown keys."""
    if section in RENAMING:
        return texts
    if section not in SECTIONS:
        raise StartError(f'{path}: unknown section [{section}]. There are [serving], [model], [inputs] and [outputs].')
    settings = SECTIONS[section]
    for key in texts:
        if key not in settings:
            hint = did_you_mean(key, settings)
            raise StartError(f'{path}: [{section}] unknown setting {key}.{hint} There are: {", ".join(settings)}.')
    return {key: settings[key].read(text, f'{path}: [{section}] {key}') for key, text in texts.items()}


def _variable(section, key):
    return f'{ENVIRONMENT_PREFIX}{section}_{key}'.upper()
