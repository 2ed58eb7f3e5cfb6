"""Clients that call without a pause, and tell of each request that was lost."""

import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import wait_until

ANSWER = {'result': 'Hello, Leo!'}


class BusyClient:
    """Calls on one kept connection, which it opens again when the service says so, or on a new one each time.

    `answered` counts its answers, `lost` tells of each request that was sent and not answered.
    """

    def __init__(self, service, keeps):
        self.service, self.keeps = service, keeps
        self.answered, self.lost = 0, []
        self.stopping = threading.Event()

    def __call__(self):
        headers = {'Content-Type': 'application/json', **({} if self.keeps else {'Connection': 'close'})}
        connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=60)
        with contextlib.closing(connection):
            while not self.stopping.is_set():
                try:
                    connection.request('POST', '/v1/XXXModel', b'{"name": "Leo"}', headers)
                    response = connection.getresponse()
                    if (response.status, json.loads(response.read())) != (200, ANSWER):
                        self.lost.append(response.status)
                    self.answered += 1
                except OSError as error:
                    self.lost.append(repr(error))
                    connection.close()


@contextlib.contextmanager
def busy_clients(service, count=16, keep_all=False):
    """Have clients call, all or every other one on kept connections; at the end none of their requests was lost."""
    clients = [BusyClient(service, keeps=keep_all or bool(number % 2)) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(client) for client in clients]
        wait_until(lambda: all(client.answered for client in clients))
        try:
            yield clients
            before = [client.answered for client in clients]
            wait_until(lambda: all(client.answered > count for client, count in zip(clients, before, strict=True)))
        finally:
            for client in clients:
                client.stopping.set()
        for call in running:
            call.result()
    assert [client.lost for client in clients] == [[]] * count
