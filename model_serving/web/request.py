"""The request as resources see it: its body is bounded and decompressed, and its JSON is valid or a 400 says why."""

import re
import zlib
from io import BytesIO
from random import getrandbits

import flask
from flask import current_app
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.utils import cached_property

from .forms import FORM

# The key of `environ` for the id of the request.
REQUEST_ID = 'model_serving.request_id'
# The same for the API key of the request.
KEY = 'model_serving.key'
SANE_REQUEST_ID = re.compile(r'[A-Za-z0-9._:/+=@-]{1,128}')
# What clients send as the type of JSON.
JSON_TYPES = frozenset({b'application/json'}) | {
    b'application/json;%scharset=%s' % (space, name) for space in (b'', b' ') for name in (b'utf-8', b'UTF-8')
}
ENCODINGS = ('gzip', 'x-gzip', 'deflate')
# zlib's numbers for its formats: gzip, zlib, and raw data, which some clients send as deflate.
GZIP, ZLIB, RAW = 31, 15, -15


class JSONRequest(flask.Request):
    """Flask's request with a bounded body, and with errors in `json` that say the fix."""

    @property
    def max_content_length(self):
        """The largest body in bytes, before and after decompression: the model's at this URL, else the service's."""
        return current_app.limits(self.path)['max_body']

    @cached_property
    def stream(self):
        """The body, decompressed; raises RequestEntityTooLarge, UnsupportedMediaType and BadRequest."""
        encoding = self.headers.get('Content-Encoding', '').strip().lower()
        if encoding not in ('', 'identity', *ENCODINGS):
            raise UnsupportedMediaType(
                f'Content-Encoding {encoding[:40]} is not supported. Send the body with gzip or deflate, or as it is.'
            )
        if encoding not in ENCODINGS:
            return super().stream
        body = super().stream.read()
        return BytesIO(decompress(body, encoding, self.max_content_length) if body else body)

    def get_data(self, cache=True, as_text=False, parse_form_data=False):
        """Return the body; raises BadRequest if it is incomplete or damaged."""
        try:
            data = super().get_data(cache, as_text, parse_form_data)
        # gunicorn raises many kinds of exceptions for broken chunks and closed connections.
        except Exception as error:
            if isinstance(error, HTTPException) and not isinstance(error, ClientDisconnected):
                raise
            reason = f'it was cut, or its chunks are broken ({str(error)[:200]})'
            raise BadRequest(f'The body could not be read: {reason}. Let a library send it.') from error
        if not as_text and 'Content-Encoding' not in self.headers and len(data) < (self.content_length or 0):
            raise BadRequest(f'The body ended after {len(data)} of {self.content_length} bytes.')
        return data

    def get_json(self, force=False, silent=False, cache=True):
        """Return the JSON of the body, or the instance of an upload; raises BadRequest and UnsupportedMediaType.

        With `force`, any body except a form is read as JSON.
        """
        if self.is_json or (force and self.mimetype != FORM) or not self.is_upload:
            return super().get_json(force, silent, cache)
        try:
            return self._uploaded
        except BadRequest:
            if silent:
                return None
            raise

    @property
    def is_upload(self) -> bool:
        """Tell whether the body is a form or a file for the model at this URL."""
        uploads = current_app.uploads.get(self.path)
        return uploads is not None and self.method == 'POST' and uploads.takes(self.content_type or '')

    @cached_property
    def _uploaded(self):
        return current_app.uploads[self.path].instance(self.content_type, self.get_data())

    # A form is bounded by `max_content_length` like any other body.
    max_form_memory_size = None

    def on_json_loading_failed(self, error):
        """Raise the 400 or 415 that says how to send JSON; `error` is None for another Content-Type.

        A GET without a body has no JSON, which is None.
        """
        if not self.get_data():
            # Flask-RESTful's reqparse asks for JSON also where there is no body.
            if self.method in ('GET', 'HEAD'):
                return None
            raise BadRequest('No JSON object')
        if error is None:
            uploads = current_app.uploads.get(self.path)
            raise UnsupportedMediaType(
                f'Send JSON with the header Content-Type: application/json, not {self.mimetype[:100] or "none"}.'
                + (uploads.hint if uploads and self.method == 'POST' else '')
            )
        raise BadRequest(str(error))


def raw_uri(scope: dict) -> str:
    """Return the path and the query of a request as they were sent, from its ASGI scope."""
    path, query = scope.get('raw_path') or scope['path'].encode(), scope['query_string']
    return (b'%s?%s' % (path, query) if query else path).decode('latin-1')


def request_id(text: str) -> str:
    """Return the id of a request: its X-Request-ID header if that is well-formed, else a new id."""
    # Not os.urandom: it releases the GIL, and the predict thread would start a batch of one while more calls arrive.
    return text if SANE_REQUEST_ID.fullmatch(text) else f'{getrandbits(64):016x}'


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the decompressed body, of at most `limit` bytes.

    Raises RequestEntityTooLarge if it is larger, BadRequest if it is not in this encoding.
    """
    # The header of RFC 1950; deflate may mean data with it or without it.
    is_zlib = len(body) > 1 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0
    unpacker = zlib.decompressobj(GZIP if encoding != 'deflate' else ZLIB if is_zlib else RAW)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequest(f'The body is not {encoding}, as Content-Encoding says: {error}.') from error
    if len(unpacked) > limit:
        raise RequestEntityTooLarge
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequest(f'The body is not one whole piece of {encoding} data.')
    return unpacked
