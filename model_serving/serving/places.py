"""Finds the line of the user's own files where an error came from, as `model_serving/routes.py, line 3`."""

import sys
import traceback
from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
PROJECT = PACKAGE.parent
STANDARD_LIBRARY = Path(traceback.__file__).parent
# Everything else in the package is the user's, but for the base class among the resources.
OURS = {'app.py', 'asgi.py', 'formats', 'front', 'server', 'serving', 'utils', 'web'}
BASE_CLASS = PACKAGE / 'resources' / 'model_resource.py'
MAX_WORDS = 500


def of_error(error, anywhere=False) -> str | None:
    """Return the last line of a user's file in the traceback; None if there is none.

    An error that serving/ itself raises about a model has none: the line would be the caller's. With `anywhere`, return
    the last line of the package instead, or of main.py.
    """
    lines = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((Path(error.filename), error.lineno))
    lines = [line for line in lines if _is_source(line[0])]
    found = [line for line in lines if _is_users(line[0])]
    if found and lines[-1][0].is_relative_to(PACKAGE / 'serving'):
        found = []
    if anywhere:
        found = found or lines or [(PROJECT / 'main.py', 1)]
    return f'{_shown(found[-1][0])}, line {found[-1][1]}' if found else None


def of_object(thing) -> str:
    """Return where a function begins, decorators included; for a class or any other object, the file that made it."""
    while isinstance(thing, partial) or hasattr(thing, '__wrapped__'):
        thing = thing.func if isinstance(thing, partial) else thing.__wrapped__
    code = getattr(thing, '__code__', None)
    if code:
        return f'{_shown(Path(code.co_filename))}, line {code.co_firstlineno}'
    file = Path(getattr(sys.modules.get(getattr(thing, '__module__', '')), '__file__', None) or '')
    return _shown(file) if _is_source(file) else 'model_serving/routes.py'


def in_one_line(error) -> str:
    """Return the type and the text of any exception, shortened: clients read it, too."""
    try:
        text = str(error)
    # The class is a user's, and its `__str__` may fail.
    except Exception as failure:
        text = f'its own text fails with {type(failure).__name__}'
    return ' '.join(f'{type(error).__name__}: {text}'.split()).removesuffix(':')[:MAX_WORDS]


def _is_source(path):
    """Tell whether a file is the package's or a user's; main.py only calls, so it does not count."""
    is_library = path.is_relative_to(STANDARD_LIBRARY) or {'site-packages', 'dist-packages'} & set(path.parts)
    return path.is_absolute() and path.suffix == '.py' and path != PROJECT / 'main.py' and not is_library


def _is_users(path):
    is_ours = path.is_relative_to(PACKAGE) and path.relative_to(PACKAGE).parts[0] in OURS
    return not is_ours and path != BASE_CLASS


def _shown(path):
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else str(path)
