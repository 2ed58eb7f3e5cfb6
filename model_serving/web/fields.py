"""What a property of a schema takes, as a field of a form."""

from typing import NamedTuple

import pybase64

from ..utils.text_utils import clip
from . import strict_json
from .forms import Part, not_json, refused

ANY = '*/*'
TEXT_ONLY = {'string', 'null'}
BOOLEANS = {'true': True, 'false': False}


class Field(NamedTuple):
    """What a property takes.

    `types` are the types of JSON, empty if the schema names none. `media_type` is that of a file, such as `image/png`,
    `image/*` or `*/*`, and empty for anything else. `item` is the field of an array's items.
    """

    types: frozenset
    media_type: str = ''
    item: object = None

    @property
    def is_file(self) -> bool:
        """Tell whether the property is a file, or an array of files."""
        return bool((self.item or self).media_type)

    def takes(self, media_type: str) -> bool:
        """Tell whether a file of this type is what the property takes."""
        main, _, sub = self.media_type.partition('/')
        return self.media_type in (ANY, media_type) or (sub == '*' and media_type.startswith(f'{main}/'))

    def is_item(self, part: Part) -> bool:
        """Tell whether a part is an item of the array that this field takes, and not the whole array as JSON."""
        if self.item is None:
            return False
        if self.is_file:
            return True
        try:
            whole = strict_json.loads(part.text.encode())
        except ValueError:
            return True
        return not isinstance(whole, list) and not (whole is None and 'null' in self.types)

    def value(self, part: Part):
        """Return the value that a part means; raises BadRequest.

        A file becomes base64. If the schema allows only text, the text is the value. Otherwise it is read as JSON; if
        it is not JSON, it stays a text, and the schema refuses it.
        """
        if self.media_type:
            if not part.is_file:
                fix = f'Send a file: curl -F {clip(part.name, 40)}=@file. Base64 belongs into the part json'
                raise refused(part.name, f'is a text, and not a file. {fix}')
            return pybase64.b64encode_as_string(part.data)
        text = part.text
        if self.types and self.types <= TEXT_ONLY:
            return text
        # Python's `True` comes as a text, too.
        if 'boolean' in self.types and text.lower() in BOOLEANS:
            return BOOLEANS[text.lower()]
        try:
            return strict_json.loads(text.encode())
        except ValueError as error:
            if 'string' in self.types or not self.types & {'array', 'object'}:
                return text
            raise not_json(part.name, error) from None


def fields_of(schema) -> dict:
    """Return a Field for each property of a schema, by its name."""
    properties = _resolved(schema, schema).get('properties', {})
    return {name: _field(part, schema) for name, part in properties.items()}


def _field(schema, root, is_item=False):
    parts = _alternatives(schema, root, [])
    types = frozenset(name for part in parts for name in _types(part))
    media_type = _media_type(parts)
    items = [part['items'] for part in parts if 'items' in part]
    # What may also be something else than an array is sent whole.
    is_array = 'array' in types and types <= {'array', 'null'} and not is_item and not media_type
    item = _field(items[0] if len(items) == 1 else {}, root, is_item=True) if is_array else None
    return Field(types, media_type, item)


def _media_type(parts):
    """Return the type of a file if one of the parts of a schema says that it is one; else an empty text."""
    for part in parts:
        if part.get('contentEncoding') == 'base64':
            media_type = part.get('contentMediaType')
            return media_type.lower() if isinstance(media_type, str) else ANY
    return ''


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
        reference = schema.get('$ref')
        if not isinstance(reference, str) or not reference.startswith('#/'):
            break
        target = root
        for key in reference[2:].split('/'):
            key = key.replace('~1', '/').replace('~0', '~')
            target = target.get(key) if isinstance(target, dict) else None
        # Keywords beside the reference count, too.
        beside = {key: value for key, value in schema.items() if key != '$ref'}
        schema = {**(target if isinstance(target, dict) else {}), **beside}
    return schema
