"""What validate_json checks, beside jsonschema itself: the same verdict on every instance, and the same words."""

import asyncio
import json

import jsonschema
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_serving.utils.schema_validator import MAX_ERRORS, SchemaValidator, path_text
from model_serving.utils.text_utils import clip, with_null
from model_serving.utils.validation_utils import validate_json

names = st.sampled_from(['a', 'b', 'ab', 'ü', ''])
# No newline: `$` stands before a last one in Python's dialect alone, a case of its own below.
texts = st.text('abü1 \t😀', max_size=4)
integers = st.one_of(st.integers(-3, 3), st.sampled_from([2**63, 2**64 - 1, -(2**63), 10**15]))
numbers = st.one_of(integers, st.sampled_from([0.0, -0.0, 0.5, 1.0, 1.5, 2.0, 1e15, -1e-300, 5e-324]))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
instances = st.recursive(
    scalars, lambda some: st.one_of(st.lists(some, max_size=4), st.dictionaries(names, some, max_size=4)), max_leaves=8
)
sizes = st.integers(0, 3)
types = st.sampled_from(['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'])
patterns = st.sampled_from(['a', '^a', '^[ab]+$', 'b|1', '^.{2}$', 'ü?1', r'\s', '(ab)*1'])
SIZED = ['Length', 'Items', 'Contains', 'Properties']
BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']
WITH_A_SCHEMA = [
    *('items', 'contains', 'additionalProperties', 'propertyNames', 'unevaluatedProperties', 'unevaluatedItems'),
    *('not', 'if', 'then', 'else'),
]


def keywords(schemas):
    """Schemas that hold some keywords of JSON Schema, each of them with values that are likely to matter."""
    named = st.dictionaries(names, schemas, max_size=3)
    optional = {
        'type': st.one_of(types, st.lists(types, min_size=1, max_size=3, unique=True)),
        'enum': st.lists(instances, min_size=1, max_size=4),
        'const': instances,
        'multipleOf': st.sampled_from([1, 2, 3, 0.5]),
        'pattern': patterns,
        'uniqueItems': st.booleans(),
        'properties': named,
        'patternProperties': st.dictionaries(patterns, schemas, max_size=2),
        'required': st.lists(names, max_size=3, unique=True),
        'dependentRequired': st.dictionaries(names, st.lists(names, max_size=2, unique=True), max_size=2),
        'dependentSchemas': named,
        **{limit + of: sizes for limit in ('min', 'max') for of in SIZED},
        **dict.fromkeys(BOUNDS, numbers),
        **dict.fromkeys(WITH_A_SCHEMA, schemas),
        **dict.fromkeys(['prefixItems', 'anyOf', 'oneOf', 'allOf'], st.lists(schemas, min_size=1, max_size=3)),
    }
    return st.fixed_dictionaries({}, optional=optional)


schemas = st.recursive(st.booleans(), keywords, max_leaves=6)


def told(schema, instance) -> list | None:
    """Return the failures that an instance is refused for, None where it is valid."""
    validator = SchemaValidator(schema)
    return None if validator.is_valid(instance) else validator.errors(instance)


def with_branches(errors):
    """Yield jsonschema's errors and, of `anyOf` and `oneOf`, those of the branches."""
    for error in errors:
        yield error
        yield from with_branches(error.context)


def tells(failure, error) -> bool:
    """Whether one of our failures has the path and the words of jsonschema's error; a hint may follow."""
    has_words = failure['message'].startswith(clip(with_null(error.message)))
    return has_words and failure['path'] == path_text(error.absolute_path)


