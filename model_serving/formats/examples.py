"""Tries a model file on an example when it starts: what the file promises of its results may not hold."""

import logging

import jsonschema_rs
import orjson

from ..serving import places
from ..serving.errors import InvalidInstance, StartError
from . import batches
from .schemas import example_of, patched

LOGGER = logging.getLogger('formats')
# The largest example that is made up, in bytes of JSON: the page shows it.
MAX_MADE_UP = 32 * 1024
# How long the arrays of examples are where the file allows any length: a network may need a minimum.
LENGTHS = (1, 8, 32, 128)
FAILED = (
    'it fails on an example that was made up from its schema: %s. If the file is right, add an example that it can '
    'predict to a JSON file that `schema = …` names.'
)
NO_EXAMPLE = '%s: no example could be made (%s). Add one to a JSON file that `schema = …` names.'
NO_RESULT_SCHEMA = '%s: its results are not as the file describes them, so they are not documented: %.200s'


def schemas_of(loaded, settings) -> tuple[dict, dict, bool]:
    """Return the patched schemas, and whether instances are predicted one by one.

    If the user gives no example, one is made up. The model predicts it, to know that what the file promises holds.
    """
    schema, result_schema = patched(loaded.schema, settings), loaded.result_schema
    if hasattr(loaded, 'use_schema'):
        loaded.use_schema(schema)
    try:
        is_valid = jsonschema_rs.validator_for(schema).is_valid
    except (jsonschema_rs.ValidationError, ValueError):
        return schema, result_schema, True  # the resource says what is wrong with the patch
    try:
        example, result = _answered(loaded, schema, is_valid)
    except (InvalidInstance, StartError) as error:
        # The user's own examples are run again, and their failure is told with its place.
        if isinstance(error, StartError) and 'examples' not in schema:
            raise
        if 'examples' not in schema:
            LOGGER.warning(NO_EXAMPLE, settings['file'], error)
        return schema, result_schema, True
    if not jsonschema_rs.is_valid(result_schema, result):
        LOGGER.warning(NO_RESULT_SCHEMA, settings['file'], result)
        result_schema = {}
    is_alone = not batches.keeps_instances_apart(loaded.predict, schema, example, is_valid)
    if 'examples' not in schema and len(orjson.dumps(example)) <= MAX_MADE_UP:
        schema = {**schema, 'examples': [example]}
    return schema, result_schema, is_alone


def _answered(loaded, schema, is_valid):
    """Return an example that the model can predict, and its result.

    Raises InvalidInstance if the model refuses all that were made up, StartError if it fails for all of them.
    """
    made_up = (example_of(schema, length) for length in LENGTHS)
    failure = None
    for example in schema['examples'][:1] if schema.get('examples') else made_up:
        try:
            if not is_valid(example):
                raise InvalidInstance('', 'what was made up does not fit the schema')
            return example, batches.as_json(loaded.predict([example])[0])
        except InvalidInstance as error:
            failure = failure or error
        except Exception as error:
            failure = failure or StartError(FAILED % places.in_one_line(error))
    raise failure
