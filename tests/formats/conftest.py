"""Services whose models are files, and ONNX files written by hand."""

import numpy as np
import onnx
import pytest
from onnx import helper


@pytest.fixture(scope='module')
def serve(service_class, tmp_path_factory):
    """A function that starts a service with model files: `serve({'Name': (path, 'further = lines')})`."""
    running = []

    def start(models, environment=None, start=True):
        confs = {
            f'conf/{name.lower()}.conf': f'[model]\nname = {name}\nfile = {path}\n{lines}\n'
            for name, (path, lines) in models.items()
        }
        one = service_class(tmp_path_factory.mktemp('file service'), confs, environment)
        if start:
            one.start()
            running.append(one)
        return one

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope='module')
def refusal(serve):
    """A function that returns the line by which a service with this model file refuses to start."""

    def start(path, lines=''):
        one = serve({'Bad': (path, lines)}, start=False)
        finished = one.run(one.folder / '.venv/bin/python', 'main.py', '--port', str(one.port), '--host', '127.0.0.1')
        assert finished.returncode == 1, finished.stdout + finished.stderr
        line = finished.stderr.strip().splitlines()[-1]
        assert 'Traceback' not in finished.stderr
        assert line.startswith('The service can not start. /v1/Bad: ')
        return line.removeprefix('The service can not start. /v1/Bad: ')

    return start


@pytest.fixture(scope='session')
def split():
    """A function that returns a data set of scikit-learn: `(feature names, rows, their targets, 25 held-out rows)`.

    In `diabetes` a tenth of the values is missing.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    def load(name):
        bunch = getattr(datasets, f'load_{name}')()
        missing = np.random.default_rng(0).random(bunch.data.shape) < (0.1 if name == 'diabetes' else 0)
        data = np.where(missing, np.nan, bunch.data)
        rows, heldout, target, _ = train_test_split(data, bunch.target, test_size=25, random_state=0)
        return [feature.replace(' ', '_') for feature in bunch.feature_names], rows, target, heldout

    return load


@pytest.fixture(scope='session')
def write_onnx():
    """A function that writes an ONNX file: nodes are `(op, inputs, outputs, attributes)`, tensors `(type, shape)`."""

    def write(path, nodes, inputs, outputs, constants=None, metadata=None, external=False, opset=17):
        domain = {'LinearClassifier', 'ZipMap', 'OneHotEncoder'}
        made = [
            helper.make_node(op, ins, outs, domain='ai.onnx.ml' if op in domain else '', **attributes)
            for op, ins, outs, attributes in nodes
        ]
        graph = helper.make_graph(
            made,
            'test',
            [helper.make_tensor_value_info(name, *value) for name, value in inputs.items()],
            [
                value if isinstance(value, onnx.ValueInfoProto) else helper.make_tensor_value_info(name, *value)
                for name, value in outputs.items()
            ],
            [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
        )
        opsets = [helper.make_opsetid('', opset), helper.make_opsetid('ai.onnx.ml', 3)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        helper.set_model_props(model, metadata or {})
        onnx.save(model, path, save_as_external_data=external, size_threshold=0)
        return path

    return write
