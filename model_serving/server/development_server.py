"""Flask's own server, as `python main.py` starts it."""

import sys

from werkzeug.serving import WSGIRequestHandler, is_running_from_reloader, run_simple

from ..utils.conf_utils import CONF_FOLDER
from . import listening


class QuietRequestHandler(WSGIRequestHandler):
    """Logs no requests: the application does, in the same way under every server."""

    def log_request(self, *arguments):
        pass


def problem(host: str, port: str) -> str | None:
    """Return why the server can't listen at `host` and `port`, in one line, or None."""
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        return f'the port must be a number from 1 to 65535, not {port!r}.'
    if is_running_from_reloader():
        return None  # the first process has the socket
    reason = listening.problem(host, int(port))
    return reason and f'{reason} Choose another --host or --port.'


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
        unready = app.readiness.start()
        reasons = [
            f'{servable.url}: {servable.problem}' for servable in unready if servable.settings['on_error'] == 'stop'
        ]
        if reasons:
            sys.exit(f'The service can not start. {" ".join(reasons)}')
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
