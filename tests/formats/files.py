"""Files and data for the tests of formats: parts of files, ONNX files as text, data to train with, and instances."""

from collections import namedtuple

import numpy as np
import onnx

SQUARE = '(float[n] x) => (float[n] y) { y = Mul(x, x) }'


def written(path, content: bytes):
    path.write_bytes(content)
    return path


def part_of(path, part, folder):
    """Write a file of the same suffix that breaks off after a part of another's bytes."""
    whole = path.read_bytes()
    return written(folder / f'part{path.suffix}', whole[: int(len(whole) * part)])


def write_onnx(path, graph, constants=None, metadata=None, external=False, opset=17):
    """Write an ONNX file: a graph in ONNX's own text form, and constants that the nodes use."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}, "ai.onnx.ml": 3]> test {graph}')
    for name, array in (constants or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.helper.set_model_props(model, metadata or {})
    onnx.save(model, path, save_as_external_data=external, size_threshold=0)
    return path


Split = namedtuple('Split', ['names', 'rows', 'target', 'heldout'])


def split(name):
    """Return a data set of scikit-learn, 25 rows held out; in `diabetes` a tenth of the values is missing."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    bunch = getattr(datasets, f'load_{name}')()
    missing = np.random.default_rng(0).random(bunch.data.shape) < (0.1 if name == 'diabetes' else 0)
    data = np.where(missing, np.nan, bunch.data)
    rows, heldout, target, _ = train_test_split(data, bunch.target, test_size=25, random_state=0)
    return Split([feature.replace(' ', '_') for feature in bunch.feature_names], rows, target, heldout)


def arrays(rows, name='x'):
    """Return an instance with one array for each row, with null for NaN."""
    return [{name: _with_null(row)} for row in rows.tolist()]


def named(names, rows):
    """Return an instance of named features for each row, with null for NaN."""
    return [dict(zip(names, _with_null(row), strict=True)) for row in rows.tolist()]


def _with_null(row):
    return [None if value != value else value for value in row]
