"""The Flask application, before anything is served by it."""

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from ..serving import deadlines
from .request import JSONRequest
from .strict_json import StrictJSONProvider


class Application(Flask):
    """Flask with our JSON and request, whose views can't end the server."""

    request_class = JSONRequest
    json_provider_class = StrictJSONProvider

    def __init__(self, import_name, max_body: int):
        super().__init__(import_name, static_folder=None)
        self.config['MAX_CONTENT_LENGTH'] = max_body
        # A URL with two slashes is another one, not one to be redirected from.
        self.url_map.merge_slashes = False
        self.before_request(check_timeout)

    def dispatch_request(self):
        """Call the view; a view that calls sys.exit fails as with any other exception."""
        try:
            return super().dispatch_request()
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise RuntimeError(f'{type(error).__name__} was raised by the handler.') from error


def check_timeout():
    """Refuse a request whose X-Request-Timeout is not a number of seconds."""
    try:
        deadlines.read(request.headers.get('X-Request-Timeout'), timeout=0)
    except ValueError as error:
        raise BadRequest(str(error)) from None
