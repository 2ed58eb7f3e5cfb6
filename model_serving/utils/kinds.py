"""Kinds of values of settings: how a text is read, and which texts are allowed."""

import configparser
import os
import re
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..serving import secrets

# In seconds.
YEAR = 366 * 24 * 3600
UNITS = ('', 'KiB', 'MiB', 'GiB')


class Kind(NamedTuple):
    """A kind of value: `read` parses a text and raises ValueError or KeyError; `allowed` describes valid texts."""

    read: callable
    allowed: str

    def fault(self, text: str) -> str:
        """Return what is wrong with a text that `read` refuses."""
        if re.search(r'\s[#;]', text):
            hint = ' A comment needs a line of its own.'
        else:
            hint = ' Write it without quotes.' if text.strip()[:1] in {'"', "'"} else ''
        return f'it must be {self.allowed}.{hint}'


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


def _words(text):
    return re.findall(r'[^\s,]+', text)


def _origins(text):
    return [_matching(r'\*|null|https?://[\w.-]+(:[0-9]+)?', word.lower())[0] for word in _words(text)]


def _proxies(text):
    """Return a number of proxies, or a list of networks."""
    return int(text) if re.fullmatch('[0-9]{1,2}', text) else [ip_network(word, strict=False) for word in _words(text)]


def _rates(text):
    """Return the limits of the package limits, which is imported only if there are any, since that takes long."""
    if text in ('', 'none'):
        return []
    import limits

    found = limits.parse_many(text)
    if not all(limit.amount and limit.get_expiry() <= YEAR for limit in found):
        raise ValueError
    return found


def _storage(text):
    # Errors show the text, that of a connection the URL.
    password = re.match(r'(?:\w+:/*)?[^:]*:(.*)@', text)
    secrets.keep(unquote(password[1]) if password else '')
    _matching(r'memory|rediss?://([^/?#]*@)?([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]+(/[0-9]+)?', text)
    # It raises ValueError for a port that is too large.
    _ = urlsplit(text).port
    return text


SIZE = Kind(_size, 'a number of bytes above 0, such as 65536, 64 KiB or 1 MiB')
COUNT = Kind(lambda text: int(_matching('0*[1-9][0-9]*', text)[0]), 'a whole number of at least 1')
SECONDS = Kind(_seconds, 'a number of seconds above 0 and at most 86400')
ON_OFF = Kind(lambda text: configparser.ConfigParser.BOOLEAN_STATES[text.lower()], 'on or off, yes or no')
FILE = Kind(
    lambda text: os.path.expanduser(_matching('.+', text)[0]),
    'the path of a file, absolute or relative to the project folder',
)
LIST = Kind(
    lambda text: [word for word in map(str.strip, re.split(r'[,\n]', text)) if word],
    'names, separated by commas or line breaks',
)
WORDS = Kind(_words, 'names, separated by commas, spaces or line breaks')
DEVICE = Kind(
    lambda text: _matching('cpu|cuda(:[0-9]{1,3})?', text.lower())[0], 'cpu, cuda, or one of several GPUs as cuda:1'
)
NAME = Kind(lambda text: _matching(r'(v[0-9]+/)?[A-Za-z]\w*', text)[0], 'the name of a model, such as MyModel')
KEY_NAME = Kind(
    lambda text: _matching('[A-Za-z0-9][A-Za-z0-9._@-]{0,63}', text)[0],
    'up to 64 letters, digits and any of . _ @ -, such as shop',
)
LOG_FORMAT = Kind({'text': 'text', 'json': 'json'}.__getitem__, 'text or json')
ORIGINS = Kind(_origins, '*, or origins such as https://example.com, separated by commas or spaces')
PROXIES = Kind(_proxies, 'how many proxies there are, or their addresses, such as 127.0.0.1, 10.0.0.0/8')
RATES = Kind(
    _rates, 'none, or numbers of requests per second, minute, hour or day, such as 100/minute or 5/second, 1000/day'
)
STORAGE = Kind(_storage, 'memory, or the URL of a Redis, such as redis://localhost:6379/0')
ALLOW_OR_REFUSE = Kind({'allow': 'allow', 'refuse': 'refuse'}.__getitem__, 'allow or refuse')
ON_ERROR = Kind({'stop': 'stop', 'skip': 'skip'}.__getitem__, 'stop or skip')
