"""Files of XGBoost and LightGBM, trained here on scikit-learn's data, served from a few lines of conf."""

import re

import numpy as np
import pytest

from model_serving.serving.errors import StartError
from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check
from tests.formats.answers import assert_classes, assert_close, banner, both_ways, loaded, predict, refused
from tests.formats.files import arrays, named, part_of, split, written

COLOUR = ['colour', 'age']


class XGBoost:
    suffix = 'ubj'
    binary = {'objective': 'binary:logistic'}
    three_classes = {'objective': 'multi:softprob', 'num_class': 3}

    @staticmethod
    def train(rows, target, names=None, categories=(), **parameters):
        from xgboost import DMatrix, train

        columns = names or range(rows.shape[1])
        types = ['c' if column in categories else 'q' for column in columns] if categories else None
        data = DMatrix(rows, target, feature_names=names, feature_types=types, enable_categorical=True)
        return train({'nthread': 1, 'seed': 0, **parameters}, data, 20)

    @staticmethod
    def predict(booster, rows):
        from xgboost import DMatrix

        names, types = booster.feature_names, booster.feature_types
        return booster.predict(DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True))


class LightGBM:
    suffix = 'txt'
    binary = {'objective': 'binary'}
    three_classes = {'objective': 'multiclass', 'num_class': 3}

    @staticmethod
    def train(rows, target, names='auto', categories='auto', **parameters):
        from lightgbm import Dataset, train

        data = Dataset(rows, target, feature_name=names, categorical_feature=categories)
        return train({'num_threads': 1, 'seed': 0, 'verbose': -1, **parameters}, data, 20)

    @staticmethod
    def predict(booster, rows):
        return booster.predict(rows)


XGBOOST = pytest.param(XGBoost, marks=pytest.mark.xgboost, id='xgboost')
LIGHTGBM = pytest.param(LightGBM, marks=pytest.mark.lightgbm, id='lightgbm')
of_xgboost = pytest.mark.parametrize('runtime', [XGBOOST], indirect=True)
of_lightgbm = pytest.mark.parametrize('runtime', [LIGHTGBM], indirect=True)


@pytest.fixture(scope='module', params=[XGBOOST, LIGHTGBM])
def runtime(request):
    return request.param


@pytest.fixture(scope='module')
def boosters(runtime):
    tumour, diabetes, wine = map(split, ('breast_cancer', 'diabetes', 'wine'))
    random = np.random.default_rng(1)
    colours = np.stack([random.integers(0, 4, 300), random.normal(size=300)], axis=1)
    target = (colours[:, 0] == 2) * 3.0 + colours[:, 1]
    return {
        'Tumour': runtime.train(tumour.rows, tumour.target, **runtime.binary),
        'Diabetes': runtime.train(diabetes.rows, diabetes.target, diabetes.names),
        'Wine': runtime.train(wine.rows, wine.target, wine.names, **runtime.three_classes),
        'Colour': runtime.train(colours, target, COLOUR, COLOUR[:1]),
        'Array': runtime.train(colours, target, categories=[0]),
    }


@pytest.fixture(scope='module')
def paths(runtime, boosters, tmp_path_factory):
    folder = tmp_path_factory.mktemp('booster files')
    paths = {name: folder / f'{name}.{runtime.suffix}' for name in boosters}
    for name, path in paths.items():
        boosters[name].save_model(path)
    return paths


@pytest.fixture(scope='module')
def service(serve, paths):
    return serve({name: f'file = {path}' for name, path in paths.items()})


def assert_binary(results, expected):
    assert_classes(results, (expected > 0.5).astype(int), np.stack([1 - expected, expected], axis=1))


def test_a_binary_classifier_without_feature_names(runtime, service, boosters):
    heldout = split('breast_cancer').heldout
    results = both_ways(service, 'Tumour', arrays(heldout))
    assert_binary(results, runtime.predict(boosters['Tumour'], heldout))


def test_a_regression_with_missing_values(runtime, service, boosters):
    names, *_, heldout = split('diabetes')
    assert np.isnan(heldout).any()
    results = both_ways(service, 'Diabetes', named(names, heldout))
    assert_close(results, runtime.predict(boosters['Diabetes'], heldout))


