"""Trains data/digits.onnx and writes its held-out images and accuracy to data/digits_heldout.json.

Usage (in an environment with data/requirements-train.txt):
  python data/train_digits.py

The handwritten digits are UCI's, as scikit-learn brings them. A quarter is held out; the rest is turned, moved, and
made thicker and thinner, and drawings are added, so that digits drawn with a mouse are recognised as well.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
from drawn_digits import draw
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

FOLDER = Path(__file__).parent
SEED = 2018
COPIES = 30
DRAWINGS_PER_DIGIT = 3000
LAYERS = (256, 128)


def main():
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype(np.float32)
    images, heldout_images, labels, heldout_labels = train_test_split(
        images, labels, test_size=0.25, stratify=labels, random_state=SEED
    )
    random = np.random.default_rng(SEED)
    train_images, train_labels = augmented(images, labels, random)
    classifier = MLPClassifier(
        LAYERS, alpha=1e-3, batch_size=256, max_iter=25, n_iter_no_change=25, random_state=SEED, verbose=True
    )
    # One thread: sums are then added up in the same order on every machine of a kind.
    with threadpool_limits(1), warnings.catch_warnings():
        # 25 rounds are meant; more of them bring nothing.
        warnings.simplefilter('ignore', ConvergenceWarning)
        classifier.fit(train_images.reshape(-1, 64) / 16, train_labels)
    model = to_onnx(classifier)
    onnx.save(model, FOLDER / 'digits.onnx')

    (probabilities,) = ReferenceEvaluator(model).run(None, {'image': heldout_images})
    accuracy = float((probabilities.argmax(axis=1) == heldout_labels).mean())
    heldout = {
        'accuracy': round(accuracy, 4),
        'labels': heldout_labels.tolist(),
        'images': heldout_images.astype(int).tolist(),
    }
    (FOLDER / 'digits_heldout.json').write_text(json.dumps(heldout, separators=(',', ':')) + '\n', encoding='utf-8')
    drawings = np.stack([draw(digit, random) for digit in range(10) for _ in range(200)])
    (drawn,) = ReferenceEvaluator(model).run(None, {'image': drawings})
    drawn_accuracy = (drawn.argmax(axis=1) == np.repeat(np.arange(10), 200)).mean()
    print(
        f'Held out: {accuracy:.4f} of {len(heldout_labels)} images. Drawings: {drawn_accuracy:.4f} of {len(drawings)}.'
    )
    print(f'Mean probability of the digit that was chosen: {probabilities.max(axis=1).mean():.4f}')


def augmented(images, labels, random):
    """Return (n, 8, 8) images and their labels: the given ones, altered copies of them, and drawings."""
    copies = [altered(image, random) for _ in range(COPIES) for image in images]
    drawings = [draw(digit, random) for digit in range(10) for _ in range(DRAWINGS_PER_DIGIT)]
    drawn_labels = np.repeat(np.arange(10), DRAWINGS_PER_DIGIT)
    return np.concatenate([images, copies, drawings]), np.concatenate([np.tile(labels, COPIES + 1), drawn_labels])


def altered(image, random):
    """Return an 8 × 8 image turned, slanted, scaled, moved, and with a thicker or thinner line."""
    large = ndimage.zoom(image / 16, 4, order=1, grid_mode=True, mode='grid-constant')
    turn, slant = random.normal(0, 0.1), random.normal(0, 0.1)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn) + slant, np.cos(turn)]])
    matrix = matrix * random.uniform(0.92, 1.1, (2, 1))
    offset = 15.5 - matrix @ (15.5 + random.normal(0, 1.2, 2))
    warped = ndimage.affine_transform(large, matrix, offset, order=1)
    # A lower threshold makes the line thicker, a larger contrast undoes some of the blur.
    ink = np.clip((warped - random.uniform(0.35, 0.6)) * random.uniform(1, 3) + 0.5, 0, 1)
    ink[warped < 0.05] = 0
    return np.round(ink.reshape(8, 4, 8, 4).sum(axis=(1, 3))).astype(np.float32)


def to_onnx(classifier):
    """Return the network as ONNX: `image` (n, 8, 8), numbers from 0 to 16, to `probabilities` (n, 10)."""
    weights = [weight.astype(np.float32) for weight in classifier.coefs_]
    weights[0] /= 16
    constants, nodes, value = [], [helper.make_node('Flatten', ['image'], ['flat'])], 'flat'
    for number, (weight, bias) in enumerate(zip(weights, classifier.intercepts_, strict=True)):
        constants.append(numpy_helper.from_array(weight, f'weight{number}'))
        constants.append(numpy_helper.from_array(bias.astype(np.float32), f'bias{number}'))
        nodes.append(helper.make_node('Gemm', [value, f'weight{number}', f'bias{number}'], [f'sum{number}']))
        last = number == len(weights) - 1
        value = 'probabilities' if last else f'hidden{number}'
        nodes.append(helper.make_node('Softmax' if last else 'Relu', [f'sum{number}'], [value]))
    graph = helper.make_graph(
        nodes,
        'digits',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 8, 8])],
        [helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, ['n', 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == '__main__':
    main()
