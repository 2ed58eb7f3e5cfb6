"""Files of XGBoost and LightGBM that were trained on data frames with categories: clients send the real values."""

import json
from collections import namedtuple

import numpy as np
import pytest

from tests.formats.answers import assert_close, both_ways, loaded, problem, refused
from tests.formats.files import written

KNOWN = {
    'city': ['Oslo', 'New York', '"q", ü', '鸟', ''],
    'rooms': [30, -7, 10],
    'smoker': [True, False],
    'size': [0.5, 2.5, 1.0],
}
# Of each column: values of its type that were not seen in training.
UNKNOWN = {'city': ['oslo', '10', 'true'], 'rooms': [11, 0], 'size': [0.25, 3]}
# XGBoost takes neither fractions nor true and false as categories, and no letters beyond ASCII.
ASCII = {'city': ['Oslo', 'New York', '"q"', ''], 'rooms': KNOWN['rooms']}

Trained = namedtuple('Trained', ['booster', 'path'])


def frame_of(known, length=400, seed=0):
    """Return a data frame in which columns of categories, some of them missing, stand between numeric ones."""
    import pandas

    random = np.random.default_rng(seed)
    columns = {'age': random.normal(size=length).round(3), 'children': random.integers(0, 4, length)}
    for name, values in known.items():
        columns[name] = pandas.Categorical(
            [None if random.random() < 0.1 else values[n] for n in random.integers(0, len(values), length)]
        )
        columns[f'after {name}'.replace(' ', '_')] = random.random(length) < 0.5
    return pandas.DataFrame(columns)


def target_of(frame, known):
    """Return numbers in which each column counts, and each category, missing ones too, counts differently."""
    target = frame['age'] + frame['children']
    for weight, name in enumerate(known, 2):
        target += weight * frame[name].cat.codes + frame[f'after_{name}']
    return target.to_numpy(dtype=float)


def with_column(frame, name, value):
    """Return the first rows with one value in a column of categories; None is a missing one."""
    import pandas

    rows = frame.head(4)
    dtype = rows[name].dtype if value is None else None
    return rows.assign(**{name: pandas.Categorical([value] * len(rows), dtype=dtype)})


def instances(frame):
    """Return what a client sends for each row: 1 and 0 for a flag that is no category, null for a missing value."""
    frame = frame.astype(dict.fromkeys(frame.select_dtypes(bool), int))
    return json.loads(frame.to_json(orient='records', double_precision=15))


def light_gbm(frame, target, rounds=20, **options):
    from lightgbm import Dataset, train

    parameters = {'num_threads': 1, 'verbose': -1, 'min_data_in_leaf': 2, 'min_data_per_group': 2, 'cat_smooth': 1}
    return train(parameters, Dataset(frame, target, **options), rounds)


def xgboost(frame, target, **parameters):
    from xgboost import DMatrix, train

    return train({'nthread': 1, **parameters}, DMatrix(frame, target, enable_categorical=True), 20)


def predicted(booster, frame):
    """Return what XGBoost predicts for a data frame."""
    from xgboost import DMatrix

    return booster.predict(DMatrix(frame, enable_categorical=True))


@pytest.fixture(scope='module')
def light(tmp_path_factory):
    frame = frame_of(KNOWN)
    booster, path = light_gbm(frame, target_of(frame, KNOWN)), tmp_path_factory.mktemp('categories') / 'frame.txt'
    booster.save_model(path)
    return Trained(booster, path)


@pytest.fixture(scope='module')
def light_service(serve, light):
    return serve({'Frame': f'file = {light.path}'})


@pytest.mark.lightgbm
def test_known_and_missing_categories_of_lightgbm(light_service, light):
    heldout = frame_of(KNOWN, 40, seed=1)
    assert heldout.isna().any()[list(KNOWN)].all()
    assert_close(both_ways(light_service, 'Frame', instances(heldout)), light.booster.predict(heldout))


@pytest.mark.lightgbm
@pytest.mark.parametrize('name', KNOWN)
def test_each_category_counts_in_lightgbm(light_service, light, name):
    """LightGBM takes an unknown category for a missing one, and so does the service."""
    results = {}
    for value in [*KNOWN[name], *UNKNOWN.get(name, ()), None]:
        rows = with_column(frame_of(KNOWN), name, value)
        results[value] = both_ways(light_service, 'Frame', instances(rows))
        assert_close(results[value], light.booster.predict(rows))
    assert all(results[value] == results[None] for value in UNKNOWN.get(name, ()))
    assert len({tuple(results[value]) for value in KNOWN[name]}) == len(KNOWN[name])


