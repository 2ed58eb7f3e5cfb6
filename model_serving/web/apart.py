"""Flask in a thread of its own where others wait: a handler of a model may stand still."""

from ..serving.errors import DeadlineExceeded, NotReady, Overloaded
from .bodies import content_length, read_body, read_chunks
from .hub import apart
from .request import REFUSAL


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
        length = content_length(environ)
        if length is not None and length <= max_body:
            read_body(environ, length)
        elif 'HTTP_TRANSFER_ENCODING' in environ and environ.get('wsgi.input_terminated'):
            read_chunks(environ, max_body)
        try:
            return apart(servable, self._wsgi_app, environ, start_response)
        except (DeadlineExceeded, NotReady, Overloaded) as error:
            environ[REFUSAL] = error
            return self._wsgi_app(environ, start_response)
