"""How the front starts: the models on the event loop, and how each URL is answered."""

import asyncio
import sys
from typing import NamedTuple

from ..serving import event_loop
from ..serving.handler_threads import HandlerThreads
from ..web.direct import has_async_post
from ..web.keys import INTERVAL
from ..web.protocols.handler import Caller
from ..web.request import JSON_TYPES
from . import measuring
from .streams import returning
from .wsgi import encoded

HOOKS = ('before_request_funcs', 'after_request_funcs', 'teardown_request_funcs', 'url_value_preprocessors')


class Endpoint(NamedTuple):
    """How a URL is answered: its limits, its async handler if it has one, and the threads in which Flask answers.

    Requests with a method that the resource does not have are answered in the threads of the `pages`, so that they
    never wait for a handler. A body of one of `json_types` is the instance itself. `durations` are the metrics
    of its requests. `is_limited`: they are counted for a rate limit.
    """

    max_body: int
    timeout: float
    threads: HandlerThreads
    pages: HandlerThreads
    servable: object = None
    handler: object = None
    is_valid: object = None
    uploads: object = None
    predictions: object = None
    json_types: frozenset = JSON_TYPES
    durations: dict | None = None
    is_limited: bool = False

    def reader(self, headers: dict, scope: dict):
        """Return the function that makes what the handler takes of a body; None if only Flask reads this type."""
        if self.predictions:
            decoded = {name.decode('latin-1'): value.decode('latin-1') for name, value in headers.items()}
            caller = Caller(decoded, (scope.get('client') or ('',))[0])
            # Without a body, Flask says why.
            return lambda body: (body, caller) if body else None
        content_type = headers.get(b'content-type')
        return self.uploads.reader(content_type.decode('latin-1')) if self.uploads and content_type else None

    def threads_for(self, method: str) -> HandlerThreads:
        """Return the threads in which Flask answers a request with this method."""
        # A resource's `get` answers HEAD, too.
        methods = (self.servable.resource.methods if self.servable else None) or ()
        return self.threads if method.replace('HEAD', 'GET') in methods else self.pages


async def start(front, threads: int):
    """Make the models ready on this event loop, once.

    Our worker calls this before it listens. Under another ASGI server it is called by lifespan.
    """
    async with front.starting:
        if front.is_started:
            return
        event_loop.use(asyncio.get_running_loop())
        # Forked workers would all return the same random numbers.
        if 'numpy' in sys.modules:
            sys.modules['numpy'].random.seed()
        # In a thread: models may take long to load, and async handlers need the loop.
        await asyncio.to_thread(front.app.readiness.start)
        _add_endpoints(front, threads)
        if front.app.metrics:
            measuring.start(front)
        _refresh(front.app.keys)
        front.is_started = True


def _refresh(keys):
    """Read the file of keys again whenever it has changed."""
    asyncio.get_running_loop().call_later(INTERVAL, _refresh, keys)
    keys.refresh()


def _add_endpoints(front, threads):
    """Set how each URL is answered."""
    servables, pages = front.app.servables, HandlerThreads('the service', threads, 10 * threads)
    durations, others = (metrics.durations, metrics.others) if (metrics := front.app.metrics) else ({}, None)
    front.other = Endpoint(**front.app.limits(''), threads=pages, pages=pages, durations=others)
    for url, servable in servables.items():
        servable.handler_threads = HandlerThreads(servable.name, threads, servable.settings['max_queue'])
        post = servable.resource.post if is_direct(front, servable.resource) else None
        front.endpoints[url] = Endpoint(
            **front.app.limits(url),
            threads=servable.handler_threads,
            pages=pages,
            servable=servable,
            handler=post and (returning(post.handler) if servable.is_stream else post.handler),
            is_valid=post and post.is_valid,
            # With `force` the type of a body says nothing; Flask decides.
            uploads=front.app.uploads.get(url) if post and not post.force else None,
            durations=durations.get(url),
            is_limited=front.app.rate_limits.has(servable),
        )
    # Flask's threads for other protocols wait for rows, which `def` handlers answer in the model's own threads.
    waiting = {one: HandlerThreads(one.name, threads, one.settings['max_queue']) for one in servables.values()}
    for url, predictions in front.app.predictions.items():
        endpoint = front.endpoints[predictions.servable.url]
        endpoint = endpoint._replace(threads=waiting[predictions.servable], durations=durations.get(url))
        front.endpoints[url] = _of_protocol(front, endpoint, predictions)


def _of_protocol(front, endpoint, predictions):
    """Return how the URL of another protocol is answered, for the endpoint of its model.

    The handler takes the body and its headers, since reading a body of many rows takes long.
    """

    async def answer(resource, instance):
        return await predictions.answer(*instance)

    return endpoint._replace(
        max_body=predictions.max_body,
        handler=answer if has_no_hooks(front) else None,
        is_valid=bool,
        predictions=predictions,
        json_types=frozenset(),
    )


def is_direct(front, resource) -> bool:
    """Tell whether `post` can be called without Flask, and nothing else is to be done around it."""
    return has_async_post(resource) and has_no_hooks(front)


def has_no_hooks(front) -> bool:
    """Tell whether there is no middleware, and no request hook but ours, that Flask would call."""
    return hooks(front.app) == front.own_hooks and 'wsgi_app' not in vars(front.app)


def hooks(app) -> list:
    """Return the functions that Flask calls around each request of the application."""
    return [*app.teardown_appcontext_funcs, *(hook for table in HOOKS for hook in getattr(app, table).get(None, ()))]


def constant_headers(app) -> tuple[list, dict]:
    """Return the headers that Flask adds to every JSON answer: Content-Type and CORS.

    The second value has them by the Origin of a request, if cors_origins names some.
    """
    by_origin = {origin.encode(): _headers_for(app, origin) for origin in app.cors_origins if origin != '*'}
    return _headers_for(app, None), by_origin


def _headers_for(app, origin):
    with app.test_request_context(headers={'Origin': origin} if origin else {}):
        response = app.process_response(app.response_class(mimetype='application/json'))
    del response.headers['Content-Length']
    return encoded(response.headers)


async def lifespan(front, receive, send):
    """Start the models when an ASGI server says so, and write what is left to write at its end."""
    await receive()
    # Our worker has started the models already, and has decided whether to go on.
    reasons = ''
    if not front.is_started:
        await front.start()
        reasons = front.app.readiness.reasons_to_stop()
    if reasons:
        await send({'type': 'lifespan.startup.failed', 'message': f'The service cannot start. {reasons}'})
        return
    await send({'type': 'lifespan.startup.complete'})
    await receive()
    await asyncio.to_thread(front.app.write)
    await send({'type': 'lifespan.shutdown.complete'})
