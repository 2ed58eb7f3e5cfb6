"""Measure the other protocols in one run: many rows in one call, and a picture as binary data.

protocols.py [--rounds N]: prints ratios; MLServer answers the same requests beside ours. `bin/bench.sh` measures
everything else.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import requests
from onnx import TensorProto, helper, numpy_helper

BASE_FOLDER = Path(__file__).resolve().parents[1]
FOLDER = BASE_FOLDER / 'tmp' / 'bench' / 'protocols'
sys.path.insert(0, str(BASE_FOLDER))

from environments import bin_folder, install  # noqa: E402

from model_serving.formats.onnx_file import OnnxModel  # noqa: E402
from model_serving.models.digits_model import DigitsModel  # noqa: E402

JSON = {'Content-Type': 'application/json'}
ROUNDS, ROWS, BATCH, PORT = 9, 10_000, 32, 9871
SHAPE = (3, 224, 224)


def network(path):
    """Write a small network of convolutions over a picture of 3 × 224 × 224."""
    random = np.random.default_rng(0)
    nodes, weights, last = [], [], 'image'
    for number, (before, after) in enumerate([(3, 32), (32, 64), (64, 128)]):
        weights.append(numpy_helper.from_array(random.normal(0, 0.1, (after, before, 3, 3)).astype('f4'), f'w{number}'))
        nodes.append(helper.make_node('Conv', [last, f'w{number}'], [f'c{number}'], strides=[2, 2], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node('Relu', [f'c{number}'], [f'r{number}']))
        last = f'r{number}'
    nodes.append(helper.make_node('GlobalAveragePool', [last], ['pooled']))
    nodes.append(helper.make_node('Flatten', ['pooled'], ['scores']))
    inputs = [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', *SHAPE])]
    outputs = [helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['n', 128])]
    graph = helper.make_graph(nodes, 'picture', inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)


@contextmanager
def service():
    """Run a copy of this tree, with the network, as one worker."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    ignored = shutil.ignore_patterns('.git', '.venv', 'tmp', 'tests', '__pycache__')
    shutil.copytree(BASE_FOLDER, FOLDER, ignore=ignored)
    (FOLDER / '.venv').symlink_to(sys.prefix)
    network(FOLDER / 'data' / 'picture.onnx')
    (FOLDER / 'conf' / 'picture_model.conf').write_text('[model]\nname = PictureModel\nfile = data/picture.onnx\n')
    command = [f'{sys.prefix}/bin/gunicorn', '--config', 'conf/gunicorn.conf.py', '--bind', f'127.0.0.1:{PORT}']
    with running([*command, '--workers', '1', 'main:app'], FOLDER, f'http://127.0.0.1:{PORT}') as url:
        yield url


@contextmanager
def mlserver():
    """Run MLServer with the same network, in one process."""
    install('mlserver')
    settings = {
        'HOST': '127.0.0.1',
        'HTTP_PORT': PORT + 1,
        'GRPC_PORT': PORT + 2,
        'METRICS_ENDPOINT': '',
        'PARALLEL_WORKERS': 0,
        'DEBUG': 'false',
        'MODEL_NAME': 'PictureModel',
        'MODEL_URI': FOLDER / 'data' / 'picture.onnx',
        'MODEL_IMPLEMENTATION': 'picture.Picture',
    }
    environment = os.environ | {f'MLSERVER_{name}': str(value) for name, value in settings.items()}
    folder = BASE_FOLDER / 'bench' / 'peers' / 'mlserver'
    with running(
        [bin_folder('mlserver') / 'mlserver', 'start', '.'], folder, f'http://127.0.0.1:{PORT + 1}', environment
    ) as url:
        yield url


@contextmanager
def running(command, folder, url, environment=None):
    """Run a server until the end of the block, which begins when it is ready."""
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not answers(url):
            assert server.poll() is None, f'{command[0]} has ended'
            time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait()


def answers(url):
    try:
        return requests.get(f'{url}/v2/health/ready', timeout=5).ok
    except requests.ConnectionError:
        return False


