"""Kept connections are spread over the workers soon after they came."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.conftest import wait_until
from tests.server.test_signals import Caller

CONNECTIONS = 32


def sockets(pid) -> int:
    """Return how many sockets a process has open (Linux)."""
    folder = f'/proc/{pid}/fd'
    found = 0
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(f'{folder}/{name}').startswith('socket:')
    return found


def spread(service) -> list:
    """Return how many of the connections of busy clients each worker has, a second after they came."""
    pids = service.worker_pids
    before = [sockets(pid) for pid in pids]
    callers = [Caller(service, keeps=True) for _ in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        calls = [pool.submit(caller) for caller in callers]
        wait_until(lambda: all(caller.answered for caller in callers))
        threading.Event().wait(1)
        found = [sockets(pid) - count for pid, count in zip(pids, before, strict=True)]
        for caller in callers:
            caller.stopping.set()
        for call in calls:
            call.result()
    assert [caller.lost for caller in callers] == [[]] * CONNECTIONS
    return found


@pytest.mark.parametrize('runs', [1, pytest.param(10, marks=pytest.mark.long)])
def test_busy_connections_are_spread(make_service, runs):
    service = make_service(environment={'WORKERS': '2'})
    for _ in range(runs):
        found = spread(service)
        # A connection that is just being opened again may be counted at both.
        assert CONNECTIONS - 2 <= sum(found) <= CONNECTIONS + 2
        assert min(found) >= 12


def test_a_worker_that_is_stopped_is_not_waited_for(make_service):
    service = make_service(environment={'WORKERS': '2'})
    stopped = service.worker_pids[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        for _ in range(24):
            answer = service.post('/v1/XXXModel', {'name': 'Leo'})
            assert answer.json() == {'result': 'Hello, Leo!'}
    finally:
        os.kill(stopped, signal.SIGCONT)
