"""Kept connections are spread over the workers soon after they came."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from tests.server.busy_clients import ANSWER, busy_clients

CONNECTIONS = 32


def sockets(pid) -> int:
    """Return how many sockets a process has open (Linux)."""
    folder = f'/proc/{pid}/fd'
    found = 0
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(f'{folder}/{name}').startswith('socket:')
    return found


@pytest.mark.parametrize('runs', [1, pytest.param(10, marks=pytest.mark.long)])
def test_busy_connections_are_spread(make_service, runs):
    service = make_service(environment={'WORKERS': '2'})
    for _ in range(runs):
        before = [sockets(pid) for pid in service.worker_pids]
        with busy_clients(service, CONNECTIONS, keep_all=True):
            threading.Event().wait(1)
            found = [sockets(pid) - count for pid, count in zip(service.worker_pids, before, strict=True)]
        # A connection that is just being opened again may be counted at both.
        assert CONNECTIONS - 2 <= sum(found) <= CONNECTIONS + 2
        assert min(found) >= 12


@pytest.mark.long
def test_a_worker_that_is_stopped_is_not_waited_for(make_service):
    service = make_service(environment={'WORKERS': '2'})
    stopped = service.worker_pids[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        assert [service.post('/v1/XXXModel', {'name': 'Leo'}).json() for _ in range(24)] == [ANSWER] * 24
    finally:
        os.kill(stopped, signal.SIGCONT)
