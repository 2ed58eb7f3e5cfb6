"""Whether the rows of routes.py hold what belongs there, before anything is made of them."""

import inspect

import flask_restful
from jsonschema import SchemaError

from ..resources.model_resource import ModelResource
from ..serving import places
from ..serving.errors import StartError
from ..serving.route import Route
from ..utils.validation_utils import SchemaValidator


def check(routes):
    """Raise StartError for the first row that can't be served: which one, and what belongs there."""
    if isinstance(routes, Route) or not isinstance(routes, (tuple, list)):
        raise StartError('routes.py: ROUTES must be a tuple of rows: (Route(url, resource, model),) with that comma.')
    for number, row in enumerate(routes, 1):
        reason = _problem(row)
        if reason:
            url = row[0] if isinstance(row, tuple) and row else None
            raise StartError(f'routes.py: {url if isinstance(url, str) else f"row {number}"}: {reason}')
        _check_resource(row.resource)


def _problem(row):
    """Return what belongs in the row where something else stands; None when all is right."""
    if not isinstance(row, Route):
        return f'the row must be Route(url, resource, model), not {_described(row)}.'
    for position, field, fits, wanted in VALUES:
        value = getattr(row, field)
        if not fits(row):
            swapped = field == 'resource' and _is_resource(row.model)
            hint = ' Its third value is such a class: are the two swapped?' if swapped else ''
            return f'the {position} value of its row must be {wanted}, not {_described(value)}.{hint}'
    return None


def _is_resource(value):
    return isinstance(value, type) and issubclass(value, flask_restful.Resource)


def _makes_model(row):
    # A resource of the user's own brings its own model, so nothing is made of this value.
    is_used = issubclass(row.resource, ModelResource)
    return not is_used or (callable(row.model) and not _is_resource(row.model))


VALUES = (
    ('first', 'url', lambda row: isinstance(row.url, str), "its URL, as '/v1/MyModel'"),
    ('second', 'resource', lambda row: _is_resource(row.resource), 'the class of its Flask-RESTful resource'),
    ('third', 'model', _makes_model, 'the class of its model, or what else makes the model when it is called'),
)


def _described(value):
    if value is None or isinstance(value, (str, int)):
        return repr(value)
    if isinstance(value, type):
        return f'the class {value.__name__}'
    kind = type(value)
    return f'a {kind.__name__}' if kind.__module__ == 'builtins' else f'an object of {kind.__name__}'


def _check_resource(resource):
    """Raise StartError for a `post` that can't be called, and for a result schema that is none."""
    reason = _post_problem(resource)
    if reason:
        raise StartError(reason)
    result_schema = getattr(resource, 'result_schema', None)
    try:
        if result_schema:
            SchemaValidator(result_schema)
    except (SchemaError, TypeError, ValueError) as error:
        file = places.of_object(resource)
        raise StartError(f'{file}: result_schema of {resource.__name__} is no JSON Schema: {error}') from None


def _post_problem(resource):
    """Return why each call of `post` would fail, and where; None where none would, as far as one can see."""
    if resource.dispatch_request is not flask_restful.Resource.dispatch_request or not hasattr(resource, 'post'):
        return None
    post, named = resource.post, f'post of {resource.__name__}'
    # A property, say, is no method, but makes one.
    if not callable(post) and not hasattr(post, '__get__'):
        return f'{places.of_object(resource)}: {named} must be a method, not {_described(post)}.'
    if not inspect.isfunction(post) or resource.method_decorators or resource.decorators:
        return None  # whatever stands around it may hand it anything
    is_validated = getattr(post, 'validated', None) is post
    handler = post.handler if is_validated else post
    if inspect.iscoroutinefunction(handler) and not (is_validated and post.takes_instance):
        return (
            f'{places.of_object(post)}: {named} is async, so it must take the instance: '
            'put @validate_json(schema) above async def post(self, instance).'
        )
    # A decorator is called in place of what it wraps, so its own parameters count.
    parameters = inspect.signature(handler, follow_wrapped=False).parameters
    if is_validated and 'instance' in parameters and parameters['instance'].kind is inspect.Parameter.POSITIONAL_ONLY:
        return f'{places.of_object(post)}: {named} is handed instance by its name. Leave out the / behind it.'
    for name in _needed(parameters):
        if not (is_validated and name == 'instance'):
            return (
                f'{places.of_object(post)}: {named} takes {name!r}, which nothing hands it. '
                'Put @validate_json(schema) above it, and call the parameter instance.'
            )
    return None


def _needed(parameters):
    """Return the names of those parameters beside self that have to be given."""
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    rest = list(parameters.values())[1:]
    return [each.name for each in rest if each.default is each.empty and each.kind not in optional]
