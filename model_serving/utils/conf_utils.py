"""The settings: one table, read from conf/*.conf and from the environment once, at start-up."""

import configparser
import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

from ..serving.errors import StartError
from .text_utils import did_you_mean

BASE_FOLDER = Path(__file__).resolve().parents[2]
CONF_FOLDER = BASE_FOLDER / 'conf'
ENVIRONMENT_PREFIX = 'MODEL_SERVING_'
UNITS = ('', 'KiB', 'MiB', 'GiB')


class Kind(NamedTuple):
    """A kind of value: `read` parses a text and raises ValueError or KeyError; `allowed` describes valid texts."""

    read: callable
    allowed: str


def _matching(pattern, text):
    match = re.fullmatch(pattern, text)
    if not match:
        raise ValueError
    return match


def _size(text):
    number, unit = _matching(r'(0*[1-9]\d*)\s*(KiB|MiB|GiB|)', text).groups()
    return int(number) * 1024 ** UNITS.index(unit)


def _seconds(text):
    seconds = float(text)
    if not 0 < seconds <= 86400:
        raise ValueError
    return seconds


SIZE = Kind(_size, 'a number of bytes above 0, such as 65536, 64 KiB or 1 MiB')
COUNT = Kind(lambda text: int(_matching('0*[1-9][0-9]*', text)[0]), 'a whole number of at least 1')
SECONDS = Kind(_seconds, 'a number of seconds above 0 and at most 86400')
ON_OFF = Kind(lambda text: configparser.ConfigParser.BOOLEAN_STATES[text.lower()], 'on or off, yes or no')
FILE = Kind(lambda text: _matching('.+', text)[0], 'the path of a file, absolute or relative to the project folder')
WORDS = Kind(lambda text: re.findall(r'[^\s,]+', text), 'names, separated by commas, spaces or line breaks')
ON_ERROR = Kind({'stop': 'stop', 'skip': 'skip'}.__getitem__, 'stop or skip')


class Setting(NamedTuple):
    """A row of the table. A setting with `only_own` is only valid in the file of one model, not in serving.conf."""

    section: str
    key: str
    kind: Kind
    default: str | None
    meaning: str
    only_own: bool = False

    def read(self, text, place):
        """Return the value of a text; raises StartError, which names the place and what is allowed."""
        try:
            return self.kind.read(text.strip())
        except (ValueError, KeyError) as error:
            raise StartError(f'{place} = {text!r}: it must be {self.kind.allowed}.') from error


SETTINGS = (
    Setting('serving', 'max_body', SIZE, '1 MiB', 'The largest body for every URL that is not a model’s.'),
    Setting('serving', 'max_bodies', SIZE, '64 MiB', 'The most memory that all request bodies of a worker may take.'),
    Setting('serving', 'access_log', ON_OFF, 'on', 'Write a line of the log for each request.'),
    Setting('serving', 'page', ON_OFF, 'on', 'Whether the page at / and the API documentation at /docs are served.'),
    Setting('model', 'max_batch_size', COUNT, '32', 'How many instances are predicted together; 1: no batches.'),
    Setting('model', 'max_body', SIZE, '1 MiB', 'The largest body, after decompression; a larger one is a 413.'),
    Setting('model', 'max_queue', COUNT, '1000', 'How many calls a worker holds for the model; one more is a 429.'),
    Setting('model', 'timeout', SECONDS, '30', 'How long a call may take, its waiting included; then it is a 504.'),
    Setting('model', 'file', FILE, None, 'The model file to serve at /v<version>/<name>.', True),
    Setting('model', 'version', COUNT, '1', 'The version in the URL of a model file.', True),
    Setting('model', 'schema', FILE, None, "A JSON merge patch (RFC 7386) over a file's own schema.", True),
    Setting('model', 'trusted', WORDS, '', 'Types beyond the default ones that a skops file may load.', True),
    Setting('model', 'trust_file', ON_OFF, 'no', 'Allow files that can run code when they are loaded: .pt2.', True),
    Setting(
        'model', 'on_error', ON_ERROR, 'stop', 'What a model that cannot start does: stop the service, or be skipped.'
    ),
)
SECTIONS = {
    section: {setting.key: setting for setting in SETTINGS if setting.section == section}
    for section in ('serving', 'model')
}


class Conf:
    """All settings: `conf.serving['max_body']`, `conf.model('XXXModel')['timeout']`."""

    def __init__(self, folder=CONF_FOLDER, environ=None):
        """Read `folder`/*.conf, then `environ`; raises StartError for an unknown key or a bad value."""
        self._environ = os.environ if environ is None else environ
        self._general = {'serving': {}, 'model': {}}
        # For each model with a .conf file of its own: the file and its settings, by the model's name.
        self._own = {}
        for path in sorted(Path(folder).glob('*.conf')):
            if path.name != 'logging.conf':
                self._read_file(path)
        for key in self._general['model']:
            if SECTIONS['model'][key].only_own:
                raise StartError(f'serving.conf: [model] {key} belongs in the .conf file of its model.')
        self.serving = self._complete('serving', self._general['serving'], ['serving'])

    def model(self, name: str) -> dict:
        """Return the settings of a model: its own over those of serving.conf, the environment over both."""
        _, own = self._own.get(name, (None, {}))
        return self._complete('model', {**self._general['model'], **own}, ['model', name])

    def model_files(self) -> list:
        """Return the names of the models whose settings name a file to serve."""
        return [name for name in self._own if self.model(name)['file']]

    def place(self, name: str) -> str:
        """Return where the model's name is set, for messages."""
        return f'{self._own[name][0]}: [model] name'

    def check_names(self, names):
        """Raise StartError for the .conf file of an unknown model, and warn of unknown environment variables."""
        for name in self._own:
            if name not in names:
                raise StartError(
                    f'{self.place(name)} = {name}: no row of routes.py has this name, and this file has no file = …'
                    f'{did_you_mean(name, names)}'
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
        for section, texts in _parsed(path).items():
            name = texts.pop('name', None) if section == 'model' else None
            values = _values(path, section, texts)
            if name in self._own:
                raise StartError(f'{path}: [model] name = {name}: {self._own[name][0].name} has the same name.')
            if name:
                self._own[name] = (path, values)
            elif path.name == 'serving.conf':
                self._general[section] = values
            else:
                raise StartError(f'{path}: [{section}] belongs in serving.conf; a model needs [model] name = …')

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
    try:
        # utf-8-sig removes the byte order mark that editors on Windows add.
        parser.read_string(path.read_text(encoding='utf-8-sig'), source=str(path))
    except OSError as error:
        raise StartError(f'{path} cannot be read: {error.strerror}.') from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise StartError(f'{path}: {" ".join(str(error).split())}') from error
    return {section: dict(parser[section]) for section in parser.sections()}


def _values(path, section, texts):
    """Return the values of a section's texts; raises StartError for unknown keys."""
    if section not in SECTIONS:
        raise StartError(f'{path}: unknown section [{section}]. There are [serving] and [model].')
    settings = SECTIONS[section]
    for key in texts:
        if key not in settings:
            hint = did_you_mean(key, settings)
            raise StartError(f'{path}: [{section}] unknown setting {key}.{hint} There are: {", ".join(settings)}.')
    return {key: settings[key].read(text, f'{path}: [{section}] {key}') for key, text in texts.items()}


def _variable(section, key):
    return f'{ENVIRONMENT_PREFIX}{section}_{key}'.upper()