def measured(rounds, **ways):
    """Return the median of the seconds that each way takes; they take turns, so that they have the same weather."""
    seconds = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


def many_rows(session, url, name, model, rounds):
    rows = session.get(f'{url}/v1/{name}').json()['examples'][:1] * ROWS
    body = json.dumps({'instances': rows}).encode()

    def one_call():
        answer = session.post(f'{url}/v1/models/{name}:predict', data=body)
        assert len(answer.json()['predictions']) == ROWS, answer.text

    took = measured(
        rounds,
        call=one_call,
        loop=lambda: [model.predict([row]) for row in rows],
        batches=lambda: [model.predict(rows[start : start + BATCH]) for start in range(0, ROWS, BATCH)],
    )
    print(f'{name}: {ROWS} rows in one call take {took["call"]:.3f} s')
    print(f'    the model in a loop, row by row: {took["loop"]:.3f} s, {took["loop"] / took["call"]:.2f} × the call')
    print(
        f'    the model in batches of {BATCH}: {took["batches"]:.3f} s, {took["batches"] / took["call"]:.2f} × the call'
    )


def picture(session, url, peer, rounds):
    image = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype('f4')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    direct = onnxruntime.InferenceSession(FOLDER / 'data' / 'picture.onnx', options)
    expected = direct.run(None, {'image': image})[0]
    head = {'name': 'image', 'shape': list(image.shape), 'datatype': 'FP32'}
    asked = {'inputs': [{**head, 'parameters': {'binary_data_size': image.nbytes}}]}
    asked |= {'parameters': {'binary_data_output': True}}
    envelope = json.dumps(asked).encode()
    native = json.dumps({'image': image[0].tolist()}).encode()

    tensor = json.dumps({'inputs': [{**head, 'data': image.ravel().tolist()}]}).encode()

    def binary():
        # The bytes are copied once here, as a client has to.
        body = envelope + image.tobytes()
        headers = {'Inference-Header-Content-Length': str(len(envelope))}
        answer = session.post(f'{url}/v2/models/PictureModel/infer', data=body, headers=headers)
        start = int(answer.headers['Inference-Header-Content-Length'])
        np.testing.assert_allclose(np.frombuffer(answer.content[start:], 'f4'), expected[0], rtol=1e-4)

    def json_tensor(url):
        answer = session.post(f'{url}/v2/models/PictureModel/infer', data=tensor, headers=JSON)
        np.testing.assert_allclose(np.ravel(answer.json()['outputs'][0]['data']), expected[0], rtol=1e-4)

    def json_alone():
        answer = session.post(f'{url}/v1/PictureModel', data=native, headers=JSON)
        np.testing.assert_allclose(answer.json()['result'], expected[0], rtol=1e-4)

    took = measured(
        rounds,
        direct=lambda: direct.run(None, {'image': image.copy()}),
        binary=binary,
        tensor=lambda: json_tensor(url),
        mlserver=lambda: json_tensor(peer),
        native_json=json_alone,
    )
    print(f'A picture of 3 × 224 × 224 float32: the session and a copy take {took["direct"] * 1000:.1f} ms')
    for name, text in (
        ('binary', 'binary data over HTTP'),
        ('tensor', 'a tensor in JSON'),
        ('mlserver', 'the same tensor to MLServer, which takes no binary data over HTTP'),
        ('native_json', 'our own JSON over HTTP'),
    ):
        print(f'    {text}: {took[name] * 1000:.1f} ms, {took[name] / took["direct"]:.2f} ×')


def main():
    rounds = int(sys.argv[2]) if sys.argv[1:2] == ['--rounds'] else ROUNDS
    with service() as url, requests.Session() as session:
        with mlserver() as peer:
            picture(session, url, peer, 10 * rounds)
        many_rows(session, url, 'DigitsModel', DigitsModel(), rounds)
        many_rows(session, url, 'WineModel', OnnxModel(BASE_FOLDER / 'data' / 'wine.onnx'), rounds)


main()
