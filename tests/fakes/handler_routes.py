"""routes.py of a service with every kind of handler; `tests` has to be importable there."""

from tests.fakes import handler_resources as handlers

from .serving.route import Route

NAMES = (
    'Async', 'Def', 'Forced', 'Request', 'Static', 'Partial', 'ReadOnly', 'Decorated', 'InnerDecorated',
    'MethodDecorated', 'Dispatching', 'Streaming',
)  # fmt: skip
ROUTES = tuple(Route(f'/v1/{name}Model', getattr(handlers, f'{name}Resource'), handlers.EchoModel) for name in NAMES)
