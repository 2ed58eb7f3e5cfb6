"""Keeps secret values, such as tokens, out of the texts that the service writes: the log, and errors."""

import json
import logging
import re

HIDDEN = '***'
# A shorter value, such as `cpu`, is no secret, and hiding it would spoil other words.
MIN_LENGTH = 6
# A text without these characters has no escaped form of a value.
MARKS = re.compile(r'[\\%+]')

_patterns = {}


def keep(value: str):
    """Hide `value` from now on."""
    if len(value) >= MIN_LENGTH:
        # Each character may be escaped or not: tools differ in which ones they leave as they are.
        groups = (f'(?>{"|".join(map(re.escape, _spellings(each)))})' for each in value)
        _patterns[value] = re.compile(''.join(groups))


def _spellings(character):
    """Return the character as it is and as Python, JSON and URLs write it, the longest first."""
    as_bytes = character.encode(errors='surrogateescape')
    found = {character, repr(character)[1:-1], ascii(character)[1:-1], json.dumps(character)[1:-1]}
    in_url = ''.join(f'%{byte:02X}' for byte in as_bytes)
    found |= {repr(as_bytes)[2:-1], in_url, in_url.lower()}
    if character in '\'"/':
        found.add(f'\\{character}')
    if character == ' ':
        found.add('+')
    return sorted(found, key=len, reverse=True)


def hidden(text: str) -> str:
    """Return `text` without secret values."""
    # The longest first: one secret may begin with another.
    for value in sorted(_patterns, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
        if MARKS.search(text):
            text = _patterns[value].sub(HIDDEN, text)
    return text


def hidden_in(value):
    """Return a value of JSON without secret values in its texts. Names of properties and numbers stay."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, list):
        return [hidden_in(item) for item in value]
    if isinstance(value, dict):
        return {key: hidden_in(item) for key, item in value.items()}
    return value


class Formatter(logging.Formatter):
    """Python's own formatter, without secret values, in tracebacks too."""

    def line(self, record) -> str:
        """Return the line of a record, without secret values."""
        return hidden(super().format(record))

    def format(self, record):
        try:
            return self.line(record)
        # Such as too few arguments: logging writes them all to stderr.
        except Exception:
            record.msg, record.args = hidden(str(record.msg)), hidden(repr(record.args))
            raise
