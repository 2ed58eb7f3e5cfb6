"""Where in the user's files an error came from, as `model_serving/routes.py, line 3`."""

import sys
import traceback
from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LIBRARY = Path(traceback.__file__).parent
MAX_WORDS = 500
# Everything else in the package is the user's: models, resources, routes.py and what these import.
OURS = (
    'app.py',
    'asgi.py',
    'formats',
    'resources/file_resource.py',
    'resources/model_resource.py',
    'server',
    'serving',
)
OURS += ('utils', 'web')


def of_error(error, anywhere=False) -> str | None:
    """Return the last line of a user's file on the way to `error`, None if there is none.

    There is none either if serving/ itself complains of the model: then that line is only the caller's. With `anywhere`
    it is the last line of the package instead, or of main.py.
    """
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename, error.lineno))
    lines = [(Path(name), line) for name, line in frames if name and _is_source(Path(name))]
    users = [(path, line) for path, line in lines if not _is_in(path, OURS)]
    if users and not _is_in(lines[-1][0], ('serving',)):
        return f'{_shown(users[-1][0])}, line {users[-1][1]}'
    if anywhere:
        return f'{_shown(lines[-1][0])}, line {lines[-1][1]}' if lines else 'main.py, line 1'
    return None


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
    is_library = path.is_relative_to(LIBRARY) or not {'site-packages', 'dist-packages'}.isdisjoint(path.parts)
    return path.is_absolute() and path.suffix == '.py' and path != PACKAGE.parent / 'main.py' and not is_library


def _is_in(path, places):
    return any(path.is_relative_to(PACKAGE / place) for place in places)


def _shown(path):
    return path.relative_to(PACKAGE.parent).as_posix() if path.is_relative_to(PACKAGE.parent) else str(path)
