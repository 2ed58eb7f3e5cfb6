"""gunicorn's settings: HOST, PORT, WORKERS and THREADS of the environment are read here and nowhere else.

bin/start.sh and App Engine use this file alike; the pid file is given by bin/start.sh alone.
"""

import contextlib
import ctypes
import gc
import os
import resource
import sys
from pathlib import Path

M_ARENA_MAX = -8  # of malloc.h
BASE_FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.server import balance, listening  # noqa: E402
from model_serving.server.worker_start import of_service  # noqa: E402
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
# Nothing that a proxy says of scheme and path is used: nobody is trusted, and no address need be compared.
forwarded_allow_ips = '*'
secure_scheme_headers = {}
forwarder_headers = ''

# One form for every line of the log.
logconfig = str(BASE_FOLDER / 'conf' / 'logging.conf')

# Else glibc gives each thread an arena of its own, which keeps what a large body once took.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)

# Before gunicorn loads the app, and so before a model imports its numeric library.
limit_threads(workers)

_start = of_service(workers)


def on_starting(server):
    # gunicorn itself would try for five seconds, and not say what to do.
    if {'GUNICORN_FD', 'LISTEN_FDS'} & os.environ.keys():
        return  # it is handed its sockets
    for address in server.cfg.address:
        reason = isinstance(address, tuple) and listening.problem(*address)
        if reason:
            sys.exit(f'The service can not start. It {reason} Give another PORT or HOST: PORT=8080 bin/start.sh')


def when_ready(server):
    # Whatever a worker ends with, another takes its place: gunicorn would end the service at these two statuses, which
    # a model's library may have, too. No status is as high, and of what a process ends with the system keeps 8 bits.
    server.WORKER_BOOT_ERROR += 256
    server.APP_LOAD_ERROR += 256
    # What the master has made lives as long as the service: a worker's collector must neither visit nor copy it.
    gc.collect()
    gc.freeze()


def post_fork(server, worker):
    worker.signals_before = server.SIG_QUEUE


def post_worker_init(worker):
    _start.prepare(worker)


def child_exit(server, worker):
    balance.forget(worker.age)
    _start.check_ended(server)


def worker_int(worker):
    _start.end(worker)


def worker_exit(server, worker):
    _start.end(worker)
