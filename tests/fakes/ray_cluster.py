"""A real Ray cluster of two nodes on this machine, each with processes of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import requests
import yaml

from tests.conftest import children, free_port, wait_until
from tests.docs.following import blocks, text_of

# Ray asks for it at each of its own ports.
TOKEN = '0123456789abcdef0123456789abcdef'
HEAD, OTHER = '127.0.0.1', '127.0.0.2'
(GUIDE,) = [block.text for block in blocks(text_of('docs/deploy-ray.md')) if block.path == 'ray.yaml']


def environment(home) -> dict:
    """Return the environment for Ray's programs."""
    settings = {
        'HOME': str(home),
        'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
        'RAY_AUTH_MODE': 'token',
        'RAY_AUTH_TOKEN': TOKEN,
        'RAY_USAGE_STATS_ENABLED': '0',
        # Otherwise all calls go to the replica beside the proxy, as long as it takes them.
        'RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING': '0',
    }
    return {**os.environ, **settings}


class Cluster:
    """Nodes that `ray start` made, and what Ray says of them; `url` is that of Serve's proxy, on the head."""

    def __init__(self):
        self.port, self.dashboard_port, gcs_port = free_port(), free_port(), free_port()
        self.url, self.address = f'http://{HEAD}:{self.port}', f'{HEAD}:{gcs_port}'
        # Ray makes sockets in it, whose paths must be short.
        self.folder = Path(tempfile.mkdtemp(prefix='ray-'))
        self.environment = environment(self.folder)
        self.nodes, self.applications, self.numbers = {}, {}, count()

    def __enter__(self):
        gcs_port = self.address.partition(':')[2]
        with contextlib.ExitStack() as unless_started:
            unless_started.push(self)
            self._add(HEAD, '--head', f'--port={gcs_port}', f'--dashboard-port={self.dashboard_port}')
            self.add_other()
            unless_started.pop_all()
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

    def deploy(self, folder, name='default', prefix='/', args=None, settings=None):
        """Deploy what is in a folder, by an archive and a file for `serve deploy`, as docs/deploy-ray.md says."""
        archive = shutil.make_archive(
            self.folder / f'archive-{next(self.numbers)}', 'zip', *copied(folder, self.folder)
        )
        config = yaml.safe_load(GUIDE)
        (application,) = config['applications']
        application |= {'name': name, 'route_prefix': prefix, 'args': args or {}}
        application['runtime_env'] = {'working_dir': f'file://{archive}', 'env_vars': settings or {}}
        self.applications[name] = application
        http = {'proxy_location': 'HeadOnly', 'http_options': {'host': HEAD, 'port': self.port}}
        file = self.folder / 'ray.yaml'
        file.write_text(yaml.safe_dump({**config, **http, 'applications': list(self.applications.values())}))
        command = ['serve', 'deploy', str(file), '--address', f'http://{HEAD}:{self.dashboard_port}']
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=60)

    def application(self, name='default') -> dict:
        """Return what Ray says of an application, such as its `status` and the `message` with the reason."""
        return self._ask('/api/serve/applications/')['applications'].get(name, {'status': '', 'deployments': {}})

    def wait_until_running(self, name):
        wait_until(lambda: self.application(name)['status'] == 'RUNNING', seconds=120)

    def wait_until_failed(self, name) -> str:
        """Wait until Ray has given an application up; return the reason."""
        wait_until(lambda: self.application(name)['status'] == 'DEPLOY_FAILED', seconds=120)
        return self.application(name)['deployments']['ModelServing']['message']

    def replicas(self) -> list:
        """Return what Ray says of each replica: `state`, and for one that runs `pid` and `node_ip`."""
        return self.application()['deployments'].get('ModelServing', {'replicas': []})['replicas']

    def wait_for_replicas(self, number, without=()):
        """Wait until so many replicas run, and no other ones are left; none of them has one of these pids."""

        def is_settled():
            replicas = self.replicas()
            is_old = {one.get('pid') for one in replicas} & set(without)
            return [one['state'] for one in replicas] == ['RUNNING'] * number and not is_old

        wait_until(is_settled, seconds=120)

    def _add(self, name, *options):
        size = ['--num-cpus=4', '--object-store-memory=100000000', f'--temp-dir={self.folder / str(len(self.nodes))}']
        command = ['ray', 'start', '--block', *size, *options]
        with open(self.folder / f'{name}.log', 'w') as log:
            # In a folder without the project: its code would come before the code that is deployed.
            started = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.nodes[name] = started
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


def copied(folder, target) -> tuple:
    """Copy what git would archive of a folder; return where it is, and its name."""
    copy = target / 'copy' / 'model-serving'
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns('.venv', 'tmp', 'api_keys', '__pycache__'))
    return copy.parent, copy.name


def family(pid) -> list:
    """Return a process with all that it has started, and that those have started."""
    with contextlib.suppress(FileNotFoundError):
        return [pid, *(one for child in children(pid) for one in family(child))]
    return []
