"""The settings: one table, read from conf/*.conf and from the environment once, at start-up."""

import configparser
import difflib
import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

from ..serving.errors import StartError

BASE_FOLDER = Path(__file__).resolve().parents[2]
CONF_FOLDER = BASE_FOLDER / 'conf'
ENVIRONMENT_PREFIX = 'MODEL_SERVING_'


class Kind(NamedTuple):
    """A kind of value: `read` makes it from a text and raises ValueError or KeyError, `allowed` says what it takes."""

    read: callable
    allowed: str


def _size(text):
    match = re.fullmatch(r'(\d+)\s*(KiB|MiB|GiB|)', text)
    if not match or not int(match[1]):
        raise ValueError
    return int(match[1]) * 1024 ** ('', 'KiB', 'MiB', 'GiB').index(match[2])


def _count(text):
    if not re.fullmatch(r'0*[1-9][0-9]*', text):
        raise ValueError
    return int(text)


def _number(text, most, is_allowed=lambda value: True):
    value = float(text)
    if not (0 <= value <= most and is_allowed(value)):
        raise ValueError
    return value


def _text(text):
    if not text:
        raise ValueError
    return text


SIZE = Kind(_size, 'a number of bytes above 0, such as 65536, 64 KiB or 1 MiB')
COUNT = Kind(_count, 'a whole number of at least 1')
SECONDS = Kind(lambda text: _number(text, 86400, bool), 'a number of seconds above 0 and at most 86400')
FRACTION = Kind(lambda text: _number(text, 1), 'a number from 0 to 1')
ON_OFF = Kind(lambda text: configparser.ConfigParser.BOOLEAN_STATES[text.lower()], 'on or off, yes or no')
FILE = Kind(_text, "a file's path, absolute or from the project's folder on")
WORDS = Kind(lambda text: re.findall(r'[^\s,]+', text), 'names, with commas between or on lines of their own')
HANG = Kind(lambda text: None if text == 'auto' else SECONDS.read(text), f'{SECONDS.allowed}, or auto for 3 × timeout')
ON_ERROR = Kind({'stop': 'stop', 'skip': 'skip'}.__getitem__, 'stop or skip')


class Setting(NamedTuple):
    """A row of the table. One with `only_own` stands in the file of one model, never in serving.conf."""

    section: str
    key: str
    kind: Kind
    default: str | None
    meaning: str
    only_own: bool = False


SETTINGS = (
    Setting('serving', 'max_body', SIZE, '1 MiB', 'The largest body for every URL that is not a model’s.'),
    Setting('serving', 'max_bodies', SIZE, '64 MiB', 'How much all bodies together may take that a worker holds.'),
    Setting('serving', 'access_log', ON_OFF, 'on', 'Write a line of the log for each request.'),
    Setting('serving', 'page', ON_OFF, 'on', 'Whether the page at / and the API documentation at /docs are served.'),
    Setting('model', 'max_batch_size', COUNT, '32', 'How many instances are predicted together; 1: no batches.'),
    Setting(
        'model', 'linger', FRACTION, '0.25', 'How long a batch waits to fill up, as a part of the last one’s time.'
    ),
    Setting('model', 'max_body', SIZE, '1 MiB', 'The largest body, after decompression; a larger one is a 413.'),
    Setting('model', 'max_queue', COUNT, '1000', 'How many calls a worker holds for the model; one more is a 429.'),
    Setting('model', 'timeout', SECONDS, '30', 'How long a call may take, its waiting included; then it is a 504.'),
    Setting('model', 'file', FILE, None, 'The model file to serve at /v<version>/<name>.', True),
    Setting('model', 'version', COUNT, '1', 'The version in the URL of a model file.', True),
    Setting('model', 'schema', FILE, None, "A JSON merge patch (RFC 7386) over a file's own schema.", True),
    Setting('model', 'trusted', WORDS, '', 'Types beyond the default ones that a skops file may load.', True),
    Setting('model', 'trust_file', ON_OFF, 'no', 'Whether a file may be loaded that can run code: .pt2.', True),
    Setting('model', 'hang_timeout', HANG, 'auto', 'A call that runs longer counts as hung; its worker is replaced.'),
    Setting('model', 'on_error', ON_ERROR, 'stop', 'A model that can not start stops the service, or is skipped.'),
)


