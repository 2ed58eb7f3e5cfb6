"""What the files of boosters know only as numbers: categories of features, and classes and outputs of results."""

import json
import math

from ..serving.errors import InvalidInstance, StartError
from . import tensors
from .schemas import classifier_schema, object_schema, result_value_schema

# How many categories a description and the examples name.
MAX_SHOWN = 20
KINDS = {
    'string': lambda value: isinstance(value, str),
    'boolean': lambda value: isinstance(value, bool),
    'integer': lambda value: isinstance(value, int) and not isinstance(value, bool),
    'number': lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
}
MIXED = (
    'the categories of {!r} are not all texts, all numbers, or all true and false. '
    'Convert them to texts, and train it again.'
)


class Categories:
    """The categories of columns, each list in the order of its codes, for a framework that takes the codes.

    With `refuses_unknown` other values are refused; without it they count as missing. `schemas` are those of the
    columns. Raises StartError for categories of several types, because JSON could not tell them apart.
    """

    def __init__(self, columns: dict, refuses_unknown: bool):
        schema = _closed_schema if refuses_unknown else _open_schema
        self.schemas = {name: schema(_kind(name, known), known) for name, known in columns.items()}
        self._codes = {name: {value: code for code, value in enumerate(known)} for name, known in columns.items()}
        self._refuses_unknown = refuses_unknown

    def encode(self, instances: list) -> list:
        """Return the instances with codes for categories; None is a missing one. Raises InvalidInstance."""
        if not self._codes:
            return instances
        return [
            instance | {name: self._code(name, instance.get(name)) for name in self._codes} for instance in instances
        ]

    def _code(self, name, value):
        # The schema may have been patched, so it need not have refused the value.
        if not isinstance(value, str | int | float | None):
            raise InvalidInstance(name, 'must be a category, not an array or an object')
        code = self._codes[name].get(value)
        if code is None and value is not None and self._refuses_unknown:
            raise InvalidInstance(name, f'{value!r} is not one of the categories in training')
        return code


def _kind(name, categories):
    for kind, is_of_kind in KINDS.items():
        if all(map(is_of_kind, categories)):
            return kind
    raise StartError(MIXED.format(name))


def _closed_schema(kind, categories):
    return {'type': [kind, 'null'], 'enum': [*categories, None]}


def _open_schema(kind, categories):
    if not categories:
        return {'type': [kind, 'null'], 'description': 'Always missing in training, so any counts as missing'}
    texts = [value if kind == 'string' else json.dumps(value) for value in categories]
    description = f'One of {_shown(texts)}; any other counts as missing'
    return {'type': [kind, 'null'], 'examples': categories[:MAX_SHOWN], 'description': description}


def code_schema(seen=(), maximum=None) -> dict:
    """Return the schema of a category for which the file has only a code; `seen` are the codes in training."""
    description = 'The code of a category, as in training'
    if seen:
        description = f'The code of a category, one of {_shown([str(code) for code in seen])} in training'
    bound = {} if maximum is None else {'maximum': maximum}
    return {'type': ['integer', 'null'], 'minimum': 0, **bound, 'description': description}


def _shown(texts):
    return ', '.join(texts[:MAX_SHOWN]) + (', …' if len(texts) > MAX_SHOWN else '')


def with_columns(properties: dict, schemas: dict) -> dict:
    """Return the properties of a table with other schemas for some columns; `schemas` has them by position."""
    if not schemas:
        return properties
    (name, first), *others = properties.items()
    if others or 'items' not in first:
        return {name: schemas.get(position, schema) for position, (name, schema) in enumerate(properties.items())}
    items = [schemas.get(position, first['items']) for position in range(max(schemas) + 1)]
    return {name: {**first, 'prefixItems': items}}


class Results:
    """Results of a booster: a class with probabilities, the number of a class, a number, or several named outputs.

    `classes` is how many classes the file has, 0 if it is no classifier.
    """

    def __init__(self, classes=0, probabilities=True, outputs=1):
        number = result_value_schema('float64')
        self._classes = range(classes)
        if classes and probabilities:
            self.schema, self.convert = classifier_schema(self._classes), self._probabilities
        elif classes:
            self.schema, self.convert = {'enum': list(self._classes)}, tensors.rows
        else:
            several = object_schema(dict.fromkeys(tensors.output_names(outputs), number))
            self.schema, self.convert = several if outputs > 1 else number, tensors.outputs

    def _probabilities(self, predictions):
        return tensors.booster_results(predictions, self._classes)
