"""What a property of a schema takes, as a field of a form."""

from typing import NamedTuple

from . import strict_json
from .forms import not_json

ANY = '*/*'
TEXT_ONLY = {'string', 'null'}


class Field(NamedTuple):
    """The types of JSON that a property takes, and whether it is a file, as base64, or a list of files.

    `types` is empty if the schema does not say. The `media_type` of a file is as `image/png`, `image/*` or `*/*`.
    """

    types: frozenset
    is_file: bool = False
    is_list: bool = False
    media_type: str = ANY

    def takes(self, media_type: str) -> bool:
        """Tell whether a file of this type fits."""
        main, _, sub = self.media_type.partition('/')
        return self.media_type in (ANY, media_type) or (sub == '*' and media_type.startswith(f'{main}/'))

    def value(self, text: str, name: str):
        """Return the value that a text means: the text itself for a text or base64, else the JSON in it.

        What is not JSON stays a text, which the schema judges. Raises BadRequest for a broken array or object.
        """
        if (self.is_file and not self.is_list) or (self.types and self.types <= TEXT_ONLY):
            return text
        try:
            return strict_json.loads(text.encode())
        except ValueError as error:
            if 'string' in self.types or not self.types & {'array', 'object'}:
                return text
            raise not_json(name, error) from None


def fields_of(schema) -> dict:
    """Return a Field for each property of a schema, by its name."""
    properties = _resolved(schema, schema).get('properties', {})
    return {name: _field(part, schema) for name, part in properties.items()}


def _field(schema, root):
    parts = _alternatives(schema, root, [])
    types = frozenset(name for part in parts for name in _types(part))
    media_type = _media_type(parts)
    if media_type:
        return Field(types, True, False, media_type)
    items = next((part['items'] for part in parts if 'items' in part), None)
    media_type = _media_type(_alternatives(items, root, []))
    return Field(types, True, True, media_type) if media_type else Field(types)


def _media_type(parts):
    """Return the type of a file, if one of the parts of a schema says that it is one; else None."""
    for part in parts:
        if part.get('contentEncoding') == 'base64':
            media_type = part.get('contentMediaType')
            return media_type.lower() if isinstance(media_type, str) else ANY
    return None


def _alternatives(schema, root, seen):
    """Return the schema with what it consists of: the branches of anyOf, oneOf and allOf."""
    schema = _resolved(schema, root)
    if schema in seen:
        return seen
    seen.append(schema)
    for keyword in ('anyOf', 'oneOf', 'allOf'):
        for branch in schema.get(keyword, ()):
            _alternatives(branch, root, seen)
    return seen


def _types(schema):
    """Return the types that a schema names, or those of its constants."""
    named = schema.get('type', [])
    constants = schema.get('enum', [schema['const']] if 'const' in schema else [])
    if not named and constants and all(isinstance(each, str) for each in constants):
        return {'string'}
    return {named} if isinstance(named, str) else set(named)


def _resolved(schema, root) -> dict:
    """Return a schema, or what its reference into `root` (`#/$defs/…`) means; {} for anything else."""
    schema = schema if isinstance(schema, dict) else {}
    for _ in range(20):
        reference, *beside = schema.get('$ref'), {key: value for key, value in schema.items() if key != '$ref'}
        if not isinstance(reference, str) or not reference.startswith('#/'):
            break
        target = root
        for key in reference[2:].split('/'):
            key = key.replace('~1', '/').replace('~0', '~')
            target = target.get(key) if isinstance(target, dict) else None
        schema = {**(target if isinstance(target, dict) else {}), **beside[0]}
    return schema
