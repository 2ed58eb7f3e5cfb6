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

import logging
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - with an older Python, say why it fails
    sys.exit(f'Model Serving needs Python 3.11 or newer; this is {sys.version.split()[0]}.')

from model_serving import __version__
from model_serving.utils.cpu_utils import limit_threads

# Line buffering, so that what a model prints is in the log at once.
if hasattr(sys.stdout, 'reconfigure'):
    sys.stdout.reconfigure(line_buffering=True)
# Under gunicorn, conf/gunicorn.conf.py has done this already, for its number of workers.
limit_threads(workers=1)

from model_serving.serving import places, secrets  # noqa: E402
from model_serving.serving.errors import StartError  # noqa: E402

# Packages that are imported by another name.
PACKAGES = {'PIL': 'pillow', 'cv2': 'opencv-python-headless', 'sklearn': 'scikit-learn', 'yaml': 'PyYAML'}


def make_app():
    """Return the Flask application, or end with one line that says why there is none."""
    try:
        from model_serving.utils import log_utils

        log_utils.log_what_python_writes()
        # Imported here, because it imports the user's models and resources, which may fail.
        from model_serving.app import create_app

        return create_app()
    except StartError as error:
        reason = str(error)
    except KeyboardInterrupt:
        raise
    # BaseException: a model may call sys.exit when it is imported.
    except BaseException as error:
        logging.getLogger('start').exception('The start failed')
        place = places.of_error(error)
        reason = f'{place}: {places.in_one_line(error)}' if place else places.in_one_line(error)
        # A ModuleNotFoundError that was raised by hand may have no name.
        missing = getattr(error, 'name', None) if isinstance(error, ModuleNotFoundError) else None
        if missing and not missing.startswith('model_serving'):
            name = missing.split('.')[0]
            package = PACKAGES.get(name, name)
            reason += f'. Install it, for example with: {sys.executable} -m pip install {package}'
    sys.exit(f'The service cannot start. {secrets.hidden(reason)}')


def main():
    """Serve with Flask's own server: for development, and for Windows, where gunicorn does not run."""
    from docopt import DocoptExit, docopt

    from model_serving.server import development_server

    try:
        arguments = docopt(__doc__, version=f'Model Serving Demo v{__version__}')
    except DocoptExit:
        sys.exit(f'main.py does not know these arguments: {" ".join(sys.argv[1:])}. See main.py --help')
    port = arguments['--port']
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        sys.exit(f'main.py: the port must be a number from 1 to 65535, not {port!r}.')
    development_server.serve(make_app, arguments['--host'], int(port), arguments['--debug'])


if __name__ == '__main__':
    main()
else:
    # For WSGI servers, such as gunicorn; the worker of conf/gunicorn.conf.py serves its ASGI front.
    app = make_app()
    # For ASGI servers.
    asgi_app = app.asgi_app
