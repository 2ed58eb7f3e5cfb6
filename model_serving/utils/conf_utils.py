"""Reads the settings from conf/*.conf and from the environment, once, at start-up."""

import configparser
import logging
import os
from pathlib import Path

from ..serving.errors import StartError
from .settings import SECTIONS, SETTINGS
from .text_utils import clip, did_you_mean

BASE_FOLDER = Path(__file__).resolve().parents[2]
CONF_FOLDER = BASE_FOLDER / 'conf'
ENVIRONMENT_PREFIX = 'MODEL_SERVING_'
# Sections of a model file that give its inputs and outputs other names: `image = serving_default_input_2:0`.
RENAMING = ('inputs', 'outputs')
KNOWN_SECTIONS = ('serving', 'model', *RENAMING)
THERE_ARE = 'There are [serving], [model], [inputs] and [outputs].'


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
        """Check the names of models against those of routes.py.

        Raises StartError for a .conf file of an unknown model, and warns of unknown environment variables.
        """
        for name, version in self._own:
            if version is None and name not in names:
                raise StartError(f'{self.place(name)} = {name}: {self._fix_of(name, names)}')
        names = {*names, *dict(self.model_files())}
        known = {_variable(setting.section, setting.key) for setting in SETTINGS if not setting.only_own}
        known |= {_variable(name, key) for name in names for key in SECTIONS['model']}
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
        texts = _parsed(path)
        name = texts.get('model', {}).pop('name', None)
        values = {section: _values(path, section, its_texts) for section, its_texts in texts.items()}
        fault = _fault_of_general(name, values) if path.name == 'serving.conf' else _fault_of_own(name, values)
        if fault:
            raise StartError(f'{path}: {fault}')
        if path.name == 'serving.conf':
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
    # [DEFAULT] is a section like any other, so it is unknown.
    parser = configparser.ConfigParser(interpolation=None, default_section='')
    parser.optionxform = str
    try:
        # utf-8-sig removes the byte order mark that editors on Windows add.
        text = path.read_text(encoding='utf-8-sig')
        parser.read_string(text, source=str(path))
    except OSError as error:
        raise StartError(f'{path} cannot be read: {error.strerror}.') from error
    except configparser.ParsingError as error:
        # MissingSectionHeaderError keeps the number of the line in `lineno`, other errors in `errors`.
        is_above = isinstance(error, configparser.MissingSectionHeaderError)
        number = error.lineno if is_above else error.errors[0][0]
        raise StartError(f'{path}: {_fault_of_line(text, number, is_above)}') from error
    except UnicodeDecodeError as error:
        raise StartError(f'{path}: byte {error.start} is not UTF-8. Save the file as UTF-8.') from error
    except configparser.Error as error:
        raise StartError(f'{path}: {" ".join(str(error).split())}') from error
    sections = {section: dict(parser[section]) for section in parser.sections()}
    return {
        section: texts if section in RENAMING else {key.lower(): text for key, text in texts.items()}
        for section, texts in sections.items()
    }


def _fault_of_line(text, number, is_above):
    line = clip(text.split('\n')[number - 1].strip(), 80)
    if line.startswith('['):
        return f'line {number}: {line} does not name a section. {THERE_ARE}'
    if is_above:
        return f'line {number}: {line} stands above the first section. Write [model] above it.'
    return f'line {number}: {line} does not have the form key = value.'


def _fault_of_general(name, sections):
    """Return why these sections, of which [model] may have a name, can't stand in serving.conf; None if they can."""
    if name:
        return f'[model] name = {name}: the settings of one model belong in a .conf file of their own.'
    wrong = [section for section in sections if section in RENAMING]
    return f'[{wrong[0]}] belongs in the .conf file of its model.' if wrong else None


def _fault_of_own(name, sections):
    """Return why these sections can't stand in the .conf file of a model; None if they can."""
    if 'serving' in sections:
        return '[serving] belongs in serving.conf.'
    if not sections:
        return 'it is empty. Write [model] and name = … into it, or delete it.'
    if not name:
        return 'it names no model. Write [model] and name = … into it. Defaults for all models belong in serving.conf.'
    return None


def _values(path, section, texts):
    """Return the values of a section's texts; raises StartError for unknown keys."""
    if section in RENAMING:
        return texts
    if section not in SECTIONS:
        hint = did_you_mean(section.strip().lower(), KNOWN_SECTIONS)
        raise StartError(f'{path}: unknown section [{section}].{hint} {THERE_ARE}')
    settings = SECTIONS[section]
    for key in texts:
        if key not in settings:
            hint = did_you_mean(key, settings)
            raise StartError(f'{path}: [{section}] unknown setting {key}.{hint} There are: {", ".join(settings)}.')
    return {key: settings[key].read(text, f'{path}: [{section}] {key}') for key, text in texts.items()}


def _variable(section, key):
    return f'{ENVIRONMENT_PREFIX}{section}_{key}'.upper()
