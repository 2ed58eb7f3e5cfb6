"""Where in the user's files an error came from, as `model_serving/routes.py, line 3`."""

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
    """Return the last line of a user's file on the way to `error`, None if there is none.

    There is none either if serving/ itself complains of the model: then that line is only the caller's. With `anywhere`
    it is the last line of the package instead, or of main.py.
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
    """Return where a function begins, decorators included; of anything else, and of a class, the file that made it."""
    while isinstance(thing, partial) or hasattr(thing, '__wrapped__'):
        thing = thing.func if isinstance(thing, partial) else thing.__wrapped__
    code = getattr(thing, '__code__', None)
    if code:
        return f'{_shown(Path(code.co_filename))}, line {code.co_firstlineno}'
    file = Path(getattr(sys.modules.get(getattr(thing, '__module__', '')), '__file__', None) or '')
    return _shown(file) if _is_source(file) else 'model_serving/routes.py'


def in_one_line(error) -> str:
    """Return the type and the text of any exception; clients read it, too, so it is never long."""
    try:
        text = str(error)
    # It is an author's class, whose `__str__` may fail in turn.
    except Exception as failure:
        text = f'its own text fails with {type(failure).__name__}'
    return ' '.join(f'{type(error).__name__}: {text}'.split()).removesuffix(':')[:MAX_WORDS]


def _is_source(path):
    """Tell whether a file belongs to the package or to a user: not to a library, nor main.py, which only calls."""
    is_library = path.is_relative_to(STANDARD_LIBRARY) or {'site-packages', 'dist-packages'} & set(path.parts)
    return path.is_absolute() and path.suffix == '.py' and path != PROJECT / 'main.py' and not is_library


def _is_users(path):
    is_ours = path.is_relative_to(PACKAGE) and path.relative_to(PACKAGE).parts[0] in OURS
    return not is_ours and path != BASE_CLASS


def _shown(path):
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else str(path)
