"""Model Serving Demo

Usage:
  main.py [--host <host>] [--port <port>] [--debug]
  main.py (-h | --help)
  main.py (-v | --version)

Options:
  --host <host>  Host to bind to [default: 0.0.0.0]
  --port <port>  Port to bind to [default: 9999]
  --debug        Reload when a file changes; on a loopback host also show werkzeug's debugger
  -h --help      Show this help
  -v --version   Show the version
"""

import sys
import traceback

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts it with an older one should read why it fails
    sys.exit(f'Model Serving needs Python 3.11 or newer; this is {sys.version.split()[0]}.')

from model_serving.utils.cpu_utils import limit_threads

# What a model prints is in the log at once, although the log is a file.
if hasattr(sys.stdout, 'reconfigure'):
    sys.stdout.reconfigure(line_buffering=True)
# Under gunicorn conf/gunicorn.conf.py has set these already, for its number of workers.
limit_threads(workers=1)

from model_serving.serving import places  # noqa: E402
from model_serving.serving.errors import StartError  # noqa: E402

VERSION = 'Model Serving Demo v1.0.0'


def make_app():
    """Return the Flask application, or end with one line that says why there is none."""
    try:
        # Here, since it imports the models and resources of routes.py, and these may fail.
        from model_serving.app import create_app

        return create_app()
    except StartError as error:
        reason = str(error)
    except KeyboardInterrupt:
        raise
    # BaseException: a model may call sys.exit while it is imported, even with 0.
    except BaseException as error:
        traceback.print_exc()
        reason = f'{places.of_error(error, anywhere=True)}: {places.in_one_line(error)}'
        # Who raises it by hand may give it no name.
        missing = getattr(error, 'name', None) if isinstance(error, ModuleNotFoundError) else None
        if missing and not missing.startswith('model_serving'):
            reason += f'. Install what it needs, as by: {sys.executable} -m pip install {missing.split(".")[0]}'
    sys.exit(f'The service can not start. {reason}')


def main():
    """Serve with Flask's own server: for development, and for Windows, where gunicorn does not run."""
    from docopt import DocoptExit, docopt

    from model_serving.server import development_server

    try:
        arguments = docopt(__doc__, version=VERSION)
    except DocoptExit:
        sys.exit(f'main.py does not know these arguments: {" ".join(sys.argv[1:])}. See main.py --help')
    problem = development_server.problem(arguments['--host'], arguments['--port'])
    if problem:
        sys.exit(f'main.py: {problem}')
    development_server.serve(make_app, arguments['--host'], int(arguments['--port']), arguments['--debug'])


if __name__ == '__main__':
    main()
else:
    # For WSGI servers, such as gunicorn: its worker that conf/gunicorn.conf.py names serves asgi_app in its place.
    app = make_app()
    # For ASGI servers.
    asgi_app = app.extensions['front']
