"""Who may call what: the URLs that need no key, and the errors for a caller without the right one."""

from flask import current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from ..serving import event_loop
from .request import KEY

REALM = 'Model Serving'
# Health checks come from machines that have no key.
OPEN = {'/health/live', '/health/ready', '/_ah/warmup'}
# The page's own files hold nothing of the models. It asks its user for a key.
PAGE, PAGE_FILES = {'/', '/jquery.min.js'}, '/page/'
# As /openapi.json describes them; the page uses the first one.
SCHEMES = {
    'X-API-Key': {'type': 'apiKey', 'in': 'header', 'name': 'X-API-Key'},
    'Bearer': {'type': 'http', 'scheme': 'bearer'},
}
HOW = 'Send it in the header X-API-Key, or as Authorization: Bearer.'
NO_KEY = f'This service asks for an API key. {HOW}'
WRONG_KEY = f'This API key is not valid here. {HOW} Keys are made by whoever runs the service, with bin/new-key.sh.'


def is_open(method: str, path: str, has_page: bool) -> bool:
    """Tell whether a request needs no key. A browser's preflight can't have one."""
    is_page = has_page and (path in PAGE or path.startswith(PAGE_FILES))
    return method == 'OPTIONS' or path in OPEN or is_page


def admit():
    """Do what the front does on a request before its body is read, for Flask without the front."""
    app, headers, servable = current_app, request.headers, current_app.servable_at(request.path)
    app.keys.look()
    sent = [headers.get(name, '').encode('latin-1', 'replace') for name in ('X-API-Key', 'Authorization')]
    key = request.environ[KEY] = app.keys.find(*sent) if app.keys.is_on else None
    if app.keys.is_on:
        check(app, key, any(sent), request.method, request.path)
    if servable and app.rate_limits.has(servable) and request.method != 'OPTIONS':
        counted = app.rate_limits.check(servable, key, request.remote_addr or '')
        event_loop.run(counted, servable.name, servable.settings['timeout'])


def is_known() -> bool:
    """Tell whether the caller of this request may read which models there are."""
    return not current_app.keys.is_on or request.environ[KEY] is not None


def check(app, key, has_sent: bool, method: str, path: str):
    """Raise Unauthorized without a key where one is needed, and Forbidden for a model that the key is not for.

    `key` is that of the request, if it is valid; `has_sent` tells whether there was any.
    """
    if is_open(method, path, app.has_page):
        return
    if key is None:
        error = {'error': 'invalid_token'} if has_sent else {}
        challenge = WWWAuthenticate('bearer', {'realm': REALM, **error})
        raise Unauthorized(WRONG_KEY if has_sent else NO_KEY, www_authenticate=challenge)
    servable = app.models_by_path.get(path)
    if servable is not None and not key.is_for(servable):
        raise Forbidden(f'The key {key.name} is not for {servable.name}. It is for: {", ".join(key.models)}.')
