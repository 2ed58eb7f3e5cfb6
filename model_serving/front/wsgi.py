"""From ASGI to WSGI: how the front calls Flask, in a thread, with a body that is read already."""

import sys
from contextvars import copy_context
from io import BytesIO
from itertools import chain
from urllib.parse import unquote_to_bytes

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPVersionNotSupported

from ..web.request import KEY, REQUEST_ID, raw_uri

# An HTTP/1.0 client can't take an answer in chunks, so one of unknown length is collected, up to so many bytes.
MAX_WHOLE = 16 * 2**20
TOO_LONG = 'This answer is too long for HTTP/1.0. Use HTTP/1.1.'
CONSTANT = {
    'wsgi.version': (1, 0),
    'wsgi.multithread': True,
    'wsgi.multiprocess': True,
    'wsgi.run_once': False,
    'SCRIPT_NAME': '',
}


def environ_of(scope, body: bytes, unread: int, **extra) -> dict:
    """Return the WSGI environment of an ASGI request.

    `unread` is how many bytes are known to follow `body`: Flask refuses a body that is too large by its length.
    """
    host, port = scope.get('server') or ('localhost', None)
    client = scope.get('client') or ('', 0)
    uri = raw_uri(scope)
    raw_path, _, query = uri.partition('?')
    headers = _joined(scope['headers'])
    # The body's real length: werkzeug reads nothing of a body in chunks.
    headers.pop('HTTP_TRANSFER_ENCODING', None)
    if headers.pop('HTTP_CONTENT_LENGTH', None) is not None or body or unread:
        headers['CONTENT_LENGTH'] = str(len(body) + unread)
    if 'HTTP_CONTENT_TYPE' in headers:
        headers['CONTENT_TYPE'] = headers.pop('HTTP_CONTENT_TYPE')
    return {
        **CONSTANT,
        'wsgi.url_scheme': scope['scheme'],
        'wsgi.input': BytesIO(body),
        'wsgi.errors': sys.stderr,
        'REQUEST_METHOD': scope['method'],
        'PATH_INFO': unquote_to_bytes(raw_path).decode('latin-1'),
        'QUERY_STRING': query,
        'RAW_URI': uri,
        'SERVER_NAME': host,
        'SERVER_PORT': str(port or 80),
        'SERVER_PROTOCOL': f'HTTP/{scope["http_version"]}',
        'REMOTE_ADDR': client[0],
        'REMOTE_PORT': str(client[1]),
        **headers,
        **extra,
    }


def _joined(headers):
    """Return headers in WSGI's form; headers of the same name are joined.

    A header with `_` is dropped: `Content_Length` would get the same key as `Content-Length`.
    """
    joined = {}
    for name, value in headers:
        if b'_' not in name:
            key, value = 'HTTP_' + name.decode('latin-1').upper().replace('-', '_'), value.decode('latin-1')
            separator = '; ' if key == 'HTTP_COOKIE' else ','
            joined[key] = f'{joined[key]}{separator}{value}' if key in joined else value
    return joined


def encoded(headers) -> list:
    """Return headers as ASGI has them, from pairs of texts."""
    return [(name.lower().encode('latin-1'), value.encode('latin-1')) for name, value in headers]


def with_constant(own: list, constant: list) -> list:
    """Return an answer's own headers, and the constant ones that are not among them."""
    # An answer may vary by more than its origin.
    names = {name for name, _ in own if name != b'vary'}
    return own + [header for header in constant if header[0] not in names]


def json_headers(own: dict, constant: list) -> list:
    """Return a handler's own headers and the constant ones. A Content-Type of its own is ignored: it is JSON."""
    return with_constant([header for header in encoded(Headers(own)) if header[0] != b'content-type'], constant)


async def by_flask(exchange, body: bytes):
    """Return status, headers and first piece of Flask's answer to a request."""
    endpoint = exchange.endpoint
    threads = endpoint.threads_for(exchange.scope['method'])
    threads.check()
    environ = environ_of(exchange.scope, body, exchange.unread, **{REQUEST_ID: exchange.request_id, KEY: exchange.key})
    exchange.rest = WSGICall(exchange.front.app.wsgi_app, environ, threads)
    return await threads.run(exchange.rest.begin)


async def by_response(exchange, response):
    """Return the answer of a handler that returned or raised a Response."""
    call = exchange.rest = WSGICall(response, environ_of(exchange.scope, b'', 0), exchange.endpoint.threads)
    # A stream is read in a thread.
    status, headers, piece = await call.threads.run(call.begin) if response.is_streamed else call.begin()
    return status, with_constant(headers, exchange.answer_headers), piece


class WSGICall:
    """One call of a WSGI application. Its steps run in `threads`, never two at the same time.

    A body that is one piece needs one trip to a thread; a longer one needs a trip for each piece. `front/streams.py`
    has the same methods for a handler that yields.
    """

    # How much later the front cuts an answer off, in seconds: a stream that knows its deadline can say so itself.
    slack = 1

    def __init__(self, wsgi_app, environ, threads):
        self.threads = threads
        self.has_begun, self.has_more = False, True
        self._answer = _pieces(wsgi_app, environ)
        self._is_abandoned = False
        # One context for all pieces: a generator may use Flask's `request` until its last one.
        self._context = copy_context()

    def begin(self):
        """Call the application; return status, headers and the first piece of the body."""
        self.has_begun = True
        status, headers, piece, is_whole = self._next()
        if is_whole:
            self._close()
        return int(status[:3]), encoded(headers), piece

    async def next_piece(self) -> bytes:
        """Return the next piece of the body, empty after the last one; then it no longer `has_more`."""
        piece = await self.threads.run(self._next)
        self.has_more = piece is not None
        return piece or b''

    def abandon(self):
        """End the answer early; the `finally` of a generator runs in a thread."""
        self._is_abandoned = True
        if self.has_begun:
            self.threads.start(self._close)
        else:
            # The pool keeps the call until a thread is free, and the environment may hold a large body.
            self._answer = None

    def _next(self):
        try:
            return self._context.run(next, self._answer, None)
        finally:
            # Abandoned while this thread was inside the generator, so nobody else could close it.
            if self._is_abandoned:
                self._close()

    def _close(self):
        self.has_more = False
        if not self._answer.gi_running:
            self._context.run(self._answer.close)


def _pieces(wsgi_app, environ):
    """Yield status, headers, the first piece of the body and whether it is all; then the other pieces."""
    started = []
    iterable = wsgi_app(environ, lambda *arguments: started.append(arguments))
    try:
        pieces = iter(iterable)
        # A WSGI application may call start_response as late as with its first piece.
        first = next(pieces, b'')
        status, headers = started[-1][:2]
        length = next((value for name, value in headers if name.lower() == 'content-length'), None)
        if length is None and environ['SERVER_PROTOCOL'] == 'HTTP/1.0':
            first = _whole(chain([first], pieces))
            length = str(len(first))
        # An answer to HEAD has no body, whatever its length says; nothing more is to come.
        is_whole = length == str(len(first)) or (length is not None and environ['REQUEST_METHOD'] == 'HEAD')
        yield status, headers, first, is_whole
        yield from pieces
    finally:
        if hasattr(iterable, 'close'):
            iterable.close()


def _whole(pieces):
    whole = bytearray()
    for piece in pieces:
        whole += piece
        if len(whole) > MAX_WHOLE:
            raise HTTPVersionNotSupported(TOO_LONG)
    return bytes(whole)
