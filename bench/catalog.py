"""The tables of the benchmark: who is compared, at what, and how each one is started and spoken to."""

import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

BASE_FOLDER = Path(__file__).resolve().parents[1]
TMP_FOLDER = BASE_FOLDER / 'tmp' / 'bench'
sys.path.insert(0, str(Path(__file__).parent / 'shared'))

from served import MANY  # noqa: E402
from summary import OURS  # noqa: E402


class Workload(NamedTuple):
    """What is asked. `served` is the models' workload; `access_log` says whether a line is written for each request."""

    title: str
    served: str
    access_log: bool = False

    @property
    def names(self) -> list:
        """The models' names in the URL."""
        return MANY if self.served == 'many' else [self.served]


WORKLOADS = {
    'hello': Workload('hello: `{"name": "Leo"}` → a greeting', 'hello'),
    'hello-log': Workload('hello, a line of access log for each request', 'hello', access_log=True),
    'forest': Workload('forest: 64 grey levels → a digit, by 100 trees of scikit-learn', 'forest'),
    'digits': Workload('digits: 8 × 8 grey levels → ten probabilities, by a small ONNX network', 'digits'),
    'numbers': Workload('numbers: a JSON body of 1 MB → the sum of its numbers', 'numbers'),
    'many': Workload('many: hello by a hundred models at once', 'many'),
}


class Wire(NamedTuple):
    """How a protocol carries an instance: the path of a model, the body, and the result out of an answer."""

    path: str
    wrap: callable
    unwrap: callable


