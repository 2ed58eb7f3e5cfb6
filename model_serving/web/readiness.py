"""Loads the models and calls them with their schemas' examples: a model is ready when these are answered."""

import contextlib
import logging
import re
import threading
from functools import partial
from itertools import islice

import orjson
from jsonschema import SchemaError
from werkzeug.exceptions import BadRequest

from ..serving import places
from ..serving.errors import DeadlineExceeded, StartError
from ..utils.schema_validator import SchemaValidator, in_words
from ..utils.text_utils import clip, without_folders
from . import strict_json
from .file_resource import file_resource

LOGGER = logging.getLogger('readiness')
# How many pieces of a stream are read for an example.
MAX_PIECES = 1000
HOW_TO_STREAM = 'async for piece in self.stream(instance): yield piece'
# Another loop over a stream than the one that works, in Python's words.
WRONG_LOOP = re.compile('TypeError: .*async_generator.*(iterable|await)')


class Readiness:
    """Makes all models of a process ready, once."""

    def __init__(self, app, add_resource):
        """`add_resource(servable)` serves a servable's resource, which a model file gets when it is loaded."""
        self._app = app
        self._add_resource = add_resource
        # Of the answers, by URL.
        self._validators = {}
        self._lock = threading.Lock()
        self.started = self.is_ending = False

    def start(self):
        """Make every model ready, or set its `problem`.

        Each worker calls this before it accepts requests; under a stock WSGI server the first request does.
        """
        with self._lock:
            if not self.started:
                servables = list(self._app.servables.values())
                for servable in servables:
                    servable.problem = _told(servable, servable.attempt(partial(self._load, servable)))
                    if servable.resource is None:
                        # It answers every request with 503 and the reason.
                        servable.schema = servable.result_schema = None
                        self._serve_file(servable)
                # The handlers of some call others, so all are loaded first.
                self._try_examples(servables)
                if self._app.access_log:
                    self._app.access_log.start()
                if self._app.metrics:
                    self._app.metrics.start()
                self.started = True

    def reasons_to_stop(self) -> str:
        """Return why the service cannot start, for the models that must be ready; empty if all are."""
        unready = [one for one in self._app.servables.values() if one.problem and one.settings['on_error'] == 'stop']
        return ' '.join(f'{servable.url}: {servable.problem}' for servable in unready)

    def _try_examples(self, servables):
        """Try the examples of each; again if its handler has called a model that turned out not to be ready later."""
        loaded, tried = [one for one in servables if not one.problem], {}
        # Each round may find one more that is not ready.
        for _ in range(len(loaded) + 1):
            unready = {one: {callee for callee in one.callees if callee.problem} for one in loaded}
            for one in loaded:
                if tried.get(one) != unready[one]:
                    tried[one], one.problem = unready[one], None
                    one.problem = _told(one, self._failure(one))

    def _failure(self, servable):
        """Return why an example fails; None if all are answered. They go the same way as requests."""
        servable.answers = []
        for number, example in enumerate(servable.examples):
            place = f'examples[{number}]'
            problem = servable.attempt(partial(self._try, servable, example, place), f'{place}: ')
            if problem:
                return f'{problem}. Write: {HOW_TO_STREAM}' if WRONG_LOOP.search(problem) else problem
        return None

    def _load(self, servable):
        servable.load()
        if servable.resource is None:
            _read_file(servable)
            self._serve_file(servable)
        if servable.result_schema:
            self._validators[servable.url] = _result_validator(servable)

    def _serve_file(self, servable):
        servable.resource = file_resource(servable)
        servable.result_schema = servable.resource.result_schema
        self._add_resource(servable)

    def _try(self, servable, example, place):
        """Send one example through the resource; raises StartError if it takes too long or the answer is not valid."""
        settings = servable.settings
        handler = settings['schema'] or settings['file'] or places.of_object(servable.resource.post)
        try:
            self._call(servable, example, place, handler)
        # The message of DeadlineExceeded is written for clients.
        except DeadlineExceeded:
            raise StartError(
                f'{place} was not answered within {settings["timeout"]:g} s. Choose a smaller example, or raise '
                f'`timeout` in the .conf file of {servable.name} ({handler})'
            ) from None

    def _call(self, servable, example, place, handler):
        view = self._app.view_functions[servable.url]
        with self._app.test_request_context(servable.url, method='POST', json=example):
            try:
                response = self._app.ensure_sync(view)()
            except BadRequest as error:
                if 'errors' not in getattr(error, 'data', {}):
                    raise  # a handler's own
                raise StartError(f'{place} does not fit its schema: {error.description} ({handler})') from error
            if hasattr(response, 'values'):
                return self._try_stream(servable, response, place, handler)
        body = response.get_data()
        text = clip(' '.join(body.decode(errors='replace').split()))
        if response.status_code != 200:
            raise StartError(f'{place} of its schema was answered {response.status_code}: {text} ({handler})')
        try:
            answer = orjson.loads(body)
        except ValueError:
            raise StartError(f'the answer to {place} is not JSON: {text} ({handler})') from None
        servable.answers.append(answer)
        self._check(servable, answer, f'the answer to {place}', handler)

    def _try_stream(self, servable, response, place, handler):
        """Read a stream to its end, or its first pieces; raises StartError if a piece is not a valid result."""
        if not servable.is_stream:
            raise StartError(f'the answer to {place} is a stream. Write: {HOW_TO_STREAM} ({handler})')
        with contextlib.closing(response):
            pieces = orjson.loads(strict_json.dumps(list(islice(response.values, MAX_PIECES))))
        servable.answers.append(pieces)
        for number, piece in enumerate(pieces):
            self._check(servable, piece, f'piece {number} of the answer to {place}', handler)

    def _check(self, servable, answer, what, handler):
        validator = self._validators.get(servable.url)
        if validator and not validator.is_valid(answer):
            reason = in_words(validator.errors(answer)[0])
            raise StartError(f'{what} does not fit the result schema: {reason} ({handler})')


def _told(servable, problem):
    """Return what clients are told of a problem; of a model that is skipped only the log has the whole of it."""
    if problem and servable.settings['on_error'] == 'skip':
        LOGGER.warning('%s is skipped: %s', servable.url, problem)
        return without_folders(problem)
    return problem


def _read_file(servable):
    """Set what a model file says of itself."""
    file = servable.make_model
    servable.schema, servable.result_schema = file.schemas()
    servable.max_body = file.max_body(servable.schema)
    if file.is_alone:
        servable.batcher.max_batch_size = 1
    if servable.warning:
        LOGGER.warning('%s: %s', servable.url, servable.warning)


def _result_validator(servable):
    """Return the validator for the answers; raises StartError for a result schema that is none."""
    try:
        return SchemaValidator(servable.result_schema)
    except (SchemaError, TypeError, ValueError) as error:
        resource = servable.resource
        raise StartError(
            f'result_schema of {resource.__name__} is not a JSON Schema: {error} ({places.of_object(resource)})'
        ) from error
