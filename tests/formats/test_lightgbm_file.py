"""LightGBM's files, trained here on scikit-learn's data, served from a few lines of conf: LightGBM's own numbers."""

import re

import numpy as np
import pytest

from tests.formats.answers import both_ways, instances_of, of_classes, predict

pytestmark = pytest.mark.lightgbm


def close(results, expected):
    return np.array(results) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-7)


@pytest.fixture(scope='module')
def boosters(split):
    import lightgbm

    def train(name, objective, **parameters):
        names, rows, target, _ = split(name)
        data = lightgbm.Dataset(rows, target, feature_name=parameters.pop('names', names))
        parameters = {'objective': objective, 'num_threads': 1, 'seed': 0, 'verbose': -1, **parameters}
        return lightgbm.train(parameters, data, 20)

    random = np.random.default_rng(1)
    colours = np.stack([random.integers(0, 4, 300), random.normal(size=300)], axis=1)
    target = (colours[:, 0] == 2) * 3.0 + colours[:, 1]
    data = lightgbm.Dataset(colours, target, feature_name=['colour', 'age'], categorical_feature=['colour'])
    return {
        'Tumour': train('breast_cancer', 'binary', names='auto'),
        'Diabetes': train('diabetes', 'regression'),
        'Wine': train('wine', 'multiclass', num_class=3),
        'Colour': lightgbm.train({'num_threads': 1, 'verbose': -1, 'min_data_per_group': 5}, data, 20),
    }


@pytest.fixture(scope='module')
def folder(tmp_path_factory, boosters):
    folder = tmp_path_factory.mktemp('lightgbm files')
    for name, booster in boosters.items():
        booster.save_model(folder / f'{name}.txt')
    # A tree that lacks what it needs, in a file of the right length: LightGBM ends the process.
    crash = (folder / 'Wine.txt').read_text().replace('split_feature=', 'split-feature=')
    (folder / 'Crash.txt').write_text(crash)
    return folder


@pytest.fixture(scope='module')
def service(serve, boosters, folder):
    models = {name: (folder / f'{name}.txt', '') for name in boosters}
    return serve(models | {'Crash': (folder / 'Crash.txt', 'on_error = skip')})


def test_a_binary_classifier_without_feature_names(service, boosters, split):
    *_, heldout = split('breast_cancer')
    expected = boosters['Tumour'].predict(heldout)
    labels, probabilities = of_classes(both_ways(service, 'Tumour', [{'x': row.tolist()} for row in heldout]))
    assert labels == (expected > 0.5).astype(int).tolist()
    assert close(probabilities, np.stack([1 - expected, expected], axis=1))


def test_a_regression_with_missing_values(service, boosters, split):
    names, *_, heldout = split('diabetes')
    assert np.isnan(heldout).any()
    assert close(both_ways(service, 'Diabetes', instances_of(names, heldout)), boosters['Diabetes'].predict(heldout))


def test_three_classes(service, boosters, split):
    names, *_, heldout = split('wine')
    expected = boosters['Wine'].predict(heldout)
    labels, probabilities = of_classes(both_ways(service, 'Wine', instances_of(names, heldout)))
    assert labels == expected.argmax(axis=1).tolist()
    assert close(probabilities, expected)


def test_a_category(service, boosters):
    rows = np.array([[colour, age] for colour in range(5) for age in (-1, 0, 1)])
    instances = [{'colour': int(colour), 'age': int(age)} for colour, age in rows]
    assert close(both_ways(service, 'Colour', instances), boosters['Colour'].predict(rows))


def test_the_range_of_each_feature_is_described(service):
    document = service.get('/openapi.json').text
    assert 'A category, one of ' in document
    assert 'From 11.03 to 14.83 in training' in document


def test_a_text_a_wrong_width_and_a_missing_feature(service, split):
    names, *_, heldout = split('diabetes')
    instance = instances_of(names, heldout)[0]
    answer = service.post('/v1/Diabetes', json=instance | {'bmi': 'high'})
    assert (answer.status_code, answer.json()['message']) == (400, "bmi: 'high' is not of type 'number', 'null'")
    answer = service.post('/v1/Tumour', json={'x': [1.0] * 31})
    assert (answer.status_code, answer.json()['errors'][0]['path']) == (400, 'x')
    del instance['bmi']
    answer = service.post('/v1/Diabetes', json=instance)
    assert (answer.status_code, answer.json()['message']) == (400, "'bmi' is a required property")


def test_it_is_loaded_in_each_worker(service):
    line = next(line for line in service.log.splitlines() if '/v1/Wine ' in line)
    assert re.search(r'Wine\.txt, \d+\.\d KiB +loaded in each worker in \d+ ms$', line), line
    assert 'Warning: ' not in service.log


def test_a_file_that_would_end_the_process_ends_neither_the_service_nor_a_worker(service, split):
    answer = service.post('/v1/Crash', json={})
    assert answer.status_code == 503
    assert 'Crash.txt: it is damaged: its tree 0 has no split_feature.' in answer.json()['message']
    names, *_, heldout = split('wine')
    assert predict(service, 'Wine', instances_of(names, heldout)[0])


def test_a_file_that_would_end_the_process_is_named_when_it_ends_the_start(refusal, folder):
    assert 'Crash.txt: it is damaged' in refusal(folder / 'Crash.txt')


@pytest.mark.parametrize('part', [0.02, 0.3, 0.9])
def test_a_truncated_file_ends_the_start_with_one_line(refusal, folder, tmp_path, part):
    whole = (folder / 'Diabetes.txt').read_bytes()
    (tmp_path / 'part.txt').write_bytes(whole[: int(len(whole) * part)])
    assert 'part.txt' in refusal(tmp_path / 'part.txt')
