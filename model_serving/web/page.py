"""The page and its files, from docs/, and jQuery from its package."""

from flask import send_from_directory
from flask_restful import Resource
from xstatic.pkg import jquery

from ..utils.conf_utils import BASE_FOLDER

DOCS_FOLDER = BASE_FOLDER / 'docs'

FILES = {
    '/': (DOCS_FOLDER, 'index.html'),
    '/index.html': (DOCS_FOLDER, 'index.html'),
    '/page.js': (DOCS_FOLDER, 'page.js'),
    '/page.css': (DOCS_FOLDER, 'page.css'),
    '/digit-grid.js': (DOCS_FOLDER, 'digit-grid.js'),
    '/jquery.min.js': (jquery.BASE_DIR, 'jquery.min.js'),
}


class PageFile(Resource):
    """One file of the page."""

    def __init__(self, folder, name):
        self._folder = folder
        self._name = name

    def get(self):
        return send_from_directory(self._folder, self._name)
