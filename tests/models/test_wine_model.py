import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from model_serving.utils.conf_utils import BASE_FOLDER

HELDOUT = json.loads((BASE_FOLDER / 'data' / 'wine_heldout.json').read_text(encoding='utf-8'))


def result(service, instance):
    answer = service.post('/v1/WineModel', json=instance)
    assert answer.status_code == 200, answer.text
    return answer.json()['result']


def accuracy(results):
    found = [result['label'] == label for result, label in zip(results, HELDOUT['labels'], strict=True)]
    return round(sum(found) / len(found), 4)


def test_held_out_wines_one_by_one_and_at_once(service):
    one_by_one = [result(service, instance) for instance in HELDOUT['instances']]
    assert accuracy(one_by_one) == HELDOUT['accuracy'] >= 0.95
    with ThreadPoolExecutor(16) as threads:
        at_once = list(threads.map(lambda instance: result(service, instance), HELDOUT['instances']))
    assert accuracy(at_once) == HELDOUT['accuracy']


def test_probabilities_have_the_names_of_the_classes(service):
    first = result(service, HELDOUT['instances'][0])
    assert list(first['probabilities']) == ['cultivar 1', 'cultivar 2', 'cultivar 3']
    assert sum(first['probabilities'].values()) == pytest.approx(1, abs=1e-5)
    assert max(first['probabilities'], key=first['probabilities'].get) == first['label']


def test_a_missing_feature_and_a_text_are_named(service):
    wine = dict(HELDOUT['instances'][0], hue='red')
    del wine['ash']
    answer = service.post('/v1/WineModel', json=wine)
    assert answer.status_code == 400
    messages = {error['path']: error['message'] for error in answer.json()['errors']}
    assert messages == {'': "'ash' is a required property", 'hue': "'red' is not of type 'number'"}


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    zeros = result(service, dict.fromkeys(HELDOUT['instances'][0], 0))
    assert (zeros['label'], round(zeros['probabilities']['cultivar 2'], 3)) == ('cultivar 2', 1)
