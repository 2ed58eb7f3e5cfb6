"""Clients that call again and again, and tell of each request that was lost."""

import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import wait_until

ANSWER = {'result': 'Hello, Leo!'}


class BusyClient:
    """Calls on one kept connection, which it opens again when the service says so, or on a new one each time.

    It pauses for so many seconds before each call. `answered` counts its answers, `lost` tells of each request that
    was sent and not answered.
    """

    def __init__(self, service, keeps, path='/v1/XXXModel', body=b'{"name": "Leo"}', answer=ANSWER, pause=0):
        self.service, self.keeps, self.pause = service, keeps, pause
        self.path, self.body, self.answer = path, body, answer
        self.answered, self.lost = 0, []
        self.stopping = threading.Event()

    def __call__(self):
        headers = {'Content-Type': 'application/json', **({} if self.keeps else {'Connection': 'close'})}
        connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=60)
        with contextlib.closing(connection):
            while not self.stopping.wait(self.pause):
                try:
                    connection.request('POST', self.path, self.body, headers)
                    response = connection.getresponse()
                    text = response.read()
                    # The errors of others than our service may be no JSON.
                    if response.status == 200 and json.loads(text) == self.answer:
                        self.answered += 1
                    else:
                        self.lost.append(response.status)
                # The second one: the answer breaks off.
                except (OSError, http.client.HTTPException) as error:
                    self.lost.append(repr(error))
                    connection.close()


def wait_until_answered(clients):
    """Wait until each client has had an answer to a request that it began after this."""
    # The next answer may be that to a request before it.
    enough = [client.answered + 2 for client in clients]
    wait_until(lambda: all(client.answered >= least for client, least in zip(clients, enough, strict=True)))


@contextlib.contextmanager
def calling(clients):
    """Have clients call; each of them is answered before and after what happens meanwhile."""
    with ThreadPoolExecutor(len(clients)) as pool:
        running = [pool.submit(client) for client in clients]
        try:
            wait_until_answered(clients)
            yield
            wait_until_answered(clients)
        finally:
            for client in clients:
                client.stopping.set()
        for call in running:
            call.result()


@contextlib.contextmanager
def busy_clients(service, count=16, keep_all=False, pause=0):
    """Have clients call, all or every other one on kept connections; at the end none of their requests was lost."""
    clients = [BusyClient(service, keeps=keep_all or bool(number % 2), pause=pause) for number in range(count)]
    with calling(clients):
        yield clients
    assert [client.lost for client in clients] == [[]] * count