@pytest.mark.lightgbm
@pytest.mark.parametrize(
    'wrong',
    [{'city': 10}, {'rooms': '10'}, {'rooms': 1.5}, {'rooms': True}, {'smoker': 1}, {'size': '1.0'}, {'age': True}],
)
def test_values_of_another_type_do_not_fit_lightgbm(light_service, wrong):
    ((name, value),) = wrong.items()
    message = refused(light_service, 'Frame', instances(frame_of(KNOWN))[0] | wrong)
    assert message.startswith(f'{name}: {value!r} is not of type')


@pytest.mark.lightgbm
def test_the_known_ones_are_documented(light):
    properties = loaded(light.path).schema['properties']
    assert properties['rooms'] == {
        'type': ['integer', 'null'],
        'examples': [-7, 10, 30],
        'description': 'One of -7, 10, 30; any other counts as missing',
    }
    assert properties['smoker']['description'] == 'One of false, true; any other counts as missing'
    assert [properties[name]['type'][0] for name in KNOWN] == ['string', 'integer', 'boolean', 'number']


@pytest.mark.lightgbm
def test_ends_of_lines_of_windows(light, tmp_path):
    windows = written(tmp_path / 'windows.txt', light.path.read_bytes().replace(b'\n', b'\r\n'))
    heldout = frame_of(KNOWN, 40, seed=1)
    results = loaded(windows).predict(instances(heldout))
    assert_close(results, light.booster.predict(heldout))


@pytest.mark.lightgbm
def test_a_file_that_lost_its_end_is_refused(light, tmp_path):
    whole = light.path.read_bytes()
    for end in (whole.find(b'\n[categorical_feature'), whole.find(b'_categorical:[[')):
        cut = written(tmp_path / 'cut.txt', whole[:end])
        assert problem(cut) == 'CUT: it is damaged: it breaks off after its trees.'.replace('CUT', str(cut))


@pytest.mark.lightgbm
def test_categories_of_several_types_are_refused(tmp_path):
    known = {'city': ['1', 1, 2.5]}
    frame = frame_of(known)
    light_gbm(frame, target_of(frame, known)).save_model(tmp_path / 'mixed.txt')
    assert "the categories of 'city' are not all texts, all numbers, or" in problem(tmp_path / 'mixed.txt')


@pytest.mark.lightgbm
def test_more_categories_than_a_description_names(tmp_path):
    known = {'city': [f'city {number}' for number in range(30)]}
    frame = frame_of(known)
    booster = light_gbm(frame, target_of(frame, known))
    booster.save_model(tmp_path / 'cities.txt')
    model = loaded(tmp_path / 'cities.txt')
    assert ', …; any other' in model.schema['properties']['city']['description']
    assert_close(model.predict(instances(frame)), booster.predict(frame))


@pytest.mark.lightgbm
def test_a_column_without_any_category(tmp_path):
    frame = frame_of({'city': ['Oslo']}).assign(city=None).astype({'city': 'category'})
    booster = light_gbm(frame, frame['age'] + frame['after_city'])
    booster.save_model(tmp_path / 'empty.txt')
    rows = with_column(frame, 'city', 'Oslo')
    assert_close(loaded(tmp_path / 'empty.txt').predict(instances(rows)), booster.predict(rows))


def people(ordered=(), numbers=()):
    """Return a data frame with categories; a file has lists of categories, and does not name their columns."""
    import pandas

    random = np.random.default_rng(0)
    known = {'grade': ['low', 'mid', 'high'], 'city': ['Rome', 'Oslo']}
    data = {'age': random.normal(size=300)} | {name: random.integers(0, 2, 300) for name in numbers}
    for name, categories in known.items():
        values = random.choice(categories, 300)
        data[name] = pandas.Categorical(values, categories, ordered=name in ordered)
    data['one'] = pandas.Categorical(['same'] * 300)
    return pandas.DataFrame(data)


@pytest.mark.lightgbm
@pytest.mark.parametrize('ordered', [(), ('grade',), ('city',), ('grade', 'city')])
def test_ordered_categories(tmp_path, ordered):
    frame = people(ordered)
    booster = light_gbm(frame, frame['grade'].cat.codes + 5 * frame['city'].cat.codes + frame['age'])
    booster.save_model(tmp_path / 'ordered.txt')
    assert_close(loaded(tmp_path / 'ordered.txt').predict(instances(frame)), booster.predict(frame))
    rows = with_column(with_column(frame, 'grade', 'top'), 'city', None)
    assert_close(loaded(tmp_path / 'ordered.txt').predict(instances(rows)), booster.predict(rows))


