"""API keys: a file with a line for each key, which is read again when it changes."""

import logging
import os
from hashlib import sha256
from hmac import compare_digest
from mmap import mmap
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from ..serving.errors import StartError
from ..utils.conf_utils import BASE_FOLDER
from ..utils.kinds import KEY_NAME
from ..utils.text_utils import counted, did_you_mean

LOGGER = logging.getLogger('keys')
DEFAULT = 'conf/api_keys'
# How often the file is looked at, and for how long after a change it may still be written, in seconds.
INTERVAL, WRITING = 0.5, 0.1
# How large it may be, in bytes.
MAX_SIZE = 4 * 2**20
# How many bytes of a digest find the only key that can be the right one.
PREFIX = 8
FORM = 'It must be the name of a key, its SHA-256 in hexadecimal, and perhaps models such as DigitsModel,v2/WineModel.'


class Key(NamedTuple):
    """A caller's key: its name, its SHA-256, and the names of the models that it is for, none for all."""

    name: str
    digest: bytes
    models: tuple = ()

    def is_for(self, servable) -> bool:
        """Tell whether this key may call a model."""
        return not self.models or not {servable.name, servable.url.removeprefix('/')}.isdisjoint(self.models)


def path_of(setting: str | None) -> Path:
    """Return the path of the file of keys, for the setting api_keys."""
    return BASE_FOLDER / (setting or DEFAULT)


def known_models(routes, conf) -> list:
    """Return how the lines of a file may name the models: DigitsModel, or v2/DigitsModel for one version."""
    models = [route.version_and_name for route in routes] + [(version, name) for name, version in conf.model_files()]
    return list(dict.fromkeys(each for version, name in models for each in (name, f'v{version}/{name}')))


class Keys:
    """The keys of a file. Callers need one, `is_on`, from the moment when there is a file.

    `refresh` reads the file again when it has changed. While it has a mistake or is gone, the keys stay as they were,
    and a worker that is made in the meantime lets nobody in.
    """

    def __init__(self, path: Path, models):
        """Read the file if it exists; `models` are the names that lines may have. Raises StartError for a mistake."""
        self.path, self._models = path, models
        # A worker may be forked when the file that other workers have seen is gone. So that this one asks for keys too,
        # all processes share a byte: whether there ever was a file.
        self._file_has_existed = mmap(-1, 1)
        self._by_prefix, self._loaded_in = {}, os.getpid()
        self._stamp, self._next_look = None, 0.0
        self._load()
        self.is_on = self._file_has_existed[0] == 1

    @property
    def count(self) -> int:
        """How many keys there are."""
        return len(self._by_prefix)

    def find(self, api_key: bytes | None, authorization: bytes | None) -> Key | None:
        """Return the key that a request has in its X-API-Key or Authorization header; None if it has no valid one."""
        key = self._found(api_key) if api_key else None
        if key is None and authorization:
            scheme, _, token = authorization.partition(b' ')
            key = self._found(token.strip()) if scheme.lower() == b'bearer' else None
        return key

    def _found(self, sent):
        digest = sha256(sent).digest()
        # The time of this lookup depends on bytes of a hash, which a caller can't choose.
        key = self._by_prefix.get(digest[:PREFIX])
        return key if key is not None and compare_digest(key.digest, digest) else None

    def refresh(self):
        """Read the file again if it has changed. Looks when a worker starts, and then twice a second at most."""
        if monotonic() < self._next_look and self._loaded_in == os.getpid():
            return
        try:
            if not self._is_being_written() and self._load():
                LOGGER.info('This worker has read %s: %s', self.path, counted(self.count, 'key'))
        except StartError as error:
            # Those that the master has read may have been removed by the time this process was forked.
            if self._loaded_in != os.getpid():
                self._by_prefix = {}
            consequence = 'The keys stay as they were.' if self._by_prefix else 'This worker lets nobody in.'
            LOGGER.error('%s %s', error, consequence)
        self.is_on = self._file_has_existed[0] == 1

    def _is_being_written(self):
        """Tell whether the file has only just changed: some editors empty it first."""
        self._next_look = monotonic() + INTERVAL
        try:
            return 0 <= time() - self.path.stat().st_mtime < WRITING
        except OSError:
            return False

    def _load(self) -> bool:
        """Read the file if it is another one than before; tells whether it was read. Raises StartError."""
        before, self._stamp = self._stamp, self._stamp_of_file()
        if self._stamp == before:
            self._loaded_in = os.getpid()
            return False
        self._file_has_existed[0] = 1
        self._by_prefix, self._loaded_in = self.parsed(self._text()), os.getpid()
        return True

    def _text(self):
        try:
            # Others, such as a pipe, may never end.
            if self.path.exists() and not (self.path.is_file() and self.path.stat().st_size <= MAX_SIZE):
                raise StartError(f'{self.path} must be a file of at most {MAX_SIZE} bytes.')
            return self.path.read_text(encoding='utf-8-sig')
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f'{self.path} could not be read: {error}.') from error

    def _stamp_of_file(self):
        try:
            found = self.path.stat()
        except FileNotFoundError:
            # A link to a place where nothing is mounted yet must not turn keys off.
            return str(self.path.readlink()) if self.path.is_symlink() else None
        # It may be there, so reading it says what is wrong.
        except OSError as error:
            return str(error)
        return found.st_mtime_ns, found.st_size, found.st_ino

    def parsed(self, text: str) -> dict:
        """Return the keys of a file's text, by their prefixes; raises StartError for a mistake."""
        keys, names = {}, set()
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words and not words[0].startswith('#'):
                key = self._key(words, f'{self.path}, line {number}:')
                if key.name in names or key.digest[:PREFIX] in keys:
                    raise StartError(
                        f'{self.path}, line {number}: {key.name} has the name or the hash of another line.'
                    )
                keys[key.digest[:PREFIX]] = key
                names.add(key.name)
        return keys

    def _key(self, words, place):
        try:
            name, digest = KEY_NAME.read(words[0]), bytes.fromhex(words[1])
        except (ValueError, IndexError):
            name, digest = '', b''
        if len(digest) != sha256().digest_size:
            raise StartError(f'{place} this is not a valid line. {FORM}')
        models = tuple(filter(None, ','.join(words[2:]).split(',')))
        for model in models:
            if model not in self._models:
                hint = did_you_mean(model, self._models)
                raise StartError(f'{place} there is no model {model}.{hint} There are: {", ".join(self._models)}')
        return Key(name, digest, models)
