"""gunicorn's settings. The environment variables HOST, PORT, WORKERS and THREADS are read here and nowhere else.

bin/start.sh, systemd, containers and App Engine use this file; only bin/start.sh adds a pid file.
"""

import os
import resource
import signal
import sys
from pathlib import Path

BASE_FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.server import addresses  # noqa: E402
from model_serving.server.gunicorn_hooks import (  # noqa: E402, F401 - gunicorn finds them by their names
    child_exit,
    on_starting,
    post_fork,
    pre_exec,
    when_ready,
    worker_exit,
)
from model_serving.utils import service_folder  # noqa: E402
from model_serving.utils.cpu_utils import limit_threads  # noqa: E402

# Linux keeps SIGTERM from the first process of a container, unless that has a handler. gunicorn has one only when the
# models are loaded, and keeps it when HUP has it read this file again.
if os.getpid() == 1 and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))


def _number(name, default, most):
    text = os.environ.get(name, default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        sys.exit(f'{name} must be a whole number from 1 to {most}, not {text!r}.')
    return int(text)


# Vertex AI has a variable of its own for the port.
_port = 'AIP_HTTP_PORT' if 'AIP_HTTP_PORT' in os.environ and 'PORT' not in os.environ else 'PORT'
bind = addresses.to_bind(os.environ.get('HOST'), _number(_port, '9999', 65535))
workers = _number('WORKERS', '2', 1024)
threads = _number('THREADS', '16', 4096)
worker_class = 'model_serving.server.worker.Worker'
# Fork-safe models are loaded once, in the master, and shared by the workers.
preload_app = True
chdir = str(BASE_FOLDER)

# Each connection is an open file. Idle connections cost little, so only the system's limit applies.
_, _files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _files))

graceful_timeout = 25
# Longer than a load balancer's idle time, so that it never sends a request on a closed connection.
keepalive = 75
# The heartbeat is a file. On a busy disk it would come too late.
worker_tmp_dir = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
control_socket_disable = True

# One form for every line of the log.
logconfig = str(BASE_FOLDER / 'conf' / 'logging.conf')

# Before gunicorn loads the app, so before a model imports a numeric library, or prometheus_client.
limit_threads(workers)
service_folder.join()
