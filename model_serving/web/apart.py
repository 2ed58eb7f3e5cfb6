"""Flask in a thread of its own where others wait: a handler of a model may stand still."""

from io import BytesIO

from werkzeug.exceptions import RequestTimeout

from ..serving.errors import DeadlineExceeded, NotReady, Overloaded
from .hub import SILENCE, apart
from .request import REFUSAL, read_pieces

# Python refuses to read thousands of them.
MAX_DIGITS = 18
TOO_SLOW = (
    f'The rest of the body did not come: it is waited for {SILENCE} s, and less where too many clients stop in the '
    'middle. Send it without a pause.'
)


class Apart:
    """WSGI middleware around Flask: handlers of models may stand still, so these let the others of their hub go on."""

    def __init__(self, wsgi_app, served):
        self._wsgi_app = wsgi_app
        # What Flask answers itself, a wrong method above all, waits for no handler.
        self._served = {
            (method, servable.url): servable for resource, servable in served for method in resource.methods or ()
        }

    def __call__(self, environ, start_response):
        # A resource's `get` answers HEAD, too.
        method = environ['REQUEST_METHOD'].replace('HEAD', 'GET')
        servable = self._served.get((method, environ['PATH_INFO']))
        if servable is None:
            return self._wsgi_app(environ, start_response)
        max_body = servable.settings['max_body']
        # The body is read here, where a slow client holds no thread.
        length = content_length(environ)
        if length is not None and length <= max_body:
            read_body(environ, length)
        elif 'HTTP_TRANSFER_ENCODING' in environ and environ.get('wsgi.input_terminated'):
            _read_chunks(environ, max_body)
        try:
            return apart(servable, self._wsgi_app, environ, start_response)
        except (DeadlineExceeded, NotReady, Overloaded) as error:
            environ[REFUSAL] = error
            return self._wsgi_app(environ, start_response)


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


def _read_chunks(environ, max_body):
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
