import inspect
import re
from importlib.util import find_spec
from typing import NamedTuple

from . import places
from .errors import StartError

# These words stand for other things in URLs, in conf files or in the names of environment variables.
RESERVED_NAMES = {'models', 'health', 'repository', 'model', 'serving'}
OPTIONAL = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


class Route(NamedTuple):
    """A row of routes.py: where a resource is served and the class of its model.

    `url` is `/v<int>/<Name>`; a name starts with a letter and goes on with letters, digits and `_`.
    `needs` is the name by which an optional package is imported; without that package the row is skipped.
    """

    url: str
    resource: type
    model: type | None = None
    needs: str | None = None

    @property
    def is_installed(self) -> bool:
        """Tell whether the optional package is there, or none is needed."""
        try:
            return self.needs is None or find_spec(self.needs) is not None
        # `needs` is a part of a package, and the whole is missing.
        except ModuleNotFoundError:
            return False

    @property
    def version_and_name(self) -> tuple[int, str]:
        """Return `(1, 'XXXModel')` for `/v1/XXXModel`; raises StartError for any other shape."""
        return version_and_name(self.url, 'routes.py')

    def check(self):
        """Raise StartError if a value of the row is of the wrong kind, or if every call of its `post` would fail."""
        if not isinstance(self.url, str):
            raise StartError(f"routes.py: {described(self.url)}: a row must start with its URL, as '/v1/MyModel'.")
        if not _is_resource(self.resource):
            swapped = ' Its third value is such a class: are the two swapped?' if _is_resource(self.model) else ''
            wanted, value = 'second value must be the class of its Flask-RESTful resource', self.resource
        # Any other resource brings its own model, and the third value is not used.
        elif hasattr(self.resource, 'predict_async') and (not callable(self.model) or _is_resource(self.model)):
            wanted, value, swapped = 'third value must be the class of its model', self.model, ''
        else:
            return _check_post(self.resource)
        raise StartError(f'routes.py: {self.url}: the {wanted}, not {described(value)}.{swapped}')


def version_and_name(url: str, place: str) -> tuple[int, str]:
    """Return version and name of a model's URL; raises StartError, which names the `place` of the URL."""
    match = re.fullmatch(r'/v(0|[1-9][0-9]*)/([A-Za-z]\w*)', url, re.ASCII)
    if not match:
        raise StartError(f'{place}: {url!r} must have the form /v<number>/<Name>, its name of letters, digits and _.')
    if match[2].lower() in RESERVED_NAMES:
        raise StartError(f'{place}: {url!r}: the name {match[2]!r} is reserved. Choose another.')
    return int(match[1]), match[2]


def check_routes(routes):
    """Validate routes.py before anything is loaded; raises StartError, which names the row and the fix."""
    if isinstance(routes, Route) or not isinstance(routes, (tuple, list)):
        raise StartError('routes.py: ROUTES must be a tuple of rows: (Route(url, resource, model),) with that comma.')
    for number, row in enumerate(routes, 1):
        if not isinstance(row, Route):
            raise StartError(f'routes.py: row {number} must be Route(url, resource, model), not {described(row)}.')
        row.check()


def _is_resource(value):
    # Any view of Flask has this; serving/ imports neither Flask nor Flask-RESTful.
    return isinstance(value, type) and hasattr(value, 'as_view')


def described(value) -> str:
    """Return what a value is, for a message that says that another one is needed."""
    if isinstance(value, type):
        return f'the class {value.__name__}'
    return repr(value) if value is None or isinstance(value, (str, int)) else f'an object of {type(value).__name__}'


def _check_post(resource):
    """Raise StartError if there is no method, or if `post` needs another argument or is async without validate_json."""
    is_plain = resource.dispatch_request.__module__.startswith('flask')
    if not resource.methods and is_plain and not resource.decorators:
        where = places.of_object(resource)
        raise StartError(f'{where}: {resource.__name__} answers nothing: it needs a method `post`.')
    post = getattr(resource, 'post', None)
    if not inspect.isfunction(post) or resource.method_decorators or resource.decorators:
        return  # the decorators may pass any arguments
    handler = getattr(post, 'handler', post)
    # Of another decorator around it, the parameters of the decorator count.
    parameters = list(inspect.signature(handler, follow_wrapped=False).parameters.values())[1:]
    given = {'instance'} if getattr(post, 'takes_instance', False) else set()
    required = [each.name for each in parameters if each.default is each.empty and each.kind not in OPTIONAL]
    unknown = [name for name in required if name not in given]
    if inspect.isgeneratorfunction(handler):
        raise StartError(
            f'{places.of_object(post)}: post of {resource.__name__} has a yield, so it must be `async def`. '
            'A `def` handler returns the whole answer, or a Response of Flask with a generator.'
        )
    is_async = inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)
    if unknown or (is_async and not given):
        what = f'takes {unknown[0]!r}, but no value is given for it' if unknown else 'is async'
        raise StartError(
            f'{places.of_object(post)}: post of {resource.__name__} {what}. '
            'Write @validate_json(schema) above it, and (self, instance) as its parameters.'
        )
