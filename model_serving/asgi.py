"""The ASGI front: it answers valid calls of async handlers, and passes everything else to Flask.

Each request becomes an `Exchange` (front/exchange.py). This module knows how each URL is answered, and starts the
models on the event loop.
"""

import asyncio
import inspect
import sys

import flask_restful

from .front.bodies import Bodies
from .front.endpoint import Endpoint
from .front.exchange import Exchange
from .front.wsgi import encoded
from .resources.model_resource import ModelResource
from .serving import event_loop
from .serving.handler_threads import HandlerThreads

# Threads for pages and health checks, and for each model's `def` handlers, unless the server says otherwise.
THREADS = 16
HOOKS = ('before_request_funcs', 'after_request_funcs', 'teardown_request_funcs', 'url_value_preprocessors')


class Front:
    """The ASGI application of a Flask application that `create_app` made."""

    def __init__(self, app, max_bodies: int):
        """`max_bodies` is the budget for all bodies that are unfinished or wait for their answers, in bytes."""
        self.app = app
        self.bodies = Bodies(max_bodies)
        self.endpoints = {}
        self.other = None
        self.headers = _constant_headers(app)
        self._own_hooks = _hooks(app)
        self._lock = asyncio.Lock()
        self._is_started = False

    async def __call__(self, scope, receive, send):
        if scope['type'] == 'http':
            if not self._is_started:
                await self.start()  # a server without lifespan
            await Exchange(self, scope, receive, send).run()
        elif scope['type'] == 'lifespan':
            await self._lifespan(receive, send)

    async def start(self, threads: int = THREADS) -> list:
        """Make the models ready on this event loop; return the servables that are not ready.

        Our worker calls this before it listens. Under another ASGI server it is called by lifespan.
        """
        async with self._lock:
            if self._is_started:
                return []
            event_loop.use(asyncio.get_running_loop())
            # Forked workers would all return the same random numbers.
            if 'numpy' in sys.modules:
                sys.modules['numpy'].random.seed()
            # In a thread: models may take long to load, and async handlers need the loop.
            unready = await asyncio.to_thread(self.app.readiness.start)
            self._add_endpoints(threads)
            self._is_started = True
            return unready

    def _add_endpoints(self, threads):
        pages = HandlerThreads('the service', threads, 10 * threads)
        self.other = Endpoint(**self.app.limits(''), threads=pages, pages=pages)
        for url, servable in self.app.servables.items():
            servable.handler_threads = HandlerThreads(servable.name, threads, servable.settings['max_queue'])
            self.endpoints[url] = Endpoint(
                **self.app.limits(url),
                threads=servable.handler_threads,
                pages=pages,
                servable=servable,
                handler=servable.resource.post.handler if self.is_direct(servable.resource) else None,
            )

    def is_direct(self, resource) -> bool:
        """Tell whether `post` can be called without Flask: it is async, and nothing else is wrapped around it."""
        post = getattr(resource, 'post', None)
        return (
            post is not None
            and issubclass(resource, ModelResource)
            # By identity: a decorator around `post` copies the attribute, but is another function.
            and getattr(post, 'validated', None) is post
            and post.takes_instance
            and inspect.iscoroutinefunction(post.handler)
            and not isinstance(inspect.getattr_static(resource, 'post'), staticmethod)
            and not (resource.method_decorators or resource.decorators or resource.representations)
            and resource.dispatch_request is flask_restful.Resource.dispatch_request
            and _hooks(self.app) == self._own_hooks
            and 'wsgi_app' not in vars(self.app)  # no middleware
        )

    def with_constant_headers(self, own: list) -> list:
        """Return an answer's own headers, and the constant ones that are not among them."""
        if not own:
            return self.headers
        names = {name for name, _ in own}
        return own + [header for header in self.headers if header[0] not in names]

    async def _lifespan(self, receive, send):
        await receive()
        # Our worker has started the models already, so the list is empty.
        unready = [servable for servable in await self.start() if servable.settings['on_error'] == 'stop']
        if unready:
            reasons = ' '.join(f'{servable.url}: {servable.problem}' for servable in unready)
            await send({'type': 'lifespan.startup.failed', 'message': f'The service can not start. {reasons}'})
            return
        await send({'type': 'lifespan.startup.complete'})
        await receive()
        if self.app.access_log:
            await asyncio.to_thread(self.app.access_log.write)
        await send({'type': 'lifespan.shutdown.complete'})


def _hooks(app) -> list:
    """Return the functions that Flask calls around each request of the application."""
    return [*app.teardown_appcontext_funcs, *(hook for table in HOOKS for hook in getattr(app, table).get(None, ()))]


def _constant_headers(app) -> list:
    """Return the headers that Flask adds to every JSON answer: Content-Type and CORS."""
    with app.test_request_context():
        response = app.process_response(app.response_class(mimetype='application/json'))
    del response.headers['Content-Length']
    return encoded(response.headers)