def test_three_classes_with_feature_names(runtime, service, boosters):
    names, *_, heldout = split('wine')
    expected = runtime.predict(boosters['Wine'], heldout)
    assert_classes(both_ways(service, 'Wine', named(names, heldout)), expected.argmax(axis=1), expected)


@pytest.mark.parametrize('name', ['Colour', 'Array'])
def test_codes_of_categories(runtime, service, boosters, name):
    rows = np.array([[colour, age] for colour in (0, 1, 2, 3, np.nan) for age in (-1, 0, 1)])
    instances = arrays(rows) if name == 'Array' else named(COLOUR, rows)
    assert_close(both_ways(service, name, instances), runtime.predict(boosters[name], rows))


@pytest.mark.parametrize('code', [-1, 1.5, '2', True, 1e39])
def test_what_is_no_code(service, code):
    assert refused(service, 'Colour', {'colour': code, 'age': 1}).startswith(f'colour: {code!r} is ')
    assert refused(service, 'Array', {'x': [code, 1]}).startswith(f'x[0]: {code!r} is ')


def test_what_does_not_fit(service):
    names, *_, heldout = split('diabetes')
    instance = named(names, heldout)[0]
    assert refused(service, 'Diabetes', instance | {'bmi': 'high'}) == "bmi: 'high' is not of type 'number', 'null'"
    del instance['bmi']
    assert predict(service, 'Diabetes', instance) == predict(service, 'Diabetes', instance | {'bmi': None})
    assert "('bmii' was unexpected). Did you mean 'bmi'?" in refused(service, 'Diabetes', instance | {'bmii': 0.1})
    assert refused(service, 'Tumour', {'x': [1.0] * 31}) == f'x: {[1.0] * 31} is too long'


def test_it_is_loaded_in_each_worker(runtime, service):
    line = banner(service, 'Wine')
    assert re.search(rf'Wine\.{runtime.suffix}, \d+\.\d KiB +loaded in each worker in \d+ ms, on cpu$', line), line
    assert 'Warning' not in service.log


def test_it_predicts_in_the_main_thread_of_every_worker(predict_in_main_threads, paths):
    predict_in_main_threads(paths['Tumour'], {'x': [0.5] * 30})


@pytest.mark.parametrize('part', [0.02, 0.3, 0.9])
def test_a_truncated_file_ends_the_start_with_one_line(runtime, refusal, paths, tmp_path, part):
    path = part_of(paths['Diabetes'], part, tmp_path)
    assert path.name in refusal(path)


@of_xgboost
def test_xgboosts_other_boosters(runtime, serve, tmp_path):
    from xgboost import XGBClassifier

    tumour, wine = split('breast_cancer'), split('wine')
    linear = runtime.train(tumour.rows, tumour.target, booster='gblinear', **runtime.binary)
    linear.save_model(tmp_path / 'linear.ubj')
    early = XGBClassifier(n_estimators=200, learning_rate=1, n_jobs=1, early_stopping_rounds=3)
    early.fit(wine.rows[50:], wine.target[50:], eval_set=[(wine.rows[:50], wine.target[:50])], verbose=False)
    early.save_model(tmp_path / 'early.json')
    assert early.best_iteration + 1 < early.get_booster().num_boosted_rounds()
    service = serve({'Linear': f'file = {tmp_path}/linear.ubj', 'Early': f'file = {tmp_path}/early.json'})
    assert_binary(both_ways(service, 'Linear', arrays(tumour.heldout)), runtime.predict(linear, tumour.heldout))
    results = both_ways(service, 'Early', arrays(wine.heldout))
    assert_classes(results, early.predict(wine.heldout), early.predict_proba(wine.heldout))


@of_xgboost
def test_xgboosts_codes_have_no_largest_one_that_is_known(runtime, service, boosters):
    rows = np.array([[code, 0] for code in (4, 1000, 2**24 - 1)])
    assert_close(both_ways(service, 'Colour', named(COLOUR, rows)), runtime.predict(boosters['Colour'], rows))
    assert 'is greater than the maximum of 16777215' in refused(service, 'Colour', {'colour': 2**24, 'age': 0})