def test_messages_say_null_where_that_is_not_part_of_a_text():
    schema = {'properties': {'a': {'enum': ['None', None, "it's None"]}, 'b': {'type': 'number'}}}
    messages = [failure['message'] for failure in SchemaValidator(schema).errors({'a': 'a None', 'b': None})]
    assert messages == ["'a None' is not one of ['None', null, \"it's None\"]", "null is not of type 'number'"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize('examples', [30, pytest.param(1200, marks=pytest.mark.long)])
def test_the_verdict_and_the_words_are_those_of_jsonschema(examples):
    @settings(max_examples=examples, deadline=None)
    @given(schema=keywords(schemas), instance=instances)
    def compare(schema, instance):
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(instance))
        ours = told(schema, instance)
        assert (ours is None) == (not errors)
        # Of patternProperties it is jsonschema-rs that tells what is wrong: jsonschema may take for ever.
        if ours is None or 'patternProperties' in json.dumps(schema):
            return
        for failure in ours:
            assert any(tells(failure, error) for error in with_branches(errors)), failure
        if len(errors) <= MAX_ERRORS and not any(error.context for error in errors):
            for error in errors:
                assert any(tells(failure, error) for failure in ours), error

    compare()


DRAFT_7 = 'http://json-schema.org/draft-07/schema#'
JSON_TEXT = {'$schema': DRAFT_7, 'contentMediaType': 'application/json'}


@pytest.mark.parametrize(
    'schema, instance, message',
    [
        # The decimal number that a person means, not the binary one that is nearest to it.
        ({'multipleOf': 0.01}, 0.07, None),
        ({'multipleOf': 0.1}, 0.3, None),
        ({'multipleOf': 3}, 1e300, '1e+300 is not a multiple of 3'),
        # Regular expressions of ECMA 262, as the standard wants, and as browsers have them: not those of Python.
        ({'pattern': r'^\d$'}, '٣', r"'٣' does not match '^\\d$'"),
        ({'pattern': r'^\w$'}, 'é', r"'é' does not match '^\\w$'"),
        ({'pattern': r'^a$'}, 'a\n', r"'a\n' does not match '^a$'"),
        ({'pattern': r'\s'}, '\ufeff', None),
        ({'pattern': r'\s'}, '\x1c', r"'\x1c' does not match '\\s'"),
        ({'propertyNames': {'pattern': r'^\d$'}}, {'٣': 1}, r"'٣' does not match '^\\d$'"),
        ({'patternProperties': {'^a$': False}}, {'a\n': 1}, None),
        # Draft 7 lets a validator look into texts.
        ({'$schema': DRAFT_7, 'contentEncoding': 'base64'}, '!', '"!" is not compliant with "base64" content encoding'),
        (JSON_TEXT, '{', '"{" is not compliant with "application/json" media type'),
    ],
)
def test_where_both_differ_jsonschema_rs_decides(schema, instance, message):
    by_jsonschema = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)(schema)
    assert by_jsonschema.is_valid(instance) == (message is not None)
    assert told(schema, instance) == (message and [{'path': '', 'message': message}])


@pytest.mark.parametrize('schema', [{'$schema': DRAFT_7, 'format': 'email'}, {'format': 'nonsense'}])
def test_formats_are_not_checked_in_any_draft(schema):
    assert told(schema, 'no such thing') is None


@pytest.mark.parametrize('pattern', [r'\p{L}', r'(?<a>b)', r'a\Z', '[a', '('])
def test_a_pattern_that_one_of_both_can_not_read_is_refused_at_import(pattern):
    with pytest.raises((jsonschema.SchemaError, ValueError), match='regex'):
        validate_json({'pattern': pattern})


def test_all_failures_together_are_bounded_in_bytes():
    schema = {'properties': {f'属性{number}': {'type': 'integer'} for number in range(20)}}
    failures = SchemaValidator(schema).errors(dict.fromkeys(schema['properties'], '误' * 1000))
    assert 1 < len(failures) < 20
    assert len(json.dumps(failures, ensure_ascii=False).encode()) < 4500


