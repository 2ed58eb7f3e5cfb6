"""Helpers for messages."""

import difflib
import re

MAX_MESSAGE = 240
# The folders of an absolute path. URLs of models, such as /v1/XXXModel, are none.
FOLDERS = re.compile(r'(?<![\w./])/(?!v\d+/)(?:[^\s/:\'"]+/)+')
# A text as Python shows it, or None.
TEXT_OR_NONE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\bNone\b""")
ROWS = {'instances', 'inputs', 'dataframe_split', 'dataframe_records'}
MANY_ROWS = (
    '. To send many rows in one call, POST {"instances": […]} to /v1/models/<name>:predict; docs/call.md shows how.'
)


def clip(text: str, most: int = MAX_MESSAGE) -> str:
    """Cut the middle out of a long text: a message begins with the value and ends with the reason."""
    return text if len(text) <= most else f'{text[: most // 2]} … {text[-most // 2 :]}'


def printable(text: str) -> str:
    """Return a text of a client for a line of the log, which line breaks and control characters in it could forge."""
    return text if text.isprintable() else ascii(text)


def counted(number: int, word: str) -> str:
    """Return `1 worker` or `2 workers`."""
    return f'{number} {word}' if number == 1 else f'{number} {word}s'


def did_you_mean(word: str, words, cutoff=0.6) -> str:
    """Return ` Did you mean 'name'?` if one of `words` is similar to `word`, else nothing. Case does not count."""
    spelled = {each.lower(): each for each in words}
    near = difflib.get_close_matches(word[:100].lower(), spelled, n=1, cutoff=cutoff)
    return f' Did you mean {spelled[near[0]]!r}?' if near else ''


def rows_hint(instance, schema: dict) -> str:
    """Return how to send many rows, to append to the message for what looks like rows where the schema wants one."""
    has_rows = isinstance(instance, dict) and ROWS & instance.keys() - schema.get('properties', {}).keys()
    is_rows = isinstance(instance, list) and schema.get('type') == 'object'
    return MANY_ROWS if is_rows or has_rows else ''


def with_null(message: str) -> str:
    """Return a message of jsonschema with JSON's null for Python's None, where that is not part of a text."""
    return TEXT_OR_NONE.sub(lambda match: 'null' if match[0] == 'None' else match[0], message)


def without_folders(message: str) -> str:
    """Return a message with `model.onnx` for `/home/leo/model.onnx`: where files are is nobody else's business."""
    return FOLDERS.sub('', message)
