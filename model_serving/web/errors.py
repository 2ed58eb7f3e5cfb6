"""Every error is answered with JSON that has a `message`: `answer_to`, for Flask, the front and streams."""

import json
import logging

from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    UnsupportedMediaType,
    default_exceptions,
)

from ..serving import secrets
from ..serving.errors import CallError, HandlerError, InvalidInstance
from ..utils.schema_validator import path_text
from ..utils.text_utils import clip
from ..utils.validation_utils import invalid
from . import strict_json

LOGGER = logging.getLogger('errors')
MAX_REASON = 1000
# Errors that show a valid body.
WITH_EXAMPLE = {BadRequest.code, UnsupportedMediaType.code}
# Why a request was refused, for the metrics; errors of a call know it themselves.
REASONS = {400: 'invalid', 401: 'unauthorized', 403: 'forbidden', 408: 'slow_body', 413: 'too_large', 415: 'media_type'}
# The largest example that is shown beside something else, in bytes of JSON.
MAX_EXAMPLE = 1024
FAILURE_SCHEMA = {
    'type': 'object',
    'required': ['path', 'message'],
    'properties': {
        'path': {'type': 'string', 'description': 'Where in the body: image[3][7]; empty at the top'},
        'message': {'type': 'string'},
    },
}
ERROR_SCHEMA = {
    'type': 'object',
    'required': ['message'],
    'properties': {
        'message': {'type': 'string', 'description': 'What is wrong, for a person to read'},
        'errors': {
            'description': 'Every failure of the validation, the most telling one first',
            'type': 'array',
            'maxItems': 20,
            'items': FAILURE_SCHEMA,
        },
        'example': {'description': 'A body that this URL accepts'},
        'command': {'type': 'string', 'description': 'A command that uploads a file to this URL'},
    },
}


def answer_to(error, call: str, request_id: str, servable=None, error_body=None) -> tuple[bytes, int, dict]:
    """Return body, status and headers of the answer to an exception.

    An unexpected exception is logged as the failure of `call` (`POST /v1/XXXModel`) and becomes a 500. `servable` is
    the one that was called, if any; its `refusals` count the error. `error_body(message, status)` makes the JSON of
    another protocol's error.
    """
    reason = error.reason if isinstance(error, CallError) else None
    if not isinstance(error, HTTPException):
        error = _http_error(error, call, request_id)
    message, status = error.description, error.code
    if error.response is not None:  # such an exception has no description and no code
        message, status = error.response.get_data(as_text=True), error.response.status_code
    reason = reason or REASONS.get(status)
    if reason and servable is not None and servable.refusals is not None:
        servable.refusals[reason].inc()
    data = {'message': message, **getattr(error, 'data', {}), **_example(error, servable)}
    if error_body:
        data = error_body(data['message'], status)
    try:
        # Read back: values of NumPy and others have become plain JSON, in which texts are easy to find.
        body = strict_json.dumps(secrets.hidden_in(json.loads(strict_json.dumps(data))))
    except (TypeError, HandlerError) as failure:
        return answer_to(failure, call, request_id, error_body=error_body)
    return body, status, {name: value for name, value in error.get_headers() if name != 'Content-Type'}


def _http_error(error, call, request_id):
    if isinstance(error, InvalidInstance):
        return invalid([{'path': path_text([error.path]), 'message': clip(secrets.hidden(error.message))}])
    if isinstance(error, CallError):
        http_error = default_exceptions[error.status](clip(secrets.hidden(str(error)), MAX_REASON))
        http_error.retry_after = error.retry_after
        return http_error
    LOGGER.error('%s failed, request id %s', call, request_id, exc_info=error)
    return InternalServerError(f'The service failed to answer this request. Its log has the reason under {request_id}.')


def _example(error, servable):
    """Return `{'example': …}`, a body that this URL accepts, for an error of the body."""
    is_upload = error.code == BadRequest.code and 'command' in getattr(error, 'data', {})
    if servable is None or error.code not in WITH_EXAMPLE or is_upload:
        return {}
    for example in servable.examples:
        if len(strict_json.dumps(example)) <= MAX_EXAMPLE:
            return {'example': example}
    return {}
