"""The page at /, from docs/, with jQuery from its package; the guides; and Swagger UI at /docs/."""

import base64
import hashlib
import re

from flask import send_from_directory
from flask_restful import Resource
from flask_swagger_ui import get_swaggerui_blueprint
from xstatic.pkg import jquery

from ..utils.conf_utils import BASE_FOLDER
from .guides import GuideBesideThePage, GuidePage

DOCS_FOLDER = BASE_FOLDER / 'docs'

# Only our own scripts run. The page may call another service (`?api=`), so connect-src is wide.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Swagger UI starts from a script in its HTML, which is let through by its hash, and has styles in its markup.
SWAGGER_POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


# No other site may frame the page or read from its window, and links tell nobody its address.
SECURITY = {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'SAMEORIGIN',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
}
PAGE_HEADERS = {**SECURITY, 'Content-Security-Policy': PAGE_POLICY}


class PageFile(Resource):
    """A file of the page: in `folder`, `pattern` with the name that the URL has."""

    undocumented = True

    def __init__(self, folder, pattern):
        self._folder = folder
        self._pattern = pattern

    def get(self, name=''):
        response = send_from_directory(self._folder, self._pattern.format(name))
        response.headers.extend(PAGE_HEADERS)
        return response


def add_page(app, api):
    """Serve the page, its files, jQuery, the guides and Swagger UI."""
    for url, folder_and_pattern in {
        '/': (DOCS_FOLDER, 'index.html'),
        '/page/<path:name>': (DOCS_FOLDER / 'page', '{}'),
        '/jquery.min.js': (jquery.BASE_DIR, 'jquery.min.js'),
        '/docs/images/<path:name>': (DOCS_FOLDER / 'images', '{}'),
        '/docs/benchmarks.svg': (DOCS_FOLDER, 'benchmarks.svg'),
    }.items():
        api.add_resource(PageFile, url, endpoint=url, resource_class_args=folder_and_pattern)
    api.add_resource(GuidePage, '/README.md', '/docs/<string:name>.md', resource_class_args=(PAGE_HEADERS,))
    api.add_resource(GuideBesideThePage, '/<string:name>.md')
    # No validator badge: it would send the document's address to another host.
    config = {'app_name': 'Model Serving Demo: API', 'validatorUrl': None, 'oauth2RedirectUrl': None}
    # Its links are relative, since a proxy may serve us below a path.
    swagger_ui = get_swaggerui_blueprint('.', '../openapi.json', config=config)
    swagger_ui.after_request(_with_swagger_policy)
    app.register_blueprint(swagger_ui, url_prefix='/docs')


def _with_swagger_policy(response):
    response.headers.extend(SECURITY)
    script = None if response.is_streamed else re.search(rb'<script>(.*?)</script>', response.get_data(), re.DOTALL)
    if script:
        digest = base64.b64encode(hashlib.sha256(script[1]).digest()).decode()
        response.headers['Content-Security-Policy'] = SWAGGER_POLICY.format(digest)
    return response
