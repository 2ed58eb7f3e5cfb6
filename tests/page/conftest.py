"""Places that the page is opened from, and what is asked of every page."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

BASE_FOLDER = Path(__file__).resolve().parents[2]
GALLERY = (BASE_FOLDER / 'tests' / 'fakes' / 'gallery.py').read_text(encoding='utf-8')


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope='session')
def gallery(service, tmp_path_factory):
    """The service with models that show every kind of field and answer."""
    files = {'model_serving/gallery.py': GALLERY, 'model_serving/routes.py': 'from .gallery import ROUTES as ROUTES\n'}
    folder = tmp_path_factory.mktemp('gallery') / 'model serving'
    files['conf/xxx_model.conf'] = '[model]\nname = FormModel\n'
    running = type(service)(folder, files)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope='session')
def static_url():
    """The docs folder on another static host, which knows nothing of the service."""
    handler = functools.partial(QuietHandler, directory=BASE_FOLDER / 'docs')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}/index.html'
        server.shutdown()
        thread.join()