def to_tensor(name, instance) -> dict:
    """Return an instance of one input as a request of the Open Inference Protocol (V2)."""
    ((field, value),) = instance.items()
    shape, data = [1], value if isinstance(value, list) else [value]
    while isinstance(data[0], list):
        shape, data = [*shape, len(data)], [number for row in data for number in row]
    if isinstance(value, list):
        shape.append(len(data) // math.prod(shape))
    datatype = 'BYTES' if isinstance(data[0], str) else 'FP64'
    return {'inputs': [{'name': field, 'shape': shape, 'datatype': datatype, 'data': data}]}


def from_tensors(answer):
    """Return the result out of an answer of the Open Inference Protocol."""
    outputs = {
        output['name']: output['data'][0] if output['shape'][-1] == 1 else output['data']
        for output in answer['outputs']
    }
    return outputs.get('result', outputs)


PLAIN = Wire('/v1/{name}', lambda name, instance: instance, lambda answer: answer['result'])
LIST = Wire('/v1/{name}', lambda name, instance: {'instances': [instance]}, lambda answer: answer[0])
TENSORS = Wire('/v2/models/{name}/infer', to_tensor, from_tensors)


class Peer(NamedTuple):
    """A server: its command in its folder, what that adds for the access log or against it, what it is asked."""

    title: str
    setup: str
    command: str
    quiet: str = ''
    logging: str | None = None
    environment: dict = {}
    wire: Wire = PLAIN
    workloads: tuple = tuple(WORKLOADS)


PEERS = {
    'ours': Peer(
        OURS,
        "gunicorn with the repository's own conf/gunicorn.conf.py: 2 workers; ids, CORS, JSON Schema and batches on, "
        'but in hello and many the handler calls the model itself',
        '{bin}/gunicorn --config conf/gunicorn.conf.py main:app',
        logging='',
        environment={'HOST': '127.0.0.1', 'PORT': '{port}', 'WORKERS': '2'},
    ),
    'article': Peer(
        'plain Flask-RESTful',
        'Flask-RESTful and jsonschema on gunicorn -w 2, as in the article that this project began with',
        '{bin}/gunicorn -w 2 -b 127.0.0.1:{port} --no-control-socket main:app',
        logging='--access-logfile -',
    ),
    'fastapi': Peer(
        'FastAPI',
        "uvicorn with uvloop and httptools, 2 workers; pydantic types; the forest in FastAPI's thread pool",
        '{bin}/uvicorn server:app --host 127.0.0.1 --port {port} --workers 2',
        quiet='--no-access-log',
        logging='',
    ),
    'mosec': Peer(
        'mosec',
        '2 worker processes (1 for each of a hundred models), batches of up to 32 that wait 1 ms',
        '{bin}/python server.py --address 127.0.0.1 --port {port} --log-level warning --timeout 30000',
    ),
    'bare': Peer(
        'bare uvicorn',
        'an ASGI callable with orjson alone, on uvicorn with uvloop and httptools, 2 workers, without what ours '
        'switches off, too: proxy headers, the Server header, WebSockets; no checks, no batches',
        # Every switch here saves it work for each request: it is the limit that ours is compared with.
        '{bin}/uvicorn server:app --host 127.0.0.1 --port {port} --workers 2 --lifespan off --loop uvloop '
        '--http httptools --ws none --no-proxy-headers --no-server-header',
        quiet='--no-access-log',
        logging='',
    ),
    'litserve': Peer(
        'LitServe',
        '2 API servers and 2 workers, fast queue, batches of up to 32 that wait 1 ms',
        '{bin}/python server.py',
        workloads=('hello', 'forest', 'digits'),
    ),
    'bentoml': Peer(
        'BentoML',
        '2 workers, batches of up to 32',
        '{bin}/bentoml serve service:Model --host 127.0.0.1 --port {port}',
        environment={'BENTOML_DO_NOT_TRACK': 'True'},
        wire=LIST,
        workloads=('hello', 'forest', 'digits'),
    ),
    'mlserver': Peer(
        'MLServer',
        '2 inference workers, adaptive batches of up to 32 that wait 1 ms',
        '{bin}/mlserver start .',
        environment={
            'MLSERVER_HOST': '127.0.0.1',
            'MLSERVER_HTTP_PORT': '{port}',
            'MLSERVER_GRPC_PORT': '{second_port}',
            'MLSERVER_METRICS_ENDPOINT': '',
            'MLSERVER_PARALLEL_WORKERS': '2',
            'MLSERVER_DEBUG': 'false',
            'MLSERVER_MODEL_NAME': '{workload}',
            'MLSERVER_MODEL_IMPLEMENTATION': 'runtime.Runtime',
            'MLSERVER_MODEL_MAX_BATCH_SIZE': '32',
            'MLSERVER_MODEL_MAX_BATCH_TIME': '0.001',
        },
        wire=TENSORS,
        workloads=('hello', 'forest', 'digits'),
    ),
    'ray': Peer(
        'Ray Serve',
        '2 replicas, batches of up to 32 that wait 1 ms',
        '{bin}/python server.py',
        environment={'RAY_USAGE_STATS_ENABLED': '0'},
        workloads=('hello', 'forest', 'digits'),
    ),
}


def ours_but(title, setup, workload, environment=None, command=PEERS['ours'].command):
    """Return our service in another way, for `workload` alone: each gain is measured beside it."""
    ours = PEERS['ours']
    environment = {**ours.environment, **(environment or {})}
    return ours._replace(title=title, setup=setup, command=command, environment=environment, workloads=(workload,))


# Ours in other ways, and without a gain; they run from our own tree and environment.
VARIANTS = {
    'ours-def': ours_but(
        f'{OURS}, def handler', 'the same greeting from a handler in a thread', 'hello', {'BENCH_HANDLER': 'def'}
    ),
    'flask-alone': ours_but(
        f'{OURS}, by Flask alone',
        'the same service on stock gunicorn: gthread, 2 workers, 16 threads',
        'hello',
        command='{bin}/gunicorn -k gthread -w 2 --threads 16 -b 127.0.0.1:{port} --no-control-socket main:app',
    ),
    'without-batches': ours_but(
        f'{OURS} without batches', 'one instance a predict', 'forest', {'MODEL_SERVING_MODEL_MAX_BATCH_SIZE': '1'}
    ),
}
PEERS |= VARIANTS
DEFAULT_PEERS = ('ours', 'article', 'fastapi', 'mosec')
QUICK_PEERS = ('ours', 'fastapi', 'bare')


def cases(workload: Workload) -> list:
    """Return the pairs of instance and answer that bench/train.py has written."""
    return json.loads((TMP_FOLDER / 'cases.json').read_text())[workload.served]


def same(answer, expected) -> bool:
    """Tell whether two JSON values are equal, numbers but for rounding: float32 sums differ by the size of a batch."""
    if isinstance(expected, dict):
        return (
            isinstance(answer, dict)
            and answer.keys() == expected.keys()
            and all(same(answer[key], expected[key]) for key in expected)
        )
    if isinstance(expected, list):
        return isinstance(answer, list) and len(answer) == len(expected) and all(map(same, answer, expected))
    if isinstance(expected, float):
        return isinstance(answer, (int, float)) and abs(answer - expected) <= 1e-5 * max(1, abs(expected))
    return answer == expected
