"""What the front knows about a URL."""

from typing import NamedTuple

from ..serving.handler_threads import HandlerThreads
from ..web import strict_json

JSON_TYPES = {b'application/json'} | {
    b'application/json;%scharset=%s' % (space, name) for space in (b'', b' ') for name in (b'utf-8', b'UTF-8')
}


class Endpoint(NamedTuple):
    """The limits of a URL, its async handler if it has one, and the threads in which Flask answers.

    Requests with a method that the resource does not have are answered in the threads of the `pages`, so that they
    never wait for a handler.
    """

    max_body: int
    timeout: float
    threads: HandlerThreads
    pages: HandlerThreads
    servable: object = None
    handler: object = None

    def valid_instance(self, scope, headers: dict, body: bytes):
        """Return the instance of a valid call of the async handler, else None: then Flask answers, and says why."""
        if (
            self.handler is None
            or len(body) > self.max_body
            or scope['method'] != 'POST'
            or headers.get(b'content-type') not in JSON_TYPES
            or b'content-encoding' in headers
            or len(headers) != len(scope['headers'])
        ):
            return None
        try:
            instance = strict_json.loads(body)
        except ValueError:
            return None
        # A body of `null` counts as no body, so its None goes to Flask, too.
        return instance if self.servable.resource.post.is_valid(instance) else None

    def threads_for(self, method: str) -> HandlerThreads:
        """Return the threads in which Flask answers a request with this method."""
        # A resource's `get` answers HEAD, too.
        methods = (self.servable.resource.methods if self.servable else None) or ()
        return self.threads if method.replace('HEAD', 'GET') in methods else self.pages