class Conf:
    """All settings: `conf.serving['max_body']`, `conf.model('XXXModel')['timeout']`."""

    def __init__(self, folder=CONF_FOLDER, environ=None):
        """Read `folder`/*.conf, then `environ`; raises StartError for an unknown key or a bad value."""
        self._environ = os.environ if environ is None else environ
        sections = {'serving': {}, 'model': {}}
        self._files = {}
        for path in sorted(Path(folder).glob('*.conf')):
            if path.name == 'logging.conf':
                continue
            parser = _parse(path)
            for section in parser.sections():
                values = _values(path, section, parser[section])
                if section == 'model' and 'name' in parser['model']:
                    self._add_model(path, parser['model']['name'], values)
                elif path.name == 'serving.conf':
                    sections[section] = values
                else:
                    raise StartError(f'{path}: [{section}] belongs in serving.conf; a model needs [model] name = …')
        for setting in SETTINGS:
            if setting.only_own and setting.key in sections['model']:
                raise StartError(f'serving.conf: [model] {setting.key} belongs in the .conf file of its model.')
        self.serving = self._complete('serving', 'serving', sections['serving'])
        self._defaults = sections['model']

    def model(self, name: str) -> dict:
        """Return the settings of a model: its own over those of serving.conf, the environment over both."""
        _, own = self._files.get(name, (None, {}))
        general = self._complete('model', 'model', {**self._defaults, **own})
        return self._complete('model', name, general)

    def model_files(self) -> list:
        """Return the names of the models whose settings name a file to serve."""
        return [name for name in self._files if self.model(name)['file']]

    def place(self, name: str) -> str:
        """Return where a model has its name from, for messages."""
        return f'{self._files[name][0]}: [model] name'

    def check_names(self, names):
        """Raise StartError for a conf file of a model, and warn of a variable, that no name in `names` explains."""
        for name, (path, _) in self._files.items():
            if name not in names:
                raise StartError(
                    f'{path}: [model] name = {name}: routes.py has no such model, and no file = … says where it is.'
                    f'{nearest(name, names)}'
                )
        known = {_variable(setting.section, setting.key) for setting in SETTINGS if not setting.only_own}
        known |= {_variable(name, key) for name in names for section, key, *_ in SETTINGS if section == 'model'}
        # Only a warning: Kubernetes sets such variables itself for a service that is called model-serving.
        for variable in sorted(self._environ):
            if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
                # Nearer than usual, since all of them begin alike.
                logging.getLogger('conf').warning('%s: no such setting.%s', variable, nearest(variable, known, 0.9))

    def _add_model(self, path, name, values):
        if name in self._files:
            raise StartError(f'{path}: [model] name = {name}: {self._files[name][0].name} has the same name.')
        self._files[name] = (path, values)

    def _complete(self, section, prefix, values):
        """Return `values` with the environment's over them and the defaults under them."""
        complete = {}
        for setting in SETTINGS:
            if setting.section == section:
                variable = _variable(prefix, setting.key)
                default = None if setting.default is None else setting.kind.read(setting.default)
                if variable in self._environ and not (setting.only_own and prefix == 'model'):
                    complete[setting.key] = _read(setting, self._environ[variable], variable)
                else:
                    complete[setting.key] = values.get(setting.key, default)
        return complete


def _parse(path):
    parser = configparser.ConfigParser(interpolation=None)
    try:
        # Editors on Windows put a byte order mark in front, which utf-8-sig leaves out.
        parser.read_string(path.read_text(encoding='utf-8-sig'), source=str(path))
    except OSError as error:
        raise StartError(f'{path} can not be read: {error.strerror}.') from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise StartError(f'{path}: {" ".join(str(error).split())}') from error
    return parser


def _values(path, section, items):
    """Return the section's settings, read; raises StartError with file, key and what is allowed."""
    settings = {setting.key: setting for setting in SETTINGS if setting.section == section}
    if not settings:
        raise StartError(f'{path}: [{section}] is no section; there are [serving] and [model].')
    values = {}
    known = ['name', *settings] if section == 'model' else list(settings)
    for key, text in items.items():
        if key not in known:
            raise StartError(
                f'{path}: [{section}] {key} is no setting.{nearest(key, known)} There are: {", ".join(known)}.'
            )
        if key != 'name':
            values[key] = _read(settings[key], text, f'{path}: [{section}] {key}')
    return values


def _read(setting, text, place):
    try:
        return setting.kind.read(text.strip())
    except (ValueError, KeyError) as error:
        raise StartError(f'{place} = {text!r}: it must be {setting.kind.allowed}.') from error


def _variable(section, key):
    return f'{ENVIRONMENT_PREFIX}{section}_{key}'.upper()


def nearest(word, words, cutoff=0.6) -> str:
    """Return ` Did you mean …?` where one of `words` is near to `word`, else nothing."""
    near = difflib.get_close_matches(word, words, n=1, cutoff=cutoff)
    return f' Did you mean {near[0]}?' if near else ''
