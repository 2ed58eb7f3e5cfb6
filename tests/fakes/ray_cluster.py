"""A real Ray cluster of two nodes on this machine, each with processes of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from tests.conftest import children, free_port, wait_until

# Ray asks for it at each of its own ports.
TOKEN = '0123456789abcdef0123456789abcdef'
HEAD, OTHER = '127.0.0.1', '127.0.0.2'


class Cluster:
    """Nodes that `ray start` made, and what Ray Serve says of them; `url` is that of Serve's proxy, on the head."""

    def __init__(self):
        self.port, self.dashboard_port = free_port(), free_port()
        self.url = f'http://{HEAD}:{self.port}'
        self.address = f'{HEAD}:{free_port()}'
        # Ray makes sockets in it, whose paths must be short.
        self.folder = Path(tempfile.mkdtemp(prefix='ray-'))
        programs = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        token = {'RAY_AUTH_MODE': 'token', 'RAY_AUTH_TOKEN': TOKEN, 'RAY_USAGE_STATS_ENABLED': '0'}
        self.environment = {**os.environ, **token, 'PATH': programs, 'HOME': str(self.folder)}
        self.nodes = {}

    def __enter__(self):
        head = ['--head', f'--port={self.address.partition(":")[2]}', f'--dashboard-port={self.dashboard_port}']
        self._add(HEAD, *head)
        self.add_other()
        proxy = ['--http-host', HEAD, '--http-port', str(self.port), '--proxy-location', 'HeadOnly']
        self._serve('start', '--address', self.address, *proxy, check=True)
        return self

    def __exit__(self, *error):
        for name in list(self.nodes):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_other(self):
        """Start the second node."""
        self._add(OTHER, f'--address={self.address}', f'--node-ip-address={OTHER}')

    def kill(self, name):
        """Kill all processes of a node, as when its machine loses its power."""
        node = self.nodes.pop(name)
        for pid in family(node.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()

    def run(self, folder, *options, name='default', prefix='/', environment=None):
        """Deploy the tree in a folder as an application, as docs/deploy-ray.md says; return what `serve run` did."""
        where = ['--address', self.address, '--working-dir', '.', '--name', name, '--route-prefix', prefix]
        what = ['--non-blocking', *where, 'model_serving.on_ray:app', *options]
        return self._serve('run', *what, cwd=folder, env={**self.environment, **(environment or {})})

    def replicas(self, name='default') -> list:
        """Return those that run, with `pid` and `node_ip`."""
        deployments = self._ask('/api/serve/applications/')['applications'][name]['deployments']
        return [one for one in deployments['ModelServing']['replicas'] if one['state'] == 'RUNNING']

    def wait_for_replicas(self, number, without=()):
        """Wait until so many replicas run, and no other ones are left; none of them has one of these pids."""
        wait_until(lambda: self._is_settled(number, set(without)), seconds=120)

    def _is_settled(self, number, without):
        deployment = self._ask('/api/serve/applications/')['applications']['default']['deployments']['ModelServing']
        states = [one['state'] for one in deployment['replicas']]
        return states == ['RUNNING'] * number and not without & {one['pid'] for one in deployment['replicas']}

    def _add(self, name, *options):
        size = ['--num-cpus=4', '--object-store-memory=100000000', f'--temp-dir={self.folder / str(len(self.nodes))}']
        with open(self.folder / f'{name}.log', 'w') as log:
            command = ['ray', 'start', '--block', *size, *options]
            self.nodes[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: self._alive() == len(self.nodes), seconds=120)

    def _alive(self):
        """Return how many nodes there are; 0 while the head starts."""
        with contextlib.suppress(requests.ConnectionError):
            nodes = self._ask('/nodes?view=summary')['data']['summary']
            return sum(node['raylet'].get('state') == 'ALIVE' for node in nodes)
        return 0

    def _ask(self, path):
        headers = {'Authorization': f'Bearer {TOKEN}'}
        return requests.get(f'http://{HEAD}:{self.dashboard_port}{path}', headers=headers, timeout=60).json()

    def _serve(self, *arguments, **options):
        options = {'env': self.environment, 'capture_output': True, 'text': True, 'timeout': 200, **options}
        return subprocess.run(['serve', *arguments], **options)


def family(pid) -> list:
    """Return a process with all that it has started, and that those have started."""
    with contextlib.suppress(FileNotFoundError):
        return [pid, *(one for child in children(pid) for one in family(child))]
    return []
