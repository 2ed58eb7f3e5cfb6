"""Record what the real clients send, byte for byte: python -m tests.clients.record

Starts a service, and a proxy before it that keeps the requests named in KEPT by the ids of their bodies, in
tests/clients/recorded/. The clients run in their environments: see tests/clients/running.py.
"""

import gzip
import re
import socketserver
import tempfile
import threading
import zlib
from pathlib import Path
from socket import create_connection
from types import SimpleNamespace

from tests.clients.running import CLIENTS, run_client
from tests.conftest import Service

RECORDED = CLIENTS / 'recorded'
SCRIPTS = (
    ('triton', 'triton_client.py', 'http'),
    ('triton', 'triton_client.py', 'aio'),
    ('kserve', 'kserve_client.py'),
    ('mlserver', 'mlserver_client.py'),
)
KEPT = {
    'http-digits-binary-binary-plain',
    'http-digits-binary-binary-gzip',
    'http-digits-json-json-deflate',
    'http-wine_table-json-binary-deflate',
    'http-wine_columns-binary-json-plain',
    'http-names-binary-binary-plain',
    'aio-names-json-json-gzip',
    'kserve-digits-binary-binary',
    'kserve-wines-json-json',
    'mlserver-pandas',
    'mlserver-unnamed',
    'mlserver-string',
}
DECODERS = {b'gzip': gzip.decompress, b'deflate': zlib.decompress}


class Recorder(socketserver.StreamRequestHandler):
    """Passes requests on to the service, and answers back; keeps the requests."""

    def handle(self):
        with create_connection(('127.0.0.1', self.server.service.port)) as upstream, upstream.makefile('rb') as answers:
            while request := message(self.rfile):
                self.server.keep(request)
                upstream.sendall(request)
                self.wfile.write(message(answers))


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, service):
        super().__init__(('127.0.0.1', 0), Recorder)
        self.service, self.kept = service, {}
        self.url = f'http://127.0.0.1:{self.server_address[1]}'

    def keep(self, request):
        head, _, body = request.partition(b'\r\n\r\n')
        coding = re.search(rb'(?i)\r\ncontent-encoding: *(\w+)', head)
        body = DECODERS[coding[1].lower()](body) if coding else body
        if name := re.match(rb'.*?"id": ?"([\w-]+)"', body, re.DOTALL):
            self.kept.setdefault(name[1].decode(), request)


def message(stream) -> bytes:
    """Return the next request or answer on a connection; nothing at its end."""
    head = b''
    while not head.endswith(b'\r\n\r\n') and (line := stream.readline()):
        head += line
    length = re.search(rb'(?i)\r\ncontent-length: *(\d+)', head)
    return head + stream.read(int(length[1]) if length else 0)


def main():
    kept = {}
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder) / 'model serving') as service:
        for client, script, *arguments in SCRIPTS:
            with Proxy(service) as proxy:
                threading.Thread(target=proxy.serve_forever).start()
                run_client(client, script, SimpleNamespace(url=proxy.url), *arguments)
                proxy.shutdown()
            kept |= {name: request for name, request in proxy.kept.items() if name in KEPT}
    assert kept.keys() == KEPT, KEPT - kept.keys()
    for path in RECORDED.glob('*.http'):
        path.unlink()
    RECORDED.mkdir(exist_ok=True)
    for name, request in kept.items():
        (RECORDED / f'{name}.http').write_bytes(request)


if __name__ == '__main__':
    main()
