"""Keeps secret values, such as tokens, out of the texts that the service writes: the log, and errors."""

import json
import logging

HIDDEN = '***'
# A shorter value, such as `cpu`, is no secret, and hiding it would spoil other words.
MIN_LENGTH = 6

_values = set()


def keep(value: str):
    """Hide `value` from now on."""
    if len(value) >= MIN_LENGTH:
        # Texts may show it as Python or JSON does.
        in_json = (json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
        _values.update([value, repr(value)[1:-1], *in_json])


def hidden(text: str) -> str:
    """Return `text` without secret values."""
    # The longest first: one secret may begin with another.
    for value in sorted(_values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
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
    """The formatter of conf/logging.conf: Python's own, without secret values, in tracebacks too."""

    def format(self, record):
        try:
            return hidden(super().format(record))
        # Such as too few arguments: logging writes them all to stderr.
        except Exception:
            record.msg, record.args = hidden(str(record.msg)), hidden(repr(record.args))
            raise
