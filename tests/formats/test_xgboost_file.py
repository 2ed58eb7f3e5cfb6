"""XGBoost's files, trained here on scikit-learn's data, served from a few lines of conf: XGBoost's own predictions."""

import re

import numpy as np
import pytest

from tests.formats.answers import both_ways, instances_of, of_classes

pytestmark = pytest.mark.xgboost


def close(results, expected):
    return np.array(results) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-7)


@pytest.fixture(scope='module')
def boosters(split):
    import xgboost

    def train(name, parameters, named=True, types=None):
        names, rows, target, _ = split(name)
        matrix = xgboost.DMatrix(
            rows, target, feature_names=names if named else None, feature_types=types, enable_categorical=bool(types)
        )
        return xgboost.train({'nthread': 1, 'seed': 0, **parameters}, matrix, 20)

    ages = np.random.default_rng(1).integers(0, 4, size=(200, 2))
    colours = xgboost.DMatrix(
        ages, (ages[:, 0] == 2) * 3.0 + ages[:, 1], feature_names=['colour', 'age'], feature_types=['c', 'q'],
        enable_categorical=True,
    )  # fmt: skip
    _, rows, target, _ = split('wine')
    stopped = xgboost.XGBClassifier(n_estimators=200, learning_rate=1, n_jobs=1, early_stopping_rounds=3)
    stopped.fit(rows[50:], target[50:], eval_set=[(rows[:50], target[:50])], verbose=False)
    return {
        'Stopped': stopped,
        'Tumour': train('breast_cancer', {'objective': 'binary:logistic'}, named=False),
        'Diabetes': train('diabetes', {'objective': 'reg:squarederror'}),
        'Wine': train('wine', {'objective': 'multi:softprob', 'num_class': 3}),
        'Linear': train('breast_cancer', {'objective': 'binary:logistic', 'booster': 'gblinear'}, named=False),
        'Colour': xgboost.train({'nthread': 1, 'objective': 'reg:squarederror'}, colours, 20),
    }


@pytest.fixture(scope='module')
def service(serve, boosters, tmp_path_factory):
    folder = tmp_path_factory.mktemp('xgboost files')
    models = {}
    for name, booster in boosters.items():
        path = folder / f'{name}.{"json" if name == "Wine" else "ubj"}'
        booster.save_model(path)
        models[name] = path, ''
    return serve(models)


def own(booster, rows, names=None, types=None):
    """Return XGBoost's own predictions."""
    import xgboost

    return booster.predict(
        xgboost.DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=bool(types))
    )


@pytest.mark.parametrize('name', ['Tumour', 'Linear'])
def test_a_binary_classifier_without_feature_names(service, boosters, split, name):
    *_, heldout = split('breast_cancer')
    expected = own(boosters[name], heldout)
    labels, probabilities = of_classes(both_ways(service, name, [{'x': row.tolist()} for row in heldout]))
    assert labels == (expected > 0.5).astype(int).tolist()
    assert close(probabilities, np.stack([1 - expected, expected], axis=1))


def test_a_regression_with_missing_values(service, boosters, split):
    names, *_, heldout = split('diabetes')
    assert np.isnan(heldout).any()
    results = both_ways(service, 'Diabetes', instances_of(names, heldout))
    assert close(results, own(boosters['Diabetes'], heldout, names))


def test_a_json_file_of_three_classes_with_feature_names(service, boosters, split):
    names, *_, heldout = split('wine')
    expected = own(boosters['Wine'], heldout, names)
    labels, probabilities = of_classes(both_ways(service, 'Wine', instances_of(names, heldout)))
    assert labels == expected.argmax(axis=1).tolist()
    assert close(probabilities, expected)


def test_a_classifier_that_was_stopped_early(service, boosters, split):
    *_, heldout = split('wine')
    assert boosters['Stopped'].best_iteration + 1 < boosters['Stopped'].get_booster().num_boosted_rounds()
    labels, probabilities = of_classes(both_ways(service, 'Stopped', [{'x': row.tolist()} for row in heldout]))
    assert labels == boosters['Stopped'].predict(heldout).tolist()
    assert close(probabilities, boosters['Stopped'].predict_proba(heldout))


def test_a_category_is_a_whole_number(service, boosters):
    rows = np.array([[colour, 1] for colour in range(4)])
    results = both_ways(service, 'Colour', [{'colour': int(colour), 'age': 1} for colour, _ in rows])
    assert close(results, own(boosters['Colour'], rows, ['colour', 'age'], ['c', 'q']))
    answer = service.post('/v1/Colour', json={'colour': 1.5, 'age': 1})
    assert (answer.status_code, answer.json()['message']) == (400, "colour: 1.5 is not of type 'integer', 'null'")


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'bmi': 'high'}, "bmi: 'high' is not of type 'number', 'null'"),
        ({'bmi': 1e39}, 'bmi: 1e+39 is greater than the maximum of 3.4028234663852886e+38'),
    ],
)
def test_what_is_no_number_of_its_type(service, split, change, message):
    names, *_, heldout = split('diabetes')
    answer = service.post('/v1/Diabetes', json=instances_of(names, heldout)[0] | change)
    assert (answer.status_code, answer.json()['message']) == (400, message)


def test_a_wrong_width_and_a_missing_feature(service, split):
    answer = service.post('/v1/Tumour', json={'x': [1.0] * 31})
    assert answer.status_code == 400
    assert answer.json()['errors'][0]['path'] == 'x'
    names, *_, heldout = split('diabetes')
    instance = instances_of(names, heldout)[0]
    del instance['bmi']
    answer = service.post('/v1/Diabetes', json=instance)
    assert (answer.status_code, answer.json()['message']) == (400, "'bmi' is a required property")


def test_it_is_loaded_in_each_worker(service):
    line = next(line for line in service.log.splitlines() if '/v1/Wine ' in line)
    assert re.search(r'Wine\.json, \d+\.\d KiB +loaded in each worker in \d+ ms$', line), line
    assert 'Warning' not in service.log


def test_a_truncated_file_ends_the_start_with_one_line(refusal, service, boosters, tmp_path):
    whole = bytes(boosters['Diabetes'].save_raw('ubj'))
    (tmp_path / 'half.ubj').write_bytes(whole[: len(whole) // 2])
    assert 'half.ubj could not be loaded: XGBoostError: ' in refusal(tmp_path / 'half.ubj')
