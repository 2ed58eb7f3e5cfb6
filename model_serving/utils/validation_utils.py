"""`validate_json(schema)`: the decorator that is the whole contract of a handler."""

import inspect
from functools import wraps
from itertools import islice

import jsonschema
import jsonschema_rs
from flask_restful import request
from werkzeug.exceptions import BadRequest

MAX_ERRORS = 20
MAX_MESSAGE = 240
# jsonschema needs 0.4 s for 100,000 numbers, so for larger bodies jsonschema-rs writes the messages too.
MAX_EXPLAINED_BODY = 64 * 1024


def validate_json(schema, force=False):
    """Decorate a handler: only JSON that fits `schema` reaches it, anything else is a 400.

    A handler with a parameter `instance` gets the JSON there; another one reads `request.json`.
    `force=True` reads the body whatever its Content-Type. The schema (JSON Schema, 2020-12 unless
    `$schema` says otherwise) is checked now, at import, and kept as `handler.schema`; the other attributes
    are for the direct lane.
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
                raise invalid(validator.errors(instance, request.content_length or 0))
            if takes_instance:
                kwargs['instance'] = instance
            return handler(*args, **kwargs)

        wrapper.schema = schema
        wrapper.is_valid, wrapper.handler, wrapper.takes_instance = validator.is_valid, handler, takes_instance
        wrapper.validated = wrapper
        return wrapper

    return decorator


class SchemaValidator:
    """jsonschema-rs decides what is valid, since it is quick; jsonschema says why not, in the words people know."""

    def __init__(self, schema):
        """Check `schema`; raises jsonschema.SchemaError, or ValueError for a pattern that only one of both reads."""
        explainer = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        # The format checker also makes sure that Python can compile each pattern.
        explainer.check_schema(schema, format_checker=explainer.FORMAT_CHECKER)
        self._explainer = explainer(schema)
        self._validator = jsonschema_rs.validator_for(schema, validate_formats=False)
        self.is_valid = self._validator.is_valid

    def errors(self, instance, body_size=0) -> list:
        """Return up to 20 failures as `{'path': 'image[3][7]', 'message': str}`, the most telling one first."""
        errors = self._explained(instance) if body_size <= MAX_EXPLAINED_BODY else []
        if not errors:
            errors = islice(self._validator.iter_errors(instance), MAX_ERRORS)
            errors = [{'path': path_text(error.instance_path), 'message': clip(error.message)} for error in errors]
        return errors

    def _explained(self, instance):
        try:
            errors = list(islice(self._explainer.iter_errors(instance), MAX_ERRORS))
        except RecursionError:
            return []
        errors.sort(key=jsonschema.exceptions.relevance, reverse=True)
        return [{'path': path_text(error.absolute_path), 'message': clip(error.message)} for error in errors]


def invalid(errors) -> BadRequest:
    """Return the 400 for `errors`, whose first one becomes the message."""
    first = errors[0]
    bad_request = BadRequest(f'{first["path"]}: {first["message"]}' if first['path'] else first['message'])
    bad_request.data = {'message': bad_request.description, 'errors': errors}
    return bad_request


def path_text(path) -> str:
    """Return `image[3][7]` for `['image', 3, 7]`; the top is empty."""
    return ''.join(f'[{part}]' if isinstance(part, int) else f'.{part}' for part in path).removeprefix('.')


def clip(message: str) -> str:
    """Cut the middle out of a long message: it quotes the instance first and says what is wrong last."""
    if len(message) <= MAX_MESSAGE:
        return message
    return f'{message[: MAX_MESSAGE // 2]} … {message[-MAX_MESSAGE // 2 :]}'
