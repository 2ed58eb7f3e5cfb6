"""What every peer serves: the same plain Python models, so that only the serving around them differs.

Each model has `predict(instances: list) -> list`; MODELS says which workload is which model.
"""

from pathlib import Path

BASE_FOLDER = Path(__file__).resolve().parents[2]
FOREST_FILE = BASE_FOLDER / 'tmp' / 'bench' / 'forest.joblib'
DIGITS_FILE = BASE_FOLDER / 'data' / 'digits.onnx'


class Hello:
    """`{'name': str}` → a greeting."""

    load_before_fork = True

    def predict(self, instances):
        return [f'Hello, {instance["name"]}!' for instance in instances]


class Forest:
    """`{'pixels': [64 numbers]}` → the digit, by 100 trees of scikit-learn in one thread."""

    load_before_fork = True

    def __init__(self):
        import joblib

        self._forest = joblib.load(FOREST_FILE)

    def predict(self, instances):
        return self._forest.predict([instance['pixels'] for instance in instances]).tolist()


class Digits:
    """`{'image': 8 × 8 numbers}` → `{'digit': int, 'probabilities': [10 floats]}`, by onnxruntime in one thread."""

    load_before_fork = True

    def __init__(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(DIGITS_FILE, options, providers=['CPUExecutionProvider'])

    def predict(self, instances):
        import numpy as np

        images = np.array([instance['image'] for instance in instances], dtype=np.float32)
        (probabilities,) = self._session.run(None, {'image': images})
        rounded = probabilities.astype(np.float64).round(6).tolist()
        digits = probabilities.argmax(axis=1).tolist()
        return [{'digit': digit, 'probabilities': values} for digit, values in zip(digits, rounded, strict=True)]


class Numbers:
    """`{'numbers': [floats]}` → their sum."""

    load_before_fork = True

    def predict(self, instances):
        return [sum(instance['numbers']) for instance in instances]


MODELS = {'hello': Hello, 'forest': Forest, 'digits': Digits, 'numbers': Numbers}
# The workload `many`: this many models, each a Hello of its own.
MANY = [f'm{number:02}' for number in range(100)]


def served(workload) -> dict:
    """Return the models of a workload by their names in the URL."""
    if workload == 'many':
        return dict.fromkeys(MANY, Hello)
    return {workload: MODELS[workload]}
