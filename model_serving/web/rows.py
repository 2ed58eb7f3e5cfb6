"""Checks routes.py before anything is loaded, so that a mistake is told by its row and not by a 500 for each call."""

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
        reason = _row_problem(row)
        if reason:
            url = row[0] if isinstance(row, tuple) and row and isinstance(row[0], str) else f'row {number}'
            raise StartError(f'routes.py: {url}: {reason}')
        reason = _post_problem(row.resource) or _result_schema_problem(row.resource)
        if reason:
            raise StartError(reason)


def _row_problem(row):
    if not isinstance(row, Route):
        return f'the row must be Route(url, resource, model), not {_described(row)}.'
    if not isinstance(row.url, str):
        return f"the first value of its row must be its URL, as '/v1/MyModel', not {_described(row.url)}."
    if not _is_resource(row.resource):
        swapped = ' Its third value is such a class: are the two swapped?' if _is_resource(row.model) else ''
        wanted = 'the class of its Flask-RESTful resource'
        return f'the second value of its row must be {wanted}, not {_described(row.resource)}.{swapped}'
    # A resource of the user's own brings its own model, so nothing is made of this value.
    if issubclass(row.resource, ModelResource) and (not callable(row.model) or _is_resource(row.model)):
        return f'the third value of its row must be the class of its model, not {_described(row.model)}.'
    return None


def _is_resource(value):
    return isinstance(value, type) and issubclass(value, flask_restful.Resource)


def _described(value):
    if isinstance(value, type):
        return f'the class {value.__name__}'
    return repr(value) if value is None or isinstance(value, (str, int)) else f'an object of {type(value).__name__}'


def _result_schema_problem(resource):
    result_schema = getattr(resource, 'result_schema', None)
    try:
        if result_schema:
            SchemaValidator(result_schema)
    except (SchemaError, TypeError, ValueError) as error:
        file = places.of_object(resource)
        return f'{file}: result_schema of {resource.__name__} is not a JSON Schema: {error}'
    return None


def _post_problem(resource):
    """Return why each call of `post` would fail, and where; None if none would, as far as one can see."""
    post = getattr(resource, 'post', None)
    is_dispatched = resource.dispatch_request is flask_restful.Resource.dispatch_request
    if not is_dispatched or not inspect.isfunction(post) or resource.method_decorators or resource.decorators:
        return None  # the decorators may call it with anything
    is_validated = getattr(post, 'validated', None) is post
    handler = post.handler if is_validated else post
    named = f'{places.of_object(post)}: post of {resource.__name__}'
    if inspect.iscoroutinefunction(handler) and not (is_validated and post.takes_instance):
        return f'{named} is async, so write @validate_json(schema) above async def post(self, instance).'
    # A decorator is called in place of what it wraps, so its own parameters count.
    parameters = list(inspect.signature(handler, follow_wrapped=False).parameters.values())[1:]
    for each in parameters:
        is_optional = each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        if not is_optional and not (is_validated and each.name == 'instance'):
            return (
                f'{named} takes {each.name!r}, but no value is given for it. '
                'Write @validate_json(schema) above it, and call the parameter instance.'
            )
    return None
