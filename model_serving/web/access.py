"""Who may call what: the paths that need no key, and the errors for a caller without the right one."""

from flask import current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from ..serving import event_loop
from .request import KEY

REALM = 'Model Serving'
# Health checks come from machines that have no key.
PUBLIC_PATHS = {'/health/live', '/health/ready', '/_ah/warmup'}
# The page's own files hold nothing of the models. It asks its user for a key.
PAGE_PATHS, PAGE_FOLDER = {'/', '/jquery.min.js'}, '/page/'
# As /openapi.json describes them; the page uses the first one.
SCHEMES = {
    'X-API-Key': {'type': 'apiKey', 'in': 'header', 'name': 'X-API-Key'},
    'Bearer': {'type': 'http', 'scheme': 'bearer'},
}
HOW = 'Send it in the header X-API-Key, or as Authorization: Bearer.'
NO_KEY = f'This service asks for an API key. {HOW}'
WRONG_KEY = f'This API key is not valid here. {HOW} Keys are made by whoever runs the service, with bin/new-key.sh.'


def authorize(app, key, method: str, path: str, sent: tuple = (None, None)):
    """Raise Unauthorized without a key where one is needed, and Forbidden if it is for other models.

    `key` is the one that `sent`, the headers X-API-Key and Authorization, has; None if that is not valid. A preflight
    needs none, since browsers send it without.
    """
    servable = app.models_by_path.get(path)
    if method == 'OPTIONS' or (servable is None and _is_public(path, app.has_page)):
        return
    if key is None:
        is_wrong = bool(sent[0] or (sent[1] or b'')[:7].lower() == b'bearer ')
        error = {'error': 'invalid_token'} if is_wrong else {}
        challenge = WWWAuthenticate('bearer', {'realm': REALM, **error})
        raise Unauthorized(WRONG_KEY if is_wrong else NO_KEY, www_authenticate=challenge)
    if servable is not None and not key.is_for(servable):
        raise Forbidden(f'The key {key.name} is not for {servable.name}. It is for: {", ".join(key.models)}.')


def _is_public(path, has_page):
    return path in PUBLIC_PATHS or (has_page and (path in PAGE_PATHS or path.startswith(PAGE_FOLDER)))


def admit():
    """Check the key of Flask's request and count it for a rate limit, as front/admission.py does for the front."""
    app, servable = current_app, current_app.called_at(request.path)
    app.keys.refresh()
    request.environ[KEY] = None
    if app.keys.is_on:
        sent = [request.headers.get(name, '').encode('latin-1', 'replace') for name in ('X-API-Key', 'Authorization')]
        key = request.environ[KEY] = app.keys.find(*sent)
        authorize(app, key, request.method, request.path, sent)
    if servable and app.rate_limits.has(servable) and request.method != 'OPTIONS':
        counted = app.rate_limits.check(servable, request.environ[KEY], request.remote_addr or '')
        event_loop.run(counted, servable.name, servable.settings['timeout'])


def may_see_models() -> bool:
    """Tell whether the caller of Flask's request may read which models there are."""
    return not current_app.keys.is_on or request.environ[KEY] is not None