@of_lightgbm
def test_lightgbms_codes_end_with_the_largest_one_in_training(runtime, service):
    assert refused(service, 'Colour', {'colour': 4, 'age': 0}) == 'colour: 4 is greater than the maximum of 3'
    assert refused(service, 'Array', {'x': [4, 0]}) == 'x[0]: 4 is greater than the maximum of 3'


@of_xgboost
def test_xgboosts_numbers_have_their_limits(runtime, service):
    assert refused(service, 'Colour', {'colour': 1.5, 'age': 1}) == "colour: 1.5 is not of type 'integer', 'null'"
    too_large = refused(service, 'Colour', {'colour': 1, 'age': 1e39})
    assert too_large == 'age: is too large for float32'


@of_lightgbm
def test_lightgbms_ranges_of_features_are_described(runtime, service):
    document = service.get('/openapi.json').text
    assert 'The code of a category, one of 0, 1, 2, 3 in training' in document
    assert 'From 11.03 to 14.83 in training' in document


def several_outputs_of_xgboost():
    """Return boosters that predict several numbers for an instance."""
    rows, numbers = split('diabetes').rows, split('diabetes').target
    targets, answers = np.stack([numbers, -numbers], axis=1), np.stack([numbers > 100, numbers > 200], axis=1)
    quantiles = {'objective': 'reg:quantileerror', 'quantile_alpha': [0.1, 0.5, 0.9]}
    return {
        'Targets': XGBoost.train(rows, targets),
        'Trees': XGBoost.train(rows, targets, multi_strategy='multi_output_tree'),
        'Linear': XGBoost.train(np.nan_to_num(rows), targets, booster='gblinear'),
        'Answers': XGBoost.train(rows, answers.astype(int), objective='binary:logistic'),
        'Quantiles': XGBoost.train(rows, numbers, **quantiles),
    }


def several_outputs_of_lightgbm():
    rows, numbers = split('diabetes').rows, split('diabetes').target
    targets = np.stack([numbers, -numbers], axis=1)
    own = LightGBM.train(rows, numbers, num_class=2, objective=lambda found, _: (found - targets, np.ones_like(found)))
    return {'Own': own}


@pytest.fixture(scope='module')
def several(runtime):
    return {XGBoost: several_outputs_of_xgboost, LightGBM: several_outputs_of_lightgbm}[runtime]()


def test_several_outputs_have_names(runtime, serve, several, tmp_path_factory):
    folder, heldout = tmp_path_factory.mktemp('several'), np.nan_to_num(split('diabetes').heldout)
    for name, booster in several.items():
        booster.save_model(folder / f'{name}.{runtime.suffix}')
    service = serve({name: f'file = {folder}/{name}.{runtime.suffix}' for name in several})
    for name, booster in several.items():
        expected = runtime.predict(booster, heldout)
        outputs = [f'output_{number}' for number in range(expected.shape[1])]
        assert_close(both_ways(service, name, arrays(heldout)), named(outputs, expected))
        number = {'type': ['number', 'null']}
        assert loaded(folder / f'{name}.{runtime.suffix}').result_schema == {
            'type': 'object',
            'properties': dict.fromkeys(outputs, number),
            'required': outputs,
        }
    assert 'are not as the file describes them' not in service.log


@pytest.mark.parametrize('name, classes', [('Tumour', ['malignant', 'benign']), ('Wine', ['red', 'white', 'rosé'])])
def test_names_of_classes(runtime, boosters, paths, name, classes):
    data = split({'Tumour': 'breast_cancer', 'Wine': 'wine'}[name])
    instances = arrays(data.heldout) if name == 'Tumour' else named(data.names, data.heldout)
    numbered, model = loaded(paths[name]).predict(instances), loaded(paths[name], classes=classes)
    results = model.predict(instances)
    assert_classes(results, [classes[one['label']] for one in numbered], probabilities_of(numbered))
    assert {tuple(result['probabilities']) for result in results} == {tuple(classes)}
    assert model.result_schema['properties']['label'] == {'enum': classes}


