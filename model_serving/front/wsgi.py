"""From ASGI to WSGI: how the front calls Flask, in a thread, with a body that is read already."""

import sys
import threading
from contextvars import copy_context
from io import BytesIO
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPVersionNotSupported

# An HTTP/1.0 client can't take an answer in chunks, so one of unknown length is collected, up to so many bytes.
MAX_WHOLE = 16 * 2**20
CONSTANT = {
    'wsgi.version': (1, 0),
    'wsgi.multithread': True,
    'wsgi.multiprocess': True,
    'wsgi.run_once': False,
    'SCRIPT_NAME': '',
}


def raw_uri(scope) -> str:
    """Return the path and the query of a request as they were sent."""
    path, query = scope.get('raw_path') or scope['path'].encode(), scope['query_string']
    return (b'%s?%s' % (path, query) if query else path).decode('latin-1')


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


class WSGICall:
    """One call of a WSGI application; `begin` and `next_piece` run in its `threads`, one at a time.

    An answer whose first piece is complete costs one call in a thread; any other answer costs one for each piece.
    """

    def __init__(self, wsgi_app, environ, threads):
        self.threads = threads
        self.begun = self.is_closed = False
        self._wsgi_app = wsgi_app
        self._environ = environ
        self._iterable = self._pieces = self._answer = None
        self._abandoned = False
        # Held while a thread runs the application.
        self._lock = threading.Lock()
        # One context for all pieces: a generator may use Flask's `request` until its last one.
        self._context = copy_context()

    def begin(self):
        """Call the application; returns status, headers and the first piece of the body."""
        self.begun = True
        return self._visit(self._begin)

    def next_piece(self) -> bytes:
        """Return the next piece of the body, empty after the last one; then the call `is_closed`."""
        return self._visit(self._next_piece)

    def abandon(self):
        """End the answer early; the `finally` of a generator runs in a thread."""
        self._abandoned = True
        if self.begun and not self._lock.locked():
            self.threads.start(self._close_abandoned)

    def _visit(self, function):
        try:
            with self._lock:
                return self._context.run(function)
        finally:
            # Abandoned meanwhile, when only this thread could close it.
            if self._abandoned:
                self._close_abandoned()

    def _begin(self):
        self._iterable = self._wsgi_app(self._environ, self._start_response)
        self._pieces = iter(self._iterable)
        # A WSGI application may call start_response as late as with its first piece.
        piece = self._next_piece()
        status, headers = self._answer
        length = next((value for name, value in headers if name.lower() == 'content-length'), None)
        if length == str(len(piece)):
            self._close()
        elif length is None and self._environ['SERVER_PROTOCOL'] == 'HTTP/1.0':
            piece = self._whole(piece)
        return int(status[:3]), encoded(headers), piece

    def _start_response(self, status, headers, exc_info=None):
        self._answer = status, headers
        return lambda data: None

    def _next_piece(self):
        piece = next(self._pieces, None)
        if piece is None:
            self._close()
        return piece or b''

    def _whole(self, first):
        pieces, size = [first], len(first)
        while not self.is_closed:
            pieces.append(self._next_piece())
            size += len(pieces[-1])
            if size > MAX_WHOLE:
                self._close()
                raise HTTPVersionNotSupported('This answer is too long for HTTP/1.0. Use HTTP/1.1.')
        return b''.join(pieces)

    def _close(self):
        self.is_closed = True
        iterable, self._iterable = self._iterable, None
        if hasattr(iterable, 'close'):
            iterable.close()

    def _close_abandoned(self):
        if self._lock.acquire(blocking=False):
            try:
                self._context.run(self._close)
            finally:
                self._lock.release()
