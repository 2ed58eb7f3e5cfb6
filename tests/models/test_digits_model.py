import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from data.drawn_digits import reduced
from model_serving.models.digits_model import DigitsModel
from model_serving.utils.conf_utils import BASE_FOLDER

HELDOUT = json.loads((BASE_FOLDER / 'data' / 'digits_heldout.json').read_text(encoding='utf-8'))

CIRCLE = [(50 + 40 * math.cos(angle / 4), 50 + 45 * math.sin(angle / 4)) for angle in range(26)]
UPPER_CIRCLE = [(50 + 18 * math.cos(angle / 4), 27 + 18 * math.sin(angle / 4)) for angle in range(26)]
LOWER_CIRCLE = [(50 + 22 * math.cos(angle / 4), 70 + 25 * math.sin(angle / 4)) for angle in range(26)]
# Drawings that are not among the shapes of the training: (digit, strokes in a canvas of 100 × 100).
DRAWINGS = (
    (0, [CIRCLE]),
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
    (8, [UPPER_CIRCLE, LOWER_CIRCLE]),
    (9, [[(70, 30), (55, 10), (33, 18), (32, 40), (52, 48), (70, 30), (68, 60), (62, 92)]]),
)


@pytest.fixture(scope='module')
def model():
    return DigitsModel()


def accuracy(digits):
    return round(sum(found == label for found, label in zip(digits, HELDOUT['labels'], strict=True)) / len(digits), 4)


def test_held_out_digits_in_one_batch(model):
    results = model.predict([{'image': image} for image in HELDOUT['images']])
    assert accuracy([result['digit'] for result in results]) == HELDOUT['accuracy'] >= 0.98


def test_probabilities(model):
    for result in model.predict([{'image': image} for image in HELDOUT['images']]):
        probabilities = result['probabilities']
        assert len(probabilities) == 10
        assert math.isclose(sum(probabilities), 1, abs_tol=1e-5)
        assert probabilities.index(max(probabilities)) == result['digit']


def test_a_digit_alone_gets_the_answer_of_the_batch(model):
    instances = [{'image': image} for image in HELDOUT['images'][:32]]
    for instance, together in zip(instances, model.predict(instances), strict=True):
        (alone,) = model.predict([instance])
        assert alone['digit'] == together['digit']
        assert alone['probabilities'] == pytest.approx(together['probabilities'], abs=2e-6)


@pytest.mark.parametrize('digit, strokes', DRAWINGS)
def test_drawn_digits(model, digit, strokes):
    scale = 28 / np.ptp(np.concatenate(strokes), axis=0).max()
    for pen in 3, 4, 5:
        image = reduced([np.array(stroke) for stroke in strokes], pen / scale)
        (result,) = model.predict([{'image': image.tolist()}])
        assert result['digit'] == digit, result


def test_known_weaknesses(model):
    """What docs/models.md says of them."""
    digits = np.array(HELDOUT['images'])

    def results(images):
        return model.predict([{'image': image.tolist()} for image in images])

    def recognised(images):
        return accuracy([result['digit'] for result in results(images)])

    empty, black = results(np.stack([np.zeros((8, 8)), np.full((8, 8), 16)]))
    assert (empty['digit'], round(empty['probabilities'][1], 3)) == (1, 1)
    assert (black['digit'], round(black['probabilities'][8], 3)) == (8, 1)
    dots = results(np.random.default_rng(0).integers(0, 17, (200, 8, 8)))
    assert np.median([max(result['probabilities']) for result in dots]) > 0.9
    assert recognised(np.roll(digits, 2, axis=2)) < 0.5
    assert recognised(digits / 16) < 0.2
    assert recognised(16 - digits) < 0.2


def test_held_out_digits_over_http(service):
    def digit(image):
        answer = service.post('/v1/DigitsModel', json={'image': image})
        assert answer.status_code == 200, answer.text
        return answer.json()['result']['digit']

    assert accuracy([digit(image) for image in HELDOUT['images']]) == HELDOUT['accuracy']
    with ThreadPoolExecutor(16) as threads:
        assert accuracy(list(threads.map(digit, HELDOUT['images']))) == HELDOUT['accuracy']


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
    answer = service.post('/v1/DigitsModel', json={'image': image})
    assert answer.status_code == 400
    assert [error['path'] for error in answer.json()['errors']] == [path]
