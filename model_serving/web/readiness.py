"""Is every model of this process able to answer? Its schema's examples decide."""

import logging
import threading

import orjson
from werkzeug.exceptions import BadRequest

from ..serving import places
from ..serving.errors import StartError
from ..utils.validation_utils import SchemaValidator, clip, in_words

LOGGER = logging.getLogger('readiness')


class Readiness:
    """Loads what is not loaded yet and calls each model with its examples, once in each process."""

    def __init__(self, app, servables):
        self._app = app
        self._lock = threading.Lock()
        self.servables = servables
        self.started = False

    def start(self) -> list:
        """Make every model ready; returns those that are not, with the reason in their `problem`.

        The server calls this in each worker before it accepts requests; elsewhere the first request does.
        """
        with self._lock:
            if not self.started:
                for servable in self.servables:
                    servable.problem = self._problem(servable)
                self.started = True
        return [servable for servable in self.servables if servable.problem]

    def _problem(self, servable):
        place = ''
        try:
            servable.load()
            # From here on it answers: the examples go the way that requests go.
            servable.problem = None
            for number, example in enumerate(servable.examples):
                place = f'examples[{number}]'
                self._try(servable, example, place)
        except StartError as error:
            return str(error)
        except KeyboardInterrupt:
            raise
        # BaseException: models call sys.exit, and compiled libraries panic, which is no Exception.
        except BaseException as error:
            LOGGER.exception('%s is not ready', servable.url)
            reason = servable.reason(error)
            return f'{place}: {reason}' if place else reason
        return None

    def _try(self, servable, example, place):
        """Send one example through the resource; raises StartError when the answer is not as promised."""
        view = self._app.view_functions[servable.endpoint]
        handler = servable.settings['file'] or places.of_object(view.view_class.post)
        with self._app.test_request_context(servable.url, method='POST', json=example):
            try:
                response = self._app.ensure_sync(view)()
            except BadRequest as error:
                if 'errors' not in getattr(error, 'data', {}):
                    raise  # a handler's own
                raise StartError(f'{place} does not fit its schema: {error.description} ({handler})') from error
        body = response.get_data()
        text = clip(' '.join(body.decode(errors='replace').split()))
        if response.status_code != 200:
            raise StartError(f'{place} of its schema was answered {response.status_code}: {text} ({handler})')
        try:
            answer = orjson.loads(body)
        except ValueError:
            raise StartError(f'the answer to {place} is no JSON: {text} ({handler})') from None
        servable.answers.append(answer)
        if servable.result_schema:
            validator = SchemaValidator(servable.result_schema)
            if not validator.is_valid(answer):
                reason = in_words(validator.errors(answer)[0])
                raise StartError(f'the answer to {place} is not as its result schema says: {reason} ({handler})')
