"""Trains data/wine.onnx and writes its held-out wines and accuracy to data/wine_heldout.json.

Usage (in an environment with data/requirements-train.txt):
  python data/train_wine.py

It is what a user of scikit-learn would do: a pipeline, converted by skl2onnx with an input for each column.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnxruntime import InferenceSession
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent
SEED = 2018
CULTIVARS = np.array(['cultivar 1', 'cultivar 2', 'cultivar 3'])


def main():
    wine = load_wine()
    values, heldout_values, labels, heldout_labels = train_test_split(
        wine.data.astype(np.float32), CULTIVARS[wine.target], test_size=0.25, stratify=wine.target, random_state=SEED
    )
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, labels)
    # skl2onnx makes this change by itself.
    names = [name.replace('/', '_') for name in wine.feature_names]
    inputs = [(name, FloatTensorType([None, 1])) for name in names]
    model = to_onnx(pipeline, initial_types=inputs, options={'zipmap': False}, target_opset=17)
    onnx.save(model, FOLDER / 'wine.onnx')

    feed = {name: heldout_values[:, [column]] for column, name in enumerate(names)}
    found, _ = InferenceSession(FOLDER / 'wine.onnx', providers=['CPUExecutionProvider']).run(None, feed)
    accuracy = float((found == heldout_labels).mean())
    heldout = {
        'accuracy': round(accuracy, 4),
        'labels': heldout_labels.tolist(),
        'instances': [dict(zip(names, map(_short, row), strict=True)) for row in heldout_values],
    }
    (FOLDER / 'wine_heldout.json').write_text(json.dumps(heldout, indent=1) + '\n', encoding='utf-8')
    print(f'Held out: {accuracy:.4f} of {len(heldout_labels)} wines.')


def _short(value):
    """Return a float32 as the shortest decimal number that stands for it."""
    return float(str(value))


if __name__ == '__main__':
    main()
