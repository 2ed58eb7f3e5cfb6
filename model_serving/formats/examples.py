"""Tries a model file on an example when it starts: what the file promises of its results may not hold."""

import contextlib
import logging

import jsonschema_rs
import orjson

from ..serving import places
from ..serving.errors import InvalidInstance, StartError
from . import batches, plausible
from .renaming import check_names
from .schemas import NOT_TOLD, described, example_of, patched, size_of

LOGGER = logging.getLogger('formats')
# The largest example that is made up, in bytes of JSON: the page shows it.
MAX_MADE_UP = 32 * 1024
# The largest that is tried, in bytes of JSON, so that a start takes no longer than it must.
MAX_TRIED = 2**25
# How long the arrays of examples are where the file allows any length: a network may need a minimum.
LENGTHS = (1, 8, 32, 128)
ADD_ONE = 'If the file is right, add an example that it can predict to a JSON file that `schema = …` names.'
NO_EXAMPLE = '%s: no example that fits its schema could be made up. Add one to the JSON file that `schema = …` names.'
NO_RESULT_SCHEMA = '%s: its results are not as the file describes them, so they are not documented: %.200s'


def schemas_of(loaded, settings) -> tuple[dict, dict, bool]:
    """Return the patched schemas, and whether instances are predicted one by one.

    If the user gives no example, some are made up: of zeros, to try the model with, and a plausible one, to show.
    The model predicts them, to know that what the file promises holds. Raises StartError if the model can't.
    """
    schema, result_schema = patched(loaded.schema, settings), loaded.result_schema
    if hasattr(loaded, 'use_schema'):
        loaded.use_schema(schema)
    try:
        validator = jsonschema_rs.validator_for(schema)
    except (jsonschema_rs.ValidationError, ValueError):
        return schema, result_schema, True  # the resource says what is wrong with the patch
    examples, rows = _examples(loaded, schema, validator)
    fitting, rows = list(filter(validator.is_valid, examples)), list(filter(validator.is_valid, rows))
    if not fitting + rows:
        LOGGER.warning(NO_EXAMPLE, settings['file'])
        return schema, result_schema or {}, True
    try:
        example, result = _answered(loaded.predict, fitting + rows)
    except Exception as error:
        # The user's own examples are run again, and their failure is told with its place.
        if 'examples' not in schema:
            _tell(error, settings['file'], schema, is_guess=examples[0] != examples[-1])
        return schema, result_schema or {}, True
    result_schema = _checked(result_schema, result, settings)
    tried = [example, *_next(loaded.predict, fitting, example)]
    is_alone = not all(batches.keeps_instances_apart(loaded.predict, schema, one, validator.is_valid) for one in tried)
    shown = {} if 'examples' in schema else _shown(loaded.predict, result_schema, [*rows, example])
    return {**schema, **shown}, result_schema, is_alone


def _examples(loaded, schema, validator):
    """Return the examples to try: the user's alone, or zeros with arrays of several lengths and a plausible row."""
    if schema.get('examples'):
        return schema['examples'], []
    lengths = [length for length in LENGTHS if length == 1 or size_of(schema, length) <= MAX_TRIED]
    row = plausible.row(schema, loaded.schema, getattr(loaded, 'typical', {}), validator)
    return [example_of(schema, length) for length in lengths], [row]


def _shown(predict, result_schema, examples):
    """Return `{'examples': […]}` with the first example that is small and whose result is as promised, if there is one.

    The last one has been tried already.
    """
    tried = examples[-1]
    for example in examples:
        with contextlib.suppress(Exception):
            if len(orjson.dumps(example)) > MAX_MADE_UP:
                continue
            if example == tried or jsonschema_rs.is_valid(result_schema, batches.as_json(predict([example])[0])):
                return {'examples': [example]}
    return {}


def _tell(error, file, schema, is_guess):
    """Warn that the model refuses what was made up, if texts and lengths were guessed; raise StartError otherwise."""
    names = [name for name, one in schema.get('properties', {}).items() if one.get('description') == NOT_TOLD]
    types = f' It can also give the types of {", ".join(names)}, which the model file does not tell.' if names else ''
    reason = places.in_one_line(error).removesuffix('.')
    if not (is_guess and isinstance(error, InvalidInstance)):
        raise StartError(
            f'it fails on an example that was made up from its schema: {reason}. {ADD_ONE}{types}'
        ) from error
    LOGGER.warning('%s: it refuses the examples that were made up: %s. %s', file, reason, ADD_ONE + types)


def _answered(predict, examples):
    """Return the first example that the model can predict, and its result; raises what it raises for the first."""
    failure = None
    for example in examples:
        try:
            return example, batches.as_json(predict([example])[0])
        except Exception as error:
            failure = failure or error
    raise failure


def _next(predict, examples, example):
    """Return a list of the next example that the model can predict: arrays of one item hide much, as in a softmax."""
    for other in examples:
        if other != example:
            with contextlib.suppress(Exception):
                predict([other])
                return [other]
    return []


def _checked(result_schema, result, settings):
    """Return the schema of the results: the file's own if it holds, or what the first result shows."""
    if result_schema is None:
        result_schema = described(result)
        names = [settings['outputs'].get(ours, ours) for ours in result_schema.get('properties', ())]
        check_names(settings['outputs'], names, '[outputs]')
    if not jsonschema_rs.is_valid(result_schema, result):
        LOGGER.warning(NO_RESULT_SCHEMA, settings['file'], result)
        return {}
    return result_schema
