"""JSON that every client can read: no NaN, no integers beyond 64 bits, limited depth."""

import gc
import re
import threading

import orjson
from flask.json.provider import JSONProvider

from ..serving.errors import HandlerError
from .json_values import plain, with_plain_keys

MAX_DEPTH = 100
# Each takes some 30 times as much memory as in the body; no body of 1 MiB has more.
MAX_CONTAINERS = 2**20
# From here on, garbage collection is what takes long.
MANY_CONTAINERS = 2**13
# One thread at a time switches the collection off and on. It keeps nobody waiting: orjson lets no other thread run.
COLLECTION = threading.Lock()
WRITE_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE

# Possessive: backtracking would take a hundred times the memory of the body.
JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
AS_SQUARE = bytes.maketrans(b'{}', b'[]')
NO_BRACKET = bytes(set(range(256)) - set(b'[]{}"'))
# Every digit as 0, and all that may stand before an integer as a comma, so that long integers are found by comparing
# bytes: a regular expression takes ten times as long. The digits of a fraction may be as many as they like.
AS_ZERO = bytes.maketrans(b'123456789 \t\r\n[:-', b'0' * 9 + b',' * 7)
LONG_NUMBER = b'0' * 19
LONG_INTEGER = b',' + LONG_NUMBER
# A long integer in valid JSON: it does not go on after a point, and is no exponent.
INTEGER = re.compile(rb'(?<![\d.eE+\-])-?\d{19,}+(?![.eE])')


def loads(data: bytes):
    """Return the value; raises ValueError with a sentence that names the line and column, if there is one."""
    containers = data.count(b'[') + data.count(b'{')
    if containers > MAX_CONTAINERS:
        raise ValueError(f'JSON with more than {MAX_CONTAINERS} arrays and objects is not accepted. Send fewer rows.')
    try:
        value = orjson.loads(data) if containers < MANY_CONTAINERS else _loads_without_collection(data)
    except orjson.JSONDecodeError as error:
        raise ValueError(_explanation(data, error)) from None
    if containers > MAX_DEPTH and _is_too_deep(data):
        raise ValueError(f'JSON nested deeper than {MAX_DEPTH} levels is not accepted.')
    # orjson reads an integer beyond 64 bits as a float, which is another number.
    digits = data.translate(AS_ZERO)
    if LONG_NUMBER in digits and (LONG_INTEGER in digits or digits.startswith(LONG_NUMBER)):
        for match in INTEGER.finditer(JSON_STRING.sub(b'""', data)):
            _check_integer(match[0].decode())
    return value


def dumps(value) -> bytes:
    """Return UTF-8 JSON; NumPy values become numbers, NaN becomes null.

    Raises TypeError for other types, and HandlerError for what was not awaited.
    """
    try:
        return orjson.dumps(value, default=plain, option=WRITE_OPTIONS)
    except TypeError as error:
        # orjson's own error would not tell the fix.
        if isinstance(error.__cause__, HandlerError):
            raise error.__cause__ from None
        # Of these it does not ask `plain`.
        if 'key' not in str(error) and 'endianness' not in str(error):
            raise
    return orjson.dumps(with_plain_keys(value), default=plain, option=WRITE_OPTIONS)


class StrictJSONProvider(JSONProvider):
    """Flask's `request.json` and `jsonify` use this module."""

    def loads(self, data, **kwargs):
        return loads(data)

    def dumps(self, value, **kwargs):
        return dumps(value).decode()


def _loads_without_collection(data):
    """Return a large value in a fifth of the time: all that orjson makes is kept, so there is nothing to collect."""
    with COLLECTION:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return orjson.loads(data)
        finally:
            if was_enabled:
                gc.enable()


def _is_too_deep(data):
    """Tell whether valid JSON is nested too deeply, without recursion or a loop over its values."""
    if b'\\' in data:
        data = JSON_STRING.sub(b'', data)
    # What is between two quotes is a text.
    brackets = b''.join(data.translate(AS_SQUARE, NO_BRACKET).split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        # The innermost level goes.
        brackets = brackets.replace(b'[]', b'')
    return bool(brackets)


def _explanation(data, error):
    if data.startswith(b'--'):
        return 'The body is a form, and not JSON as its Content-Type says. Let your client set this header itself.'
    if 'depth limit' in error.msg:
        return f'JSON nested deeper than {MAX_DEPTH} levels is not accepted.'
    try:
        data.decode()
        what, line, column = error.msg, error.lineno, error.colno
    except UnicodeDecodeError as bad:
        before = data[: bad.start].decode()
        what = f'the byte 0x{data[bad.start]:02x} is not UTF-8'
        line, column = before.count('\n') + 1, len(before) - before.rfind('\n')
    return f'The body is not valid JSON: {what} (line {line}, column {column}).'


def _check_integer(text):
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f'The integer {text[:24]} does not fit in 64 bits. Send it as a string or a float.')
