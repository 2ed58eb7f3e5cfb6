import inspect
import logging
import os
from time import perf_counter

from . import chains, event_loop, places, secrets
from .batching import Batcher
from .errors import BlockingCall, HandlerError, NotReady, StartError
from .route import described
from .streaming import Streams

LOGGER = logging.getLogger('readiness')
# How many time-outs a call may take before its worker is replaced.
HANGS_AFTER = 3
# The largest body unless the setting says otherwise, in bytes.
MAX_BODY = 2**20
REPLACED = 'Its file has changed since the service was started, so workers may answer differently. Restart the service.'


class Servable:
    """One version of a named model: its resource, schemas, settings and, once it is loaded, its object and batcher.

    `make_model` returns the model when it is called with `arguments`, the `[params]` of a class: it is the class or a
    `ModelFile`, or None for a resource that brings its own model. `resource` and the schemas of a model file are None
    until it is loaded. `answers` are the answers to the schema's examples.
    """

    def __init__(self, name, version, make_model, settings, resource=None, arguments=None):
        self.name = name
        self.version = version
        self.make_model = make_model
        self.settings = settings
        self.arguments = arguments or {}
        # A model file whose arrays need more gets more when it is loaded.
        self.max_body = settings['max_body'] or MAX_BODY
        self.resource = resource
        self.schema = getattr(getattr(resource, 'post', None), 'schema', None)
        self.result_schema = getattr(resource, 'result_schema', None)
        self.answers = []
        # All models by their names, and those of them that its handler has called: see chains.py.
        self.others, self.callees = {}, set()
        # How long loading took, in seconds, and in which process.
        self.load_seconds = self.load_process = None
        # The threads of its `def` handlers; the front makes them. Counters of refused calls, by reason.
        self.handler_threads = self.refusals = None
        self._model = None
        self.batcher = Batcher(name, None, settings['max_batch_size'], settings['max_queue'])
        self.streams = Streams(name, settings['streams'], settings['max_queue'])
        self.problem = 'It has not been started yet.'

    @property
    def url(self) -> str:
        """Its URL, which is also the name of its Flask endpoint."""
        return f'/v{self.version}/{self.name}'

    @property
    def examples(self) -> list:
        """The schema's examples, which must be answered before the model counts as ready."""
        return (self.schema or {}).get('examples', [])

    @property
    def is_stream(self) -> bool:
        """Tell whether its handler yields the answer piece by piece; `result_schema` then describes a piece."""
        post = getattr(self.resource, 'post', None)
        return inspect.isasyncgenfunction(getattr(post, 'handler', post))

    @property
    def source(self) -> str:
        """What is served, for the start-up banner."""
        if self.make_model is None:
            return 'its own resource'
        # A partial's own text shows its arguments, and one may be a secret.
        make_model = places.unwrapped(self.make_model)
        # A class has a name; a model file describes itself.
        return getattr(make_model, '__name__', None) or str(make_model)

    @property
    def device(self) -> str | None:
        """Where the model runs, as `cuda:1`: a file's setting, or the attribute `device` of a model; else None."""
        own = getattr(self._model, 'device', None)
        return self.settings['device'] if self.settings['file'] else own and str(own)

    @property
    def problem(self) -> str | None:
        """Why the model can't answer; None when it can."""
        return self.batcher.problem

    @problem.setter
    def problem(self, problem):
        self.batcher.problem = problem

    @property
    def warning(self) -> str | None:
        """What is wrong with a model that answers; None if nothing is."""
        return REPLACED if getattr(self.make_model, 'was_replaced', False) else None

    @property
    def model(self):
        """The model's object; raises NotReady."""
        if self.problem:
            raise NotReady(self.name, self.problem)
        return self._model

    def load(self):
        """Make the model's object, unless it is made already; raises whatever the model's class raises."""
        if self._model is None and self.make_model is not None:
            started = perf_counter()
            model = self.make_model(**self.arguments)
            if model is None or isinstance(model, type):
                where = places.of_object(self.make_model)
                raise StartError(f'the function in its row must return the model, not {described(model)} ({where})')
            self._model = model
            self.load_seconds, self.load_process = perf_counter() - started, os.getpid()
            self.batcher.predict = getattr(self._model, 'predict', None)
            self.streams.generate = getattr(self._model, 'stream', None)

    def attempt(self, step, place='') -> str | None:
        """Call `step()`; return None, or in one line why it failed: what is wrong, and where in the user's files.

        A StartError says both itself; `place` stands in front of the reason of any other exception.
        """
        try:
            step()
        except StartError as error:
            return secrets.hidden(str(error))
        except KeyboardInterrupt:
            raise
        # BaseException: models may call sys.exit, and compiled libraries may panic.
        except BaseException as error:
            LOGGER.exception('%s is not ready', self.url)
            is_handlers = isinstance(error, HandlerError) and self.resource
            source = self.resource.post if is_handlers else self.make_model
            where = places.of_error(error) or self.settings['file'] or places.of_object(source)
            return f'{place}{places.in_one_line(error)} ({where})'
        return None

    async def predict_async(self, instance, model=None):
        """Return the model's result for one instance, or that of the other model of this name."""
        if model is None:
            return await self.batcher.predict_async(instance)
        return await chains.predict_async(self, instance, model)

    def predict(self, instance, model=None):
        """Return the same for callers in threads; raises DeadlineExceeded, and BlockingCall on the event loop."""
        if event_loop.is_running_here():
            raise BlockingCall
        return event_loop.run(self.predict_async(instance, model), self.name, self.settings['timeout'])

    def refusal(self, instance) -> str | None:
        """Return why the schema refuses an instance; None if it accepts it, or if there is no schema."""
        refusal = getattr(getattr(self.resource, 'post', None), 'refusal', None)
        return refusal and refusal(instance)

    def stream(self, instance):
        """Return an async generator of the model's pieces for one instance; raises NotReady."""
        if self.problem:
            raise NotReady(self.name, self.problem)
        return self.streams.stream(instance)

    @property
    def waiting(self) -> int:
        """How many calls wait: to be predicted, for a thread of a stream, or for one of a `def` handler."""
        parts = self.batcher, self.streams, self.handler_threads
        return sum(part.queued for part in parts if part is not None)

    @property
    def hangs_for(self) -> float:
        """How long `predict` or a step of `stream` has been running, in s, if more than HANGS_AFTER time-outs; else 0.

        A `def` handler may take one time-out more, since it may wait for `predict` for so long.
        """
        timeout = self.settings['timeout']
        limits = (
            (self.batcher, HANGS_AFTER * timeout),
            (self.streams, HANGS_AFTER * timeout),
            (self.handler_threads, (HANGS_AFTER + 1) * timeout),
        )
        running = ((part.running_for(), limit) for part, limit in limits if part is not None)
        return max((seconds for seconds, limit in running if seconds > limit), default=0.0)

    def give_up(self, problem: str):
        """Answer waiting and future callers that the model is not ready; `problem` says why."""
        self.problem = problem
        for waited_for in (self.batcher, self.streams, self.handler_threads):
            if waited_for is not None:
                waited_for.give_up(NotReady(self.name, problem))
