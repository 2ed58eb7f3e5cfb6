"""Flask's own server, as `python main.py` starts it."""

import logging
import sys

from werkzeug.serving import WSGIRequestHandler, is_running_from_reloader, run_simple

from ..utils.conf_utils import CONF_FOLDER
from . import banner

LOGGER = logging.getLogger('start')


class QuietRequestHandler(WSGIRequestHandler):
    """Logs no requests: the application does, in the same way under every server. Tells no versions."""

    def version_string(self):
        return 'Model Serving'

    def log_request(self, *arguments):
        pass


def serve(make_app, host: str, port: int, debug: bool):
    """Serve the app until the process ends; with `debug`, restart when a file changes.

    The process that watches the files makes no app, so that each model is loaded once.
    """
    app = None
    # werkzeug's debugger runs code for anyone who can reach it, so it is only for this machine.
    debugger = debug and host in ('localhost', '127.0.0.1', '::1')
    if not debug or is_running_from_reloader():
        app = make_app()
        app.config['PROPAGATE_EXCEPTIONS'] = debugger
        app.readiness.start()
        reasons = app.readiness.reasons_to_stop()
        if reasons:
            sys.exit(f'The service cannot start. {reasons}')
        for line in banner.access_lines(app.keys, [(host, port)]):
            LOGGER.info(line)
    run_simple(
        host,
        port,
        app,
        use_reloader=debug,
        use_debugger=debugger,
        threaded=True,
        extra_files=[str(path) for path in CONF_FOLDER.glob('*')],
        request_handler=QuietRequestHandler,
    )
