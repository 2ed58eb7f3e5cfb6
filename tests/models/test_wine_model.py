import json

from tests.conftest import BASE_FOLDER
from tests.formats.answers import both_ways, predict

HELDOUT = json.loads((BASE_FOLDER / 'data' / 'wine_heldout.json').read_text(encoding='utf-8'))


def test_held_out_wines(service):
    results = both_ways(service, 'WineModel', HELDOUT['instances'])
    right = [result['label'] == label for result, label in zip(results, HELDOUT['labels'], strict=True)]
    assert round(sum(right) / len(right), 4) == HELDOUT['accuracy'] >= 0.95
    for result in results:
        probabilities = result['probabilities']
        assert list(probabilities) == ['cultivar 1', 'cultivar 2', 'cultivar 3']
        assert abs(sum(probabilities.values()) - 1) < 1e-5
        assert max(probabilities, key=probabilities.get) == result['label']


def test_a_missing_feature_and_a_text_are_named(service):
    wine = dict(HELDOUT['instances'][0], hue='red')
    del wine['ash']
    answer = service.post('/v1/WineModel', json=wine)
    assert answer.status_code == 400
    messages = {error['path']: error['message'] for error in answer.json()['errors']}
    assert messages == {'': "'ash' is a required property", 'hue': "'red' is not of type 'number'"}


def test_known_weaknesses(service):
    """What docs/models.md says of them."""
    zeros = predict(service, 'WineModel', dict.fromkeys(HELDOUT['instances'][0], 0))
    assert (zeros['label'], round(zeros['probabilities']['cultivar 2'], 3)) == ('cultivar 2', 1)
