"""`validate_json(schema)`: the decorator that defines what a handler accepts."""

import inspect
from functools import wraps

from flask_restful import request
from werkzeug.exceptions import BadRequest

from ..serving import event_loop
from .schema_validator import SchemaValidator, in_words
from .text_utils import rows_hint

# For an async handler of a resource without a servable, in seconds.
TIMEOUT = 30


def validate_json(schema, force=False):
    """Decorate a handler: it is called only with JSON that fits `schema`; anything else is a 400.

    A handler with a parameter `instance` gets the JSON as that; any other handler reads `request.json`. An `async def`
    handler takes `instance` and runs on the event loop, where Flask's `request` is not available. `force=True` accepts
    any Content-Type. The schema (JSON Schema, 2020-12 unless `$schema` says otherwise) is checked at import and kept
    as `handler.schema`. asgi.py uses the other attributes to answer valid requests without Flask.
    """
    validator = SchemaValidator(schema)

    def decorator(handler):
        takes_instance = 'instance' in inspect.signature(handler).parameters

        @wraps(handler)
        def wrapper(*args, **kwargs):
            instance = request.get_json(force=force)
            if instance is None:
                raise BadRequest('No JSON object')
            if not validator.is_valid(instance):
                raise invalid(validator.errors(instance, len(request.get_data())), rows_hint(instance, schema))
            if takes_instance:
                kwargs['instance'] = instance
            result = handler(*args, **kwargs)
            if not inspect.iscoroutine(result):
                return result
            servable = getattr(args[0], 'servable', None) if args else None
            name, timeout = (servable.name, servable.settings['timeout']) if servable else ('The handler', TIMEOUT)
            return event_loop.run(result, name, timeout)

        wrapper.schema = schema
        wrapper.is_valid, wrapper.handler, wrapper.takes_instance = validator.is_valid, handler, takes_instance
        wrapper.refusal, wrapper.errors, wrapper.force = validator.refusal, validator.errors, force
        # functools.wraps copies attributes; comparing by identity shows whether another decorator is around this one.
        wrapper.validated = wrapper
        return wrapper

    return decorator


def invalid(errors, hint='') -> BadRequest:
    """Return the 400 for `errors`, whose first one, with a `hint` at its end, becomes the message."""
    errors[0]['message'] += hint
    bad_request = BadRequest(in_words(errors[0]))
    bad_request.data = {'errors': errors}
    return bad_request
