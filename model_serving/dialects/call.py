"""A request of another protocol, whichever it is."""

import re
from collections.abc import Callable
from typing import NamedTuple

from ..serving.errors import InvalidInstance

INDEX = re.compile(r'\[(\d+)\]')


class Call(NamedTuple):
    """What a request asks: `count` rows, each of which is an instance of the model.

    `instance(row)` makes the instance of a row, when it is needed: all of them at once may be large. `place(row, path)`
    says where a place of an instance, as `image[3][7]`, is in the body. `write(results)` returns the answer, as JSON
    values and the bytes that follow them. `is_checked`: the instances hold arrays, which fit the schema.
    """

    count: int
    instance: Callable
    place: Callable
    write: Callable
    is_checked: bool = False


def split(path: str, names) -> tuple[str, str]:
    """Return the property at the beginning of a path, and the rest: `image[3]` is `image` and `[3]`."""
    fits = [name for name in names if path.startswith(name) and path[len(name) : len(name) + 1] in ('', '[', '.')]
    name = max(fits, key=len, default='')
    return name, path[len(name) :]


def indexes(path: str) -> list:
    """Return the indexes at the beginning of the rest of a path: `[3][7]` is 3 and 7."""
    return [int(digits) for digits in INDEX.findall(path)]


def only_key(envelope, keys, place='') -> str:
    """Return which one of the keys an envelope has; raises InvalidInstance if it is not an object with exactly one."""
    if not isinstance(envelope, dict):
        raise InvalidInstance(place, f'The body must be an object with {" or ".join(keys)}.')
    found = [key for key in keys if key in envelope]
    if len(found) != 1:
        has = (
            f'has {" and ".join(found)}'
            if found
            else f'has none of them: {", ".join(map(str, envelope))[:100] or "{}"}'
        )
        raise InvalidInstance(place, f'The body must have exactly one of {", ".join(keys)}; it {has}.')
    return found[0]


def rows_at(value, place) -> list:
    """Return a value that must be a list of at least one row."""
    if not isinstance(value, list):
        raise InvalidInstance(place, 'must be a list with an item for each row.')
    if not value:
        raise InvalidInstance(place, 'has no row.')
    return value