def probabilities_of(results):
    return [list(result['probabilities'].values()) for result in results]


@pytest.mark.parametrize(
    'name, classes, reason',
    [
        ('Wine', ['red', 'white'], 'the file has 3 classes, not 2.'),
        ('Tumour', ['one', 'two', 'three'], 'the file has 2 classes, not 3.'),
        ('Wine', ['red', 'white', 'red'], 'two classes have the same name.'),
        ('Diabetes', ['low', 'high'], 'the file has no classes, or it does not say how many. Remove the setting.'),
    ],
)
def test_names_that_do_not_fit_the_classes(runtime, paths, name, classes, reason):
    with pytest.raises(StartError, match=re.escape(f': classes = …: {reason}')):
        loaded(paths[name], classes=classes)


@of_xgboost
@pytest.mark.parametrize(
    'data, parameters, classes',
    [
        ('wine', {'objective': 'multi:softmax', 'num_class': 3}, ['red', 'white', 'rosé']),
        ('breast_cancer', {'objective': 'binary:hinge'}, ['malignant', 'benign']),
    ],
)
def test_xgboosts_numbers_of_classes(runtime, tmp_path, data, parameters, classes):
    rows, target, heldout = split(data)[1:]
    booster = runtime.train(rows, target, **parameters)
    booster.save_model(tmp_path / 'labels.ubj')
    expected = runtime.predict(booster, heldout)
    assert_close(loaded(tmp_path / 'labels.ubj').predict(arrays(heldout)), expected)
    model = loaded(tmp_path / 'labels.ubj', classes=classes)
    assert model.predict(arrays(heldout)) == [{'label': classes[int(number)]} for number in expected]
    assert model.result_schema['properties'] == {'label': {'enum': classes}}


@of_lightgbm
def test_a_file_that_would_end_the_process_ends_only_a_start(runtime, serve, refusal, paths, tmp_path):
    """LightGBM ends the process at a tree that lacks what it needs, in a file of the right length."""
    whole = paths['Wine'].read_bytes()
    crash = written(tmp_path / 'Crash.txt', whole.replace(b'split_feature=', b'split-feature='))
    reason = 'Crash.txt: it is damaged: its tree 0 has no split_feature.'
    assert reason in refusal(crash)
    service = serve({'Crash': f'file = {crash}\non_error = skip', 'Wine': f'file = {paths["Wine"]}'})
    answer = service.post('/v1/Crash', json={})
    assert (answer.status_code, reason in answer.json()['message']) == (503, True)
    names, *_, heldout = split('wine')
    assert predict(service, 'Wine', named(names, heldout)[0])


@of_xgboost
def test_xgboosts_own_interface_uses_all_trees_although_it_stopped_early(runtime, tmp_path):
    from xgboost import DMatrix, train

    _, rows, target, heldout = split('diabetes')
    watched = [(DMatrix(rows[:50], target[:50]), 'watched')]
    booster = train(
        {'eta': 1, 'nthread': 1, 'max_depth': 12}, DMatrix(rows[50:], target[50:]), 30, evals=watched,
        early_stopping_rounds=3, verbose_eval=False,
    )  # fmt: skip
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    booster.save_model(tmp_path / 'early.ubj')
    assert_close(loaded(tmp_path / 'early.ubj').predict(arrays(heldout)), booster.predict(DMatrix(heldout)))


@of_lightgbm
def test_lightgbms_names_end_at_a_plain_space_only(runtime, tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 2))
    names = ['price', 'price\xa0']
    booster = runtime.train(rows, rows[:, 0] - 2 * rows[:, 1], names)
    booster.save_model(tmp_path / 'names.txt')
    model = loaded(tmp_path / 'names.txt')
    assert list(model.schema['properties']) == names
    assert_close(model.predict(named(names, rows[:20])), runtime.predict(booster, rows[:20]))


def test_every_protocol_gives_the_same_numbers(runtime, service):
    assert sum(check(service, protocol) for protocol in PROTOCOLS)
