"""Finds the line of the user's own files where an error came from, as `model_serving/routes.py, line 3`."""

import inspect
import traceback
from functools import partial
from pathlib import Path

from . import secrets
from .errors import HandlerError

PACKAGE = Path(__file__).parents[1]
PROJECT = PACKAGE.parent
STANDARD_LIBRARY = Path(traceback.__file__).parent
# The parts of the package that belong to the user, and files that look like it but do not.
USERS = {'models', 'resources', 'routes.py'}
NOT_USERS = {PROJECT / 'main.py', PACKAGE / 'resources' / 'model_resource.py'}
MAX_WORDS = 500


def of_error(error) -> str | None:
    """Return the last line of a user's file in the traceback; None if there is none."""
    lines = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((Path(error.filename), error.lineno))
    # An error that serving/ raises is about the model; the user's line would only be the call.
    if lines and lines[-1][0].parent == Path(__file__).parent and not isinstance(error, HandlerError):
        return None
    lines = [line for line in lines if _is_users(line[0])]
    return f'{_shown(lines[-1][0])}, line {lines[-1][1]}' if lines else None


def of_object(thing) -> str:
    """Return where a function begins, decorators included; for a class the file; for any other object routes.py."""
    thing = unwrapped(thing)
    try:
        file = Path(inspect.getsourcefile(thing) or '')
    except TypeError:
        file = PACKAGE / 'routes.py'
    line = f', line {thing.__code__.co_firstlineno}' if inspect.isfunction(thing) else ''
    return _shown(file) + line


def unwrapped(thing):
    """Return the class or function inside of decorators and of functools.partial."""
    while isinstance(thing, partial) or hasattr(thing, '__wrapped__'):
        thing = thing.func if isinstance(thing, partial) else thing.__wrapped__
    return thing


def in_one_line(error) -> str:
    """Return the type and the text of any exception, shortened: clients read it, too."""
    try:
        text = str(error)
    # The class is a user's, and its `__str__` may fail.
    except Exception as failure:
        text = f'its own text fails with {type(failure).__name__}'
    text = secrets.hidden(f'{type(error).__name__}: {text}')
    return ' '.join(text.split()).removesuffix(':')[:MAX_WORDS]


def _is_users(path):
    if path in NOT_USERS or path.suffix != '.py' or not path.is_absolute():
        return False
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).parts[0] in USERS
    return not path.is_relative_to(STANDARD_LIBRARY) and not {'site-packages', 'dist-packages'} & set(path.parts)


def _shown(path):
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else str(path)
