"""Flask-RESTful's Api: it renders every error on every path, and answers that are streams."""

import inspect
import re
from urllib.parse import urlsplit

import flask_restful
from flask import current_app, request
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.routing import RoutingException

from ..utils.text_utils import did_you_mean, printable
from . import access, streams, strict_json
from .errors import answer_to
from .models import has_own_get, list_urls
from .protocols.urls import dialect_of
from .request import REQUEST_ID

# How many models a 404 names, and what it names beside them.
MAX_MODELS = 10
PAGES = ('/', '/docs/', '/openapi.json', '/health/ready', '/health/live')


class ServiceApi(flask_restful.Api):
    """Flask-RESTful's Api, which renders every error on every path, in testing as in production."""

    def __init__(self, app):
        super().__init__(app, catch_all_404s=True)
        self.representation('application/json')(_json_response)

    def make_response(self, data, *arguments, **options):
        """Return the response of what a resource returned: a handler that yields returns an async generator."""
        if inspect.isasyncgen(data):
            return streams.response(data)
        return super().make_response(data, *arguments, **options)

    def error_router(self, original_handler, error):
        if current_app.config['PROPAGATE_EXCEPTIONS'] and not isinstance(error, HTTPException):
            raise error  # to werkzeug's debugger
        return self.handle_error(error)

    def handle_error(self, error):
        """Return the response for any exception."""
        if isinstance(error, RoutingException):
            return _redirection(error)
        # Without its headers for CORS a page could not read what the request itself is answered.
        if request.method == 'OPTIONS' and isinstance(error, NotFound):
            return current_app.make_default_options_response()
        if isinstance(error, HTTPException):
            if error.response is not None:
                return error.get_response()
            error.description = _message(error)
            is_other_type = error.code == UnsupportedMediaType.code and 'Content-Encoding' not in request.headers
            if is_other_type or ('errors' in getattr(error, 'data', {}) and request.is_upload):
                _show_upload(error)
        servable = current_app.called_at(request.path)
        request_id = request.environ.get(REQUEST_ID)
        dialect = dialect_of(current_app, request.path)
        call, error_body = printable(f'{request.method} {request.path}'), dialect and dialect.error
        return _response(*answer_to(error, call, request_id, servable, error_body))


def _show_upload(error):
    """Add the command that uploads a file to an error, if files are taken at this URL."""
    uploads = current_app.uploads.get(request.path)
    if uploads:
        try:
            url = request.base_url if request.host else request.path
        # Not every Host can be a part of a URL.
        except UnicodeError:
            url = request.path
        error.data = {**getattr(error, 'data', {}), 'command': uploads.command(url)}


def _redirection(error):
    """Return werkzeug's redirect from `/docs` to `/docs/`; relative, since a proxy may add TLS and a path."""
    response = error.get_response()
    if urlsplit(error.new_url).path == f'{request.path}/':
        query = request.query_string.decode('latin-1')
        response.location = request.path.rpartition('/')[2] + '/' + (f'?{query}' if query else '')
    return response


def _json_response(data, code, headers=None):
    return _response(strict_json.dumps(data), code, headers)


def _response(body, code, headers=None):
    response = current_app.response_class(body, code, mimetype='application/json')
    response.headers.extend(headers or {})
    return response


def _message(error):
    """Return the resource's own message if it has one, else how to fix the request."""
    if error.description != type(error).description:
        return error.description
    if isinstance(error, NotFound) and request.url_rule is None:
        return current_app.not_installed.get(request.path) or _nothing_at(request.path)
    if isinstance(error, MethodNotAllowed):
        allowed = error.valid_methods or []
        if 'POST' not in allowed:
            return f'{request.method[:20]} is not allowed here. Allowed: {", ".join(sorted(allowed))}'
        servable = current_app.servables.get(request.path)
        told = ' GET tells what the model is.' if servable and not has_own_get(servable.resource) else ''
        return f'{request.method[:20]} is not allowed here: POST JSON to this URL.{told}'
    if isinstance(error, RequestEntityTooLarge):
        return f'The body is larger than the {request.max_content_length} bytes of max_body, the limit of this URL.'
    return error.description


def _nothing_at(path):
    if not access.may_see_models():
        return f'Nothing is served at {path[:100]}.'
    models = list(current_app.servables)
    lists = list_urls(current_app.servables.values())
    if re.fullmatch(r'/v[0-9]{1,9}/?', path):
        return f'No model has version {path.strip("/v")}. There are: {", ".join(lists)}'
    rules = {str(rule) for rule in current_app.url_map.iter_rules()}
    pages = [url for url in PAGES if url in rules]
    shown = ', '.join([*models[:MAX_MODELS], *(['…'] if len(models) > MAX_MODELS else []), *pages])
    hint = did_you_mean(path, [*models, *lists, *pages])
    told = f'. GET {" or ".join(lists)} lists the models.' if lists else ''
    return f'Nothing is served at {path[:100]}.{hint} There are: {shown}{told}'
