"""Where in the files that users write an error came from, as `model_serving/routes.py, line 3`."""

import sys
import traceback
from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LIBRARY = Path(traceback.__file__).parent
MAX_WORDS = 500
# Everything else is a user's, here and elsewhere: models, resources, routes.py and what these import.
OURS = ('app.py', 'formats', 'resources/file_resource.py', 'resources/model_resource.py', 'serving', 'utils', 'web')


def of_error(error) -> str | None:
    """Return the last line of a user's file on the way to `error`; None where there is none.

    There is none either where serving/ itself complains of the model, since then that line is only who called it.
    """
    lines = _lines(error)
    users = [line for line in lines if not _is_in(line[0], OURS)]
    return _text(*users[-1]) if users and not _is_in(lines[-1][0], ('serving',)) else None


def of_error_anywhere(error) -> str:
    """Return the last line of a user's file on the way to `error`, else of the package, else of main.py."""
    lines = _lines(error)
    return of_error(error) or (_text(*lines[-1]) if lines else 'main.py, line 1')


def of_function(function) -> str:
    """Return where a function begins: its decorators are a part of it. Of what else is callable, the file."""
    plain = _within(function)
    code = getattr(plain, '__code__', None)
    return _text(Path(code.co_filename), code.co_firstlineno) if code else of_maker(plain)


def of_maker(maker) -> str:
    """Return the user's file of a class, of a function or of what a partial holds; else routes.py, which names it."""
    module = sys.modules.get(getattr(_within(maker), '__module__', ''))
    file = Path(getattr(module, '__file__', None) or '')
    return _shown(file) if _is_read(file) else 'model_serving/routes.py'


def _within(function):
    """Return what stands within decorators and partials."""
    while isinstance(function, partial) or hasattr(function, '__wrapped__'):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    return function


def in_one_line(error) -> str:
    """Return the type and the text of any exception; clients read it, too, so it is never long."""
    try:
        text = str(error)
    # It is an author's class, whose `__str__` may fail in turn.
    except Exception as failure:
        text = f'its own text fails with {type(failure).__name__}'
    return ' '.join(f'{type(error).__name__}: {text}'.split()).removesuffix(':')[:MAX_WORDS]


def _lines(error):
    """Return path and number of each line of the package or of a user on the way to `error`."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        lines.append((error.filename, error.lineno))
    return [(Path(name), number) for name, number in lines if name and _is_read(Path(name))]


def _is_read(path):
    """Tell whether a file is of the package or of a user: of no library, nor main.py, which only calls."""
    is_library = path.is_relative_to(LIBRARY) or not {'site-packages', 'dist-packages'}.isdisjoint(path.parts)
    return path.is_absolute() and path.suffix == '.py' and path != PACKAGE.parent / 'main.py' and not is_library


def _is_in(path, places):
    return any(path.is_relative_to(PACKAGE / place) for place in places)


def _text(path, line):
    return f'{_shown(path)}, line {line}'


def _shown(path):
    return path.relative_to(PACKAGE.parent).as_posix() if path.is_relative_to(PACKAGE.parent) else str(path)