@pytest.mark.parametrize(
    'schema, reason',
    [
        ({'properties': {'text': {'type': 'strng'}}}, "properties.text.type: 'strng' is not one of ['array', "),
        ({'required': 'text'}, "required: 'text' is not of type 'array'"),
        ({'examples': {'text': 1}}, "examples: {'text': 1} is not of type 'array'"),
        (True, 'it must be an object (and its $schema a text), not True'),
        (len, 'it must be an object (and its $schema a text), not <built-in'),
        ({'$schema': 5}, "it must be an object (and its $schema a text), not {'$schema': 5}"),
        ({'properties': {'a': {'$ref': '#/$defs/none'}}}, "Pointer '/$defs/none' does not exist"),
    ],
)
def test_what_is_no_schema_is_told_in_one_line_with_its_path(schema, reason):
    with pytest.raises(jsonschema.SchemaError) as error:
        validate_json(schema)
    assert str(error.value).startswith(reason)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('schema', [{'type': 'integer'}, {'$ref': '#/$defs/count'}])
def test_a_property_that_its_pattern_does_not_allow_is_named(schema):
    schema = {'patternProperties': {'^n_': schema}, '$defs': {'count': {'type': 'integer'}}}
    assert told(schema, {'n_a': 1, 'n_b': 'x'}) == [{'path': 'n_b', 'message': '"x" is not of type "integer"'}]


def test_nothing_recurses_over_the_instance():
    """At the deepest that a body may be, and beyond."""
    schema = {'items': {'$ref': '#'}, 'type': 'array'}
    (failure,) = told(schema, json.loads('[' * 99 + '1' + ']' * 99))
    assert failure['message'] == "1 is not of type 'array'"
    assert len(failure['path']) < 110
    assert told(schema, json.loads('[' * 900 + '1' + ']' * 900))[0]['message']


SQUARE = {'properties': {'kind': {'const': 'square'}, 'side': {'type': 'number'}}, 'required': ['kind', 'side']}
CIRCLE = {'properties': {'kind': {'const': 'circle'}, 'radius': {'type': 'number'}}, 'required': ['kind', 'radius']}


NONE_FITS = '1 is not valid under any of the given schemas'


@pytest.mark.parametrize('keyword', ['anyOf', 'oneOf'])
@pytest.mark.parametrize(
    'branches, instance, path, message',
    [
        # Of two kinds the one that the instance names, though it fails the other in as many ways.
        ([SQUARE, CIRCLE], {'kind': 'circle', 'radius': 'r'}, 'radius', "'r' is not of type 'number'"),
        ([CIRCLE, SQUARE], {'kind': 'square'}, '', "'side' is a required property"),
        # Of two types the one that the instance has.
        ([{'type': 'null'}, {'type': 'array', 'items': {'type': 'integer'}}], ['a'], '[0]', "'a' is not of type"),
        # Else the one with the fewest failures.
        ([{'required': ['a', 'b']}, {'required': ['c']}], {}, '', "'c' is a required property"),
        ([False, {'type': 'array'}], 1, '', "1 is not of type 'array'"),
        # Of some that are as near all, and none where none can fit.
        ([{'type': 'null'}, {'type': 'array'}], 1, '', f"{NONE_FITS}: 1 is not of type 'null'; or 1 is not of type 'a"),
        ([False, False], 1, '', NONE_FITS),
    ],
)
def test_of_branches_the_nearest_is_told(keyword, branches, instance, path, message):
    (failure,) = told({keyword: branches}, instance)
    assert failure['path'] == path
    assert failure['message'].startswith(message)


def test_an_instance_that_is_no_json_is_refused_with_the_fix():
    """Such as a handler makes for another model."""
    validator = SchemaValidator({'type': 'object'})
    array, coroutine = numpy.zeros(2), asyncio.sleep(0)
    for value in (array, coroutine):
        fix = 'Write array.tolist() for an array, and `await` before a call.'
        assert validator.refusal(value) == f"Unsupported type: '{type(value).__name__}'. {fix}"
    assert validator.refusal({}) is None
    coroutine.close()
