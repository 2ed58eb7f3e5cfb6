"""gunicorn's settings: HOST, PORT, WORKERS and THREADS of the environment are read here and nowhere else.

bin/start.sh and App Engine use this file alike; the pid file is given by bin/start.sh alone.
"""

import os
import resource
import sys
from pathlib import Path

BASE_FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.server.gunicorn_hooks import (  # noqa: E402, F401 - gunicorn finds them by their names
    child_exit,
    on_starting,
    post_fork,
    when_ready,
    worker_exit,
)
from model_serving.utils.cpu_utils import limit_threads  # noqa: E402


def _number(name, default, most):
    text = os.environ.get(name, default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        sys.exit(f'{name} must be a whole number from 1 to {most}, not {text!r}.')
    return int(text)


_host = os.environ.get('HOST', '0.0.0.0')
_port = _number('PORT', '9999', 65535)

bind = f'[{_host}]:{_port}' if ':' in _host else f'{_host}:{_port}'
workers = _number('WORKERS', '2', 1024)
threads = _number('THREADS', '16', 4096)
worker_class = 'model_serving.server.worker.Worker'
# Fork-safe models are loaded once, here in the master, and shared by the workers.
preload_app = True
chdir = str(BASE_FOLDER)

# A connection is an open file. Idle ones cost little, so the system's limit is the only one.
_, _files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _files))

graceful_timeout = 25
# Longer than the idle time of the load balancer in front, which otherwise sends into a closed connection.
keepalive = 75
# The heartbeat is a file; on a disk a busy machine would miss it.
worker_tmp_dir = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
control_socket_disable = True

# One form for every line of the log.
logconfig = str(BASE_FOLDER / 'conf' / 'logging.conf')

# Before gunicorn loads the app, and so before a model imports its numeric library.
limit_threads(workers)
