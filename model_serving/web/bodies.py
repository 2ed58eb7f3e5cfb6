"""The body of a request, read before anything is called for it: so a slow client holds no thread."""

from io import BytesIO

from werkzeug.exceptions import RequestTimeout

from .hub import SILENCE
from .request import REFUSAL, read_pieces

# Python refuses to read thousands of them.
MAX_DIGITS = 18
TOO_SLOW = (
    f'The rest of the body did not come: it is waited for {SILENCE} s, and less where too many clients stop in the '
    'middle. Send it without a pause.'
)


def read_body(environ, length) -> bytes:
    """Read a body, and leave it in `environ` to be read again; a cut one is shorter than `length`."""
    try:
        body = environ['wsgi.input'].read(length)
    except BlockingIOError:
        environ[REFUSAL] = RequestTimeout(TOO_SLOW)
        body = b''
    except OSError:
        body = b''
    environ['wsgi.input'] = BytesIO(body)
    return body


def read_chunks(environ, max_body):
    """Read a body in chunks, and leave it, or what is wrong with it, in `environ` to be read again."""
    try:
        environ['wsgi.input'] = BytesIO(read_pieces(environ['wsgi.input'], max_body))
    except BlockingIOError:
        environ[REFUSAL] = RequestTimeout(TOO_SLOW)
    # gunicorn reports what is wrong by exceptions of many kinds.
    except Exception as error:
        environ['wsgi.input'] = Broken(error)


class Broken:
    """A body that can't be read."""

    def __init__(self, error):
        self._error = error

    def read(self, size=-1):
        raise self._error


def content_length(environ):
    """Return what Content-Length says; None where it says nothing that is usual."""
    text = environ.get('CONTENT_LENGTH', '')
    return int(text) if len(text) <= MAX_DIGITS and text.isascii() and text.isdigit() else None
