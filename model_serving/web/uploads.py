"""Files as they are: a form, or the bytes of a file alone, becomes the instance that JSON with base64 would be."""

import re
import shlex

import pybase64
from multipart import parse_options_header
from werkzeug.exceptions import BadRequest

from ..utils.text_utils import clip, did_you_mean
from . import strict_json
from .fields import ANY, fields_of
from .forms import FORM, not_json, parts_of, refused

BYTES = 'application/octet-stream'
# The part of a form that holds other properties, as JSON.
JSON_PART = 'json'
# Clients that forget the header for JSON send these types. They count as files only if the schema names them.
FORGOTTEN = ('text/plain', 'application/x-www-form-urlencoded')
# Types that are never a file.
NO_FILE = re.compile(r'application/json|.*\+json|multipart/.*')
# How a form begins, in the body of a client that was given the wrong Content-Type for it.
BEGIN_OF_FORM = re.compile(rb'--[^\r\n]{1,1024}\r\nContent-Disposition: form-data', re.IGNORECASE)
# The longest value that an example command shows.
MAX_SHOWN = 60


class Uploads:
    """The files that a schema takes: its properties with `contentEncoding: base64`.

    `alone` has the types of files that may be a body alone, as `image/*`. `files` is empty if the schema takes none.
    """

    def __init__(self, schema):
        self.fields = fields_of(schema)
        self.files = {name: field for name, field in self.fields.items() if field.is_file}
        self._schema = schema
        types = {field.media_type for field in self.files.values()} - {ANY, ''} | {BYTES}
        self.alone = [each for each in sorted(types) if self._only(each.replace('*', 'x'))]

    def takes(self, content_type: str) -> bool:
        """Tell whether a body of this type is an upload."""
        media_type, _ = parse_options_header(content_type)
        return media_type == FORM or self._only(media_type) is not None

    def reader(self, content_type: str):
        """Return a function from a body of this type to its instance; None if it is not an upload."""
        return (lambda body: self.instance(content_type, body)) if self.takes(content_type) else None

    def instance(self, content_type: str, body: bytes) -> dict:
        """Return the instance of an upload; raises BadRequest, which names the part at fault."""
        if not body:
            raise BadRequest('No JSON object')
        media_type, options = parse_options_header(content_type)
        if media_type == FORM:
            return self._of_form(body, options.get('boundary', ''))
        if 'boundary' in options or BEGIN_OF_FORM.match(body):
            raise refused('', f'The body is a form, and not {media_type}. Let your client set this header itself.')
        return {self._only(media_type): pybase64.b64encode_as_string(body)}

    def _of_form(self, body, boundary):
        values, lists = [], {}
        for part in parts_of(body, boundary):
            field = self.fields.get(part.name)
            if part.is_absent:
                continue
            if field is None:
                values += self._rest(part)
            elif field.is_item(part):
                lists.setdefault(part.name, []).append(field.item.value(part))
            else:
                values.append((part.name, field.value(part)))
        instance = {}
        for name, value in [*values, *lists.items()]:
            if name in instance:
                raise refused(name, 'is sent more than once')
            instance[name] = value
        return instance

    @property
    def hint(self) -> str:
        """How to send a file, to append to a message."""
        or_alone = f', or alone with a Content-Type of {" or ".join(self.alone)}' if self.alone else ''
        return f' Or send {" and ".join(self.files)} in a form{or_alone}.'

    def command(self, url: str) -> str:
        """Return a command that uploads a file, as an example."""
        names = [name for name in self._schema.get('required', []) if name in self.fields]
        if not self.files.keys() & set(names):
            names.insert(0, next(iter(self.files)))
        return ' '.join(['curl', *map(self._option, names), url])

    def content(self, place: str) -> dict:
        """Return the types of body for OpenAPI; `place` is where the document has the schema."""
        parts = {name: _part(name, field, place) for name, field in self.fields.items()}
        rest = {'type': 'object', 'description': 'Other properties, as JSON'}
        form = {'type': 'object', 'properties': {JSON_PART: rest, **parts}, 'additionalProperties': False}
        required = [name for name in self._schema.get('required', []) if name in self.files]
        types = {FORM: {'schema': {**form, 'required': required} if required else form}}
        return types | {each: {} for each in self.alone}

    def _only(self, media_type):
        """Return the property that a file of this type alone is; None if there is none, or more than one."""
        fits = [name for name, field in self.files.items() if media_type == BYTES or field.takes(media_type)]
        if not media_type or NO_FILE.fullmatch(media_type) or len(fits) != 1 or self.files[fits[0]].item:
            return None
        return fits[0] if media_type not in FORGOTTEN or self.files[fits[0]].media_type == media_type else None

    def _rest(self, part):
        """Return the properties in the part `json`; raises BadRequest for any other part, which has no property."""
        if part.name != JSON_PART:
            known = clip(', '.join([*self.fields, JSON_PART]))
            raise refused(part.name, f'is no part of this form.{did_you_mean(part.name, self.fields)} It has: {known}')
        try:
            rest = strict_json.loads(part.text.encode())
        except ValueError as error:
            raise not_json(JSON_PART, error) from None
        if not isinstance(rest, dict):
            raise refused(JSON_PART, 'must be an object that holds the other properties')
        return list(rest.items())

    def _option(self, name):
        """Return the option of curl that sends a property."""
        field, examples = self.fields[name], self._schema.get('examples', [])
        if field.is_file:
            file = 'picture.png' if (field.item or field).media_type.startswith('image/') else 'file'
            return f'-F {shlex.quote(f"{name}=@{file}")}'
        value = next((each[name] for each in examples if isinstance(each, dict) and name in each), '…')
        text = value if isinstance(value, str) else strict_json.dumps(value).decode().strip()
        # With -F, curl would cut a text at its first `;`.
        return f'--form-string {shlex.quote(f"{name}={clip(text, MAX_SHOWN)}")}'


def _part(name, field, place):
    """Return the schema of a part of a form, for OpenAPI."""
    if not field.is_file:
        return {'$ref': f'{place}/properties/{name.replace("~", "~0").replace("/", "~1")}'}
    media_type = (field.item or field).media_type
    # `format` is of OpenAPI 3.0; Swagger UI needs it to ask for a file.
    file = {'type': 'string', 'format': 'binary', 'contentMediaType': BYTES if media_type == ANY else media_type}
    return {'type': 'array', 'items': file} if field.item else file
