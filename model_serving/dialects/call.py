"""A request of another protocol, whichever it is."""

import re
from collections.abc import Callable
from typing import NamedTuple

from ..serving.errors import InvalidInstance
from ..utils.text_utils import clip

# More rows, cells of a table or texts in one request would fill the memory.
MAX_ROWS = 2**20
# More properties of one row, or columns of a table.
MAX_COLUMNS = 2**17
INDEX = re.compile(r'\[(\d+)\]')


class Call(NamedTuple):
    """What a request asks: `count` rows, each of which is an instance of the model.

    `instance(row)` makes one row's instance on demand, to save memory. `place(row, path)` translates a path in that
    instance, such as `image[3][7]`, to the place in the body. `write(results)` returns the response: JSON values, and
    the bytes that follow them. `is_checked`: the instances hold arrays whose bounds were checked already.
    """

    count: int
    instance: Callable[[int], object]
    place: Callable[[int, str], str]
    write: Callable[[list], tuple[dict, bytes]]
    is_checked: bool = False


def property_and_rest(path: str, names) -> tuple[str, str]:
    """Return the property at the beginning of a path, and the rest: `image[3]` is `image` and `[3]`."""
    fits = [name for name in names if path.startswith(name) and path[len(name) : len(name) + 1] in ('', '[', '.')]
    name = max(fits, key=len, default='')
    return name, path[len(name) :]


def indexes_of(rest: str) -> list:
    """Return the indexes in the rest of a path: `[3][7]` is 3 and 7."""
    return [int(digits) for digits in INDEX.findall(rest)]


def only_key(envelope, keys) -> str:
    """Return the one of the keys that an envelope has; raises InvalidInstance if it has none, or several."""
    if not isinstance(envelope, dict):
        raise InvalidInstance('', f'The body must be an object with {" or ".join(keys)}.')
    found = [key for key in keys if key in envelope]
    if len(found) != 1:
        has = ' and '.join(found) if found else clip(', '.join(envelope), 100) or 'none of them'
        raise InvalidInstance('', f'The body must have exactly one of {", ".join(keys)}; it has {has}.')
    return found[0]


def check_columns(columns, place: str):
    """Raise InvalidInstance if there are more columns, or properties of a row, than any model has."""
    if len(columns) > MAX_COLUMNS:
        raise InvalidInstance(place, f'has {len(columns)} columns. Send at most {MAX_COLUMNS}.')


def require_rows(value, place: str) -> list:
    """Return a value that must be a list of at least one row; raises InvalidInstance."""
    if not isinstance(value, list):
        raise InvalidInstance(place, 'must be a list of rows')
    if not value:
        raise InvalidInstance(place, 'must not be empty')
    return value