@pytest.mark.lightgbm
def test_numbers_beside_unordered_categories_are_numbers(tmp_path):
    frame = people(numbers=['flag', 'other'])
    booster = light_gbm(frame, frame['flag'] + frame['grade'].cat.codes)
    booster.save_model(tmp_path / 'numbers.txt')
    assert_close(loaded(tmp_path / 'numbers.txt').predict(instances(frame)), booster.predict(frame))


@pytest.mark.lightgbm
@pytest.mark.parametrize('numbers, options', [(['flag'], {}), (['flag', 'other'], {'categorical_feature': ['flag']})])
def test_categories_of_which_the_column_is_unclear_are_refused(tmp_path, numbers, options):
    frame = people(['grade'], numbers)
    light_gbm(frame, frame['grade'].cat.codes + frame['age'], **options).save_model(tmp_path / 'unclear.txt')
    assert 'its lists of categories cannot be matched with its columns' in problem(tmp_path / 'unclear.txt')


@pytest.fixture(scope='module')
def boosters():
    frame = frame_of(ASCII)
    target = target_of(frame, ASCII)
    return {
        'Ubj': xgboost(frame, target),
        'Json': xgboost(frame, target, max_cat_to_onehot=1),
        'Dart': xgboost(frame, target, booster='dart', rate_drop=0.2),
    }


@pytest.fixture(scope='module')
def service(serve, boosters, tmp_path_factory):
    folder = tmp_path_factory.mktemp('categories')
    paths = {name: folder / f'{name}.{"json" if name == "Json" else "ubj"}' for name in boosters}
    for name, path in paths.items():
        boosters[name].save_model(path)
    return serve({name: f'file = {path}' for name, path in paths.items()})


@pytest.mark.xgboost
@pytest.mark.parametrize('name', ['Ubj', 'Json', 'Dart'])
def test_known_and_missing_categories_of_xgboost(service, boosters, name):
    heldout = frame_of(ASCII, 40, seed=1)
    assert_close(both_ways(service, name, instances(heldout)), predicted(boosters[name], heldout))


@pytest.mark.xgboost
@pytest.mark.parametrize('name', ASCII)
def test_each_category_counts_in_xgboost(service, boosters, name):
    for value in [*ASCII[name], None]:
        rows = with_column(frame_of(ASCII), name, value)
        assert_close(both_ways(service, 'Ubj', instances(rows)), predicted(boosters['Ubj'], rows))


@pytest.mark.xgboost
@pytest.mark.parametrize('name, value', [('city', 'oslo'), ('rooms', 31)])
def test_an_unknown_category_is_an_error_in_xgboost(boosters, name, value):
    from xgboost.core import XGBoostError

    with pytest.raises(XGBoostError, match='Found a category not in the training set'):
        predicted(boosters['Ubj'], with_column(frame_of(ASCII), name, value))


@pytest.mark.xgboost
@pytest.mark.parametrize('name, value', [(name, value) for name in ASCII for value in UNKNOWN[name]])
def test_an_unknown_category_is_refused(service, name, value):
    """Also one that sorts before a known one: XGBoost 3.2 would take it for that."""
    rows = with_column(frame_of(ASCII), name, value)
    assert refused(service, 'Ubj', instances(rows)[0]).startswith(f'{name}: {value!r} is not one of ')


@pytest.mark.xgboost
@pytest.mark.parametrize('wrong', [{'city': 10}, {'rooms': '10'}, {'rooms': True}, {'children': True}])
def test_values_of_another_type_do_not_fit_xgboost(service, wrong):
    ((name, value),) = wrong.items()
    assert refused(service, 'Ubj', instances(frame_of(ASCII))[0] | wrong).startswith(f'{name}: {value!r} is not ')


@pytest.mark.xgboost
@pytest.mark.parametrize('known', [['é', 'e'], ['鸟', 'bird'], ['да', 'ну']])
def test_names_that_xgboost_cuts_are_refused(tmp_path, known):
    """XGBoost would save `да` and `ну` as `д` and `а`, which look whole."""
    frame = frame_of({'city': known})
    xgboost(frame, target_of(frame, {'city': known})).save_model(tmp_path / 'cut.ubj')
    assert "its categories of 'city' are not all ASCII" in problem(tmp_path / 'cut.ubj')
