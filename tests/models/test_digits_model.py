import json
import math

import numpy as np
import pytest

from data.drawn_digits import reduced
from model_serving.models.digits_model import DigitsModel
from tests.conftest import BASE_FOLDER
from tests.formats.answers import both_ways, refused

HELDOUT = json.loads((BASE_FOLDER / 'data' / 'digits_heldout.json').read_text(encoding='utf-8'))


def ellipse(y, width, height):
    """Return the points of a stroke."""
    return [(50 + width * math.cos(angle / 4), y + height * math.sin(angle / 4)) for angle in range(26)]


# Drawings that are not among the shapes of the training: (digit, strokes in a canvas of 100 × 100).
DRAWINGS = (
    (0, [ellipse(50, 40, 45)]),
    (0, [[(50, 5), (25, 25), (20, 60), (45, 95), (70, 80), (78, 40), (60, 8), (48, 6)]]),
    (1, [[(50, 10), (50, 90)]]),
    (1, [[(30, 40), (52, 10), (50, 90)]]),
    (1, [[(58, 8), (44, 93)]]),
    (2, [[(25, 30), (35, 12), (60, 10), (72, 28), (60, 52), (25, 90), (78, 90)]]),
    (3, [[(25, 15), (55, 8), (70, 25), (48, 46), (72, 65), (60, 90), (25, 86)]]),
    (4, [[(35, 10), (25, 55), (80, 55)], [(65, 30), (65, 92)]]),
    (4, [[(60, 10), (20, 65), (80, 65)], [(60, 10), (60, 90)]]),
    (5, [[(72, 10), (30, 12), (28, 45), (55, 42), (72, 62), (60, 88), (25, 86)]]),
    (6, [[(62, 8), (38, 35), (28, 65), (40, 90), (65, 86), (68, 65), (48, 56), (30, 68)]]),
    (7, [[(20, 12), (78, 12), (42, 92)]]),
    (7, [[(20, 12), (78, 12), (42, 92)], [(35, 50), (75, 50)]]),
    (8, [ellipse(27, 18, 18), ellipse(70, 22, 25)]),
    (9, [[(70, 30), (55, 10), (33, 18), (32, 40), (52, 48), (70, 30), (68, 60), (62, 92)]]),
)


@pytest.fixture(scope='module')
def predict():
    """The model, called with images as arrays."""
    model = DigitsModel()
    return lambda images: model.predict([{'image': image.tolist()} for image in images])


def accuracy(results):
    right = [result['digit'] == label for result, label in zip(results, HELDOUT['labels'], strict=True)]
    return round(sum(right) / len(right), 4)


def test_held_out_digits(service):
    results = both_ways(service, 'DigitsModel', [{'image': image} for image in HELDOUT['images']])
    assert accuracy(results) == HELDOUT['accuracy'] >= 0.98
    for result in results:
        probabilities = result['probabilities']
        assert len(probabilities) == 10
        assert math.isclose(sum(probabilities), 1, abs_tol=1e-5)
        assert probabilities.index(max(probabilities)) == result['digit']


@pytest.mark.parametrize('digit, strokes', DRAWINGS)
def test_drawn_digits(predict, digit, strokes):
    scale = 28 / np.ptp(np.concatenate(strokes), axis=0).max()
    images = [reduced([np.array(stroke) for stroke in strokes], pen / scale) for pen in (3, 4, 5)]
    assert [result['digit'] for result in predict(images)] == [digit] * 3


def test_known_weaknesses(predict):
    """What docs/models.md says of them."""
    digits = np.array(HELDOUT['images'])
    empty, black = predict(np.stack([np.zeros((8, 8)), np.full((8, 8), 16)]))
    assert (empty['digit'], round(empty['probabilities'][1], 3)) == (1, 1)
    assert (black['digit'], round(black['probabilities'][8], 3)) == (8, 1)
    dots = predict(np.random.default_rng(0).integers(0, 17, (200, 8, 8)))
    assert np.median([max(result['probabilities']) for result in dots]) > 0.9
    assert accuracy(predict(np.roll(digits, 2, axis=2))) < 0.5
    assert accuracy(predict(digits / 16)) < 0.2
    assert accuracy(predict(16 - digits)) < 0.2


@pytest.mark.parametrize(
    'image, path',
    [
        ([[0] * 8] * 7, 'image'),
        ([[0] * 8] * 7 + [[0] * 9], 'image[7]'),
        ([[0] * 8] * 7 + [[0] * 7 + [16.5]], 'image[7][7]'),
        ([[0] * 8] * 7 + [[0] * 7 + ['1']], 'image[7][7]'),
    ],
)
def test_an_image_of_another_kind_is_refused_at_its_place(service, image, path):
    assert refused(service, 'DigitsModel', {'image': image}).startswith(f'{path}: ')
