"""Decides whether an instance fits a JSON Schema, and says in words why not."""

from functools import cache
from itertools import chain, islice

import jsonschema
import jsonschema_rs
import orjson
from jsonschema.exceptions import ValidationError

from .text_utils import clip, did_you_mean, with_null

MAX_ERRORS = 20
MAX_PATH = 100
# For all failures together, in bytes of JSON, so that the whole answer stays below 8 KiB.
MAX_ERRORS_SIZE = 4 * 1024
# jsonschema takes 0.4 s for 100,000 numbers. For a larger body only the first failure is reported.
MAX_EXPLAINED_BODY = 64 * 1024


class SchemaValidator:
    """jsonschema-rs decides what is valid, because it is fast; jsonschema explains, in words that people know."""

    def __init__(self, schema):
        """Check `schema`; raises jsonschema.SchemaError with one line, or ValueError if it is not JSON."""
        if not isinstance(schema, dict) or not isinstance(schema.get('$schema', ''), str):
            raise jsonschema.SchemaError(clip(f'it must be an object (and its $schema a text), not {schema!r}'))
        explainer = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            # The format checker also makes sure that Python can compile each pattern.
            explainer.check_schema(schema, format_checker=explainer.FORMAT_CHECKER)
            self._validator = jsonschema_rs.validator_for(_with_integers(schema), validate_formats=False)
        # Both would print the whole metaschema; the place and the reason are enough.
        except jsonschema.SchemaError as error:
            raise jsonschema.SchemaError(in_words(next(_failures(error)))) from None
        except jsonschema_rs.ValidationError as error:
            raise jsonschema.SchemaError(in_words(_failure(error))) from None
        self._explainer = jsonschema.validators.extend(explainer, QUICK_KEYWORDS)(schema)
        self.is_valid = self._validator.is_valid

    def refusal(self, instance) -> str | None:
        """Return why an instance that a handler made is not valid, in short; None if it is valid."""
        try:
            return None if self.is_valid(instance) else in_words(self._first_error(instance)[0])
        # The instance holds a value that is not JSON.
        except ValueError as error:
            return f'{error}. Write array.tolist() for an array, and `await` before a call.'

    def errors(self, instance, body_size=0) -> list:
        """Return up to 20 failures as `{'path': 'image[3][7]', 'message': str}`, the most helpful one first."""
        if body_size > MAX_EXPLAINED_BODY:
            return self._first_error(instance)
        try:
            errors = list(islice(self._explainer.iter_errors(instance), MAX_ERRORS))
        # jsonschema may fail, as on deep recursion; jsonschema-rs has refused the instance all the same.
        except Exception:
            errors = []
        errors.sort(key=_order)
        failures = list(islice(chain.from_iterable(map(_failures, errors)), MAX_ERRORS))
        while len(failures) > 1 and len(orjson.dumps(failures)) > MAX_ERRORS_SIZE:
            failures.pop()
        return failures or self._first_error(instance)

    def _first_error(self, instance):
        try:
            self._validator.validate(instance)
        except jsonschema_rs.ValidationError as error:
            return [_failure(error)]
        raise AssertionError('The instance is valid.')


def _with_integers(schema):
    """Return the schema with 1 for 1.0, which means the same: jsonschema-rs compares with integers 20 times as fast."""
    if isinstance(schema, dict):
        return {key: _with_integers(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_with_integers(value) for value in schema]
    return int(schema) if isinstance(schema, float) and schema.is_integer() and abs(schema) < 2**53 else schema


def in_words(failure: dict) -> str:
    """Return `image[3][7]: 17 is greater than …` for a failure with its path and message."""
    return f'{failure["path"]}: {failure["message"]}' if failure['path'] else failure['message']


def path_text(path) -> str:
    """Return `image[3][7]` for `['image', 3, 7]`; the top is empty, and the middle of a long one is cut out."""
    text = ''.join(f'[{part}]' if isinstance(part, int) else f'.{part}' for part in path).removeprefix('.')
    return clip(text, MAX_PATH)


def _failure(error):
    return {'path': path_text(error.instance_path), 'message': clip(error.message)}


def _order(error):
    # A failure higher up helps more. The sort is stable, so otherwise the order is the schema's.
    return len(error.path), error.validator in ('anyOf', 'oneOf')


def _failures(error):
    """Yield an error as path and message; for `anyOf` and `oneOf`, the errors of the branch that fits best."""
    branches = {}
    for each in error.context:
        if each.schema_path:  # the schema `false` has none
            branches.setdefault(each.schema_path[0], []).append(each)
    ranked = sorted(branches.values(), key=_distance)
    if ranked and _distance(ranked[0]) not in map(_distance, ranked[1:]):
        for each in sorted(ranked[0], key=_order):
            yield from _failures(each)
    else:
        yield {'path': path_text(error.absolute_path), 'message': clip(with_null(error.message)) + _hint(error)}


def _distance(errors):
    """Rank a branch by its errors: first a wrong type, then wrong constants, then their number."""
    other_type = any(error.validator == 'type' and not error.path for error in errors)
    return other_type, sum(error.validator in ('const', 'enum') for error in errors), len(errors)


def _hint(error):
    """Return a hint on how to fix the failure, to append to its message."""
    if error.validator in ('additionalProperties', 'unevaluatedProperties') and isinstance(error.instance, dict):
        known = error.schema.get('properties', {})
        unknown = islice((name for name in error.instance if name not in known), MAX_ERRORS)
        return next((f'.{hint}' for hint in (did_you_mean(name, known) for name in unknown) if hint), '')
    reasons = ((path_text(each.path), clip(with_null(each.message), 80)) for each in error.context)
    wants = dict.fromkeys(f'{path} {reason}'.strip() for path, reason in reasons)
    return f': {clip("; or ".join(islice(wants, 4)))}' if wants else ''


@cache
def _validator(schema: bytes):
    # Cached, because it is called for each item of an array; as bytes, because a dict can't be a key of the cache.
    return jsonschema_rs.validator_for(orjson.loads(schema))


def _quick(keyword, message=None):
    """Return a check of one keyword for jsonschema that calls jsonschema-rs, with our `message` if there is one."""

    def check(validator, value, instance, schema):
        for error in islice(_validator(orjson.dumps({keyword: value})).iter_errors(instance), 1):
            text = message.format(instance, value) if message else error.message
            yield ValidationError(text, path=error.instance_path)

    return check


# jsonschema's own checks of these are slow, and exponentially so on hostile input.
QUICK_KEYWORDS = {
    'pattern': _quick('pattern', '{0!r} does not match {1!r}'),
    'patternProperties': _quick('patternProperties'),
    'uniqueItems': _quick('uniqueItems', '{0!r} has non-unique elements'),
}
