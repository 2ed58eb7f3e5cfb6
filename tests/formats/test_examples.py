"""The example of a model file whose user gives none: a plausible row, that the model predicts."""

import json
import re

import numpy as np
import pytest

from model_serving.formats import ModelFile
from model_serving.serving.errors import StartError
from tests.conftest import BASE_FOLDER
from tests.formats.answers import settings_of
from tests.formats.files import split, write_onnx

WINE = BASE_FOLDER / 'data' / 'wine.onnx'
# The means in its scaler, to four digits.
MEANS = [13.04, 2.338, 2.36, 19.48, 99.65, 2.291, 1.988, 0.3613, 1.555, 5.054, 0.9608, 2.586, 744.7]
MODELS = (
    *('Standard', 'Range', 'Largest', 'Robust', 'Quantile', 'Imputer', 'Constant', 'Neighbours'),
    *('Tree', 'Forest', 'Boosting', 'Histograms', 'Bayes', 'Groups'),
)
LOOKUP = '(int64[n] row, uint8[n] grey) => (float[n] y) <float[4] table = {0, 1, 2, 3}> { y = Gather(table, row) }'


@pytest.fixture
def example_of(tmp_path):
    """A function that returns the one example of a model file, with a patch over its schema and with settings."""

    def example_of(path, patch=None, **own):
        (tmp_path / 'patch.json').write_text(json.dumps(patch or {}))
        file = ModelFile(settings_of(path, schema=str(tmp_path / 'patch.json'), **own))
        model = file()
        (example,) = file.schemas()[0]['examples']
        assert len(model.predict([example])) == 1
        return example

    return example_of


@pytest.mark.parametrize(
    'ash, value',
    [
        ({}, 2.36),
        ({'examples': [2, 3], 'default': 4, 'const': 2}, 2),
        ({'default': 0, 'const': 0, 'enum': [0, 5]}, 0),
        ({'const': 4, 'enum': [3, 4]}, 4),
        ({'enum': [5, 6], 'minimum': 0}, 5),
        # Bounds may be wide, so what the file tells comes first, unless they exclude it.
        ({'minimum': 0, 'maximum': 100}, 2.36),
        ({'minimum': 50, 'maximum': 101}, 75.5),
        ({'minimum': 50, 'maximum': 101, 'type': 'integer'}, 75),
        ({'minimum': 123456.1, 'maximum': 123456.3}, 123456.2),
        ({'minimum': 1e20, 'maximum': 3e20}, 2e20),
        ({'minimum': 3}, 3),
        ({'exclusiveMinimum': 0}, 2.36),
        (True, 2.36),
    ],
)
def test_the_users_schema_file_comes_first_and_then_the_model_file(example_of, ash, value):
    example = example_of(WINE, {'properties': {'ash': ash}})
    assert example['ash'] == pytest.approx(value)
    assert list((example | {'ash': 2.36}).values()) == MEANS


def test_bounds_beyond_64_bits_are_told_as_such(example_of):
    bounds = {'type': 'integer', 'minimum': 10**400, 'maximum': 10**401}
    with pytest.raises(StartError, match='does not fit in 64 bits'):
        example_of(WINE, {'properties': {'ash': bounds}})


def test_an_example_that_the_user_gives_is_the_only_one(example_of):
    ones = dict.fromkeys(example_of(WINE), 1)
    assert example_of(WINE, {'properties': {'ash': {'default': 3}}, 'examples': [ones]}) == ones


def test_inputs_with_other_names(example_of):
    assert example_of(WINE, inputs={'grams of ash': 'ash'})['grams of ash'] == 2.36


# Of the last, the middle is beyond 64 bits.
@pytest.mark.parametrize('greatest, row', [(3, 1), (1000, 0), (10**18, 0)])
def test_a_row_that_the_model_refuses_is_not_shown(example_of, tmp_path, greatest, row):
    path = write_onnx(tmp_path / 'lookup.onnx', LOOKUP)
    patch = {'properties': {'row': {'minimum': 0, 'maximum': greatest}}}
    # The bounds of a type tell nothing.
    assert example_of(path, patch) == {'row': row, 'grey': 0}


def test_a_network_that_tells_nothing_gets_zeros(example_of):
    assert example_of(BASE_FOLDER / 'data' / 'digits.onnx') == {'image': [[0] * 8] * 8}


def test_joined_columns_of_onnx_and_whole_numbers(example_of, tmp_path):
    graph = """(float[n, 1] age, int64[n, 2] years) => (float[n, 3] y) {
        cast = Cast<to = 1>(years)
        joined = Concat<axis = 1>(age, cast)
        filled = ai.onnx.ml.Imputer<imputed_value_floats = [41.26, 2001.7, 1999.2], replaced_value_float = -1.0>(joined)
        y = ai.onnx.ml.Scaler<offset = [1.0, 1.0, 1.0], scale = [1.0, 1.0, 1.0]>(filled)
    }"""
    assert example_of(write_onnx(tmp_path / 'joined.onnx', graph)) == {'age': 41.26, 'years': [2002, 1999]}


def wines():
    """Return names and rows of wines, and a class of each that all of its features decide, so that trees use them."""
    names, rows, *_ = split('wine')
    score = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).sum(axis=1)
    return names, rows, np.searchsorted([-3, 0, 3], score)


def assert_plausible(row, rows):
    """Check that each value lies within its column, and has few digits; no column of the wines has a zero."""
    assert ((row >= rows.min(axis=0) * 0.999) & (row <= rows.max(axis=0) * 1.001)).all()
    assert all(float(f'{value:.4g}') == value for value in row)


@pytest.mark.parametrize(
    'runtime', [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ('xgboost', 'lightgbm')]
)
@pytest.mark.parametrize('has_names', [True, False])
def test_boosters(example_of, tmp_path, runtime, has_names):
    names, rows, target = wines()
    if runtime == 'xgboost':
        from xgboost import DMatrix, train

        path = tmp_path / 'wine.ubj'
        parameters = {'objective': 'multi:softprob', 'num_class': 4, 'nthread': 1}
        train(parameters, DMatrix(rows, target, feature_names=names if has_names else None)).save_model(path)
    else:
        from lightgbm import Dataset, train

        path = tmp_path / 'wine.txt'
        data = Dataset(rows, target, feature_name=names if has_names else 'auto')
        train({'objective': 'multiclass', 'num_class': 4, 'verbose': -1, 'num_threads': 1}, data).save_model(path)
    example = example_of(path)
    assert_plausible(np.array(list(example.values()) if has_names else example['x']), rows)


@pytest.mark.lightgbm
def test_whole_numbers_and_codes_of_lightgbm(example_of, tmp_path):
    from lightgbm import Dataset, train

    random = np.random.default_rng(0)
    codes = random.choice([3, 70_001, 70_002], 300)
    rows = np.stack([random.integers(1990, 2025, 300), random.integers(0, 2, 300), codes], axis=1).astype(float)
    rows[0, 0], rows[1, 0] = 1990, 2024
    names = ['year', 'sold', 'code']
    data = Dataset(rows, rows[:, 0] + codes, feature_name=names, categorical_feature=['code'])
    train({'verbose': -1, 'num_threads': 1}, data).save_model(tmp_path / 'whole.txt')
    assert example_of(tmp_path / 'whole.txt') == {'year': 2007, 'sold': 0, 'code': 70_001}


@pytest.mark.lightgbm
@pytest.mark.parametrize('low, high', [(-2e20, 4e20), (-1.7e308, 1.7e308), (-np.inf, np.inf)])
def test_ranges_of_lightgbm_beyond_whole_numbers(example_of, tmp_path, low, high):
    from lightgbm import Dataset, train

    rows = np.random.default_rng(0).normal(size=(300, 1))
    data = Dataset(rows, rows[:, 0] > 0, feature_name=['size'])
    text = train({'verbose': -1, 'num_threads': 1}, data).model_to_string()
    text = re.sub('feature_infos=.*', f'feature_infos=[{low}:{high}]', text)
    (tmp_path / 'wide.txt').write_text(text)
    size = example_of(tmp_path / 'wide.txt')['size']
    assert isinstance(size, float | int)
    assert abs(size) < 2**63 or isinstance(size, float)


def sklearn_models():
    """Return models for tables of numbers, not fitted yet."""
    from sklearn import cluster, ensemble, impute, linear_model, naive_bayes, preprocessing, tree
    from sklearn.pipeline import make_pipeline as line

    linear = linear_model.LinearRegression
    # An imputer's constant is no value of its column.
    constant = impute.SimpleImputer(strategy='constant', fill_value=-9)
    return {
        'Standard': line(preprocessing.StandardScaler(), linear()),
        'Range': line(preprocessing.MinMaxScaler(), linear()),
        'Largest': line(preprocessing.MaxAbsScaler(), linear()),
        'Robust': line(preprocessing.RobustScaler(), linear()),
        'Quantile': line(preprocessing.QuantileTransformer(n_quantiles=50), linear()),
        'Imputer': line(impute.SimpleImputer(), linear()),
        'Constant': line(constant, preprocessing.StandardScaler(), linear()),
        'Neighbours': line(impute.KNNImputer(), preprocessing.StandardScaler(), linear()),
        'Tree': tree.DecisionTreeRegressor(max_features=1, random_state=0),
        'Forest': ensemble.RandomForestRegressor(5, random_state=0),
        'Boosting': ensemble.GradientBoostingRegressor(n_estimators=40, max_depth=5, random_state=0),
        'Histograms': ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0),
        'Bayes': naive_bayes.GaussianNB(),
        'Groups': cluster.KMeans(3, random_state=0, n_init=1),
    }


@pytest.fixture
def dumped(tmp_path):
    """A function that writes a fitted model to a skops file; it returns the file and the types to trust."""
    from skops.io import dump, get_untrusted_types

    def dumped(model):
        dump(model, tmp_path / 'a.skops')
        return {'path': tmp_path / 'a.skops', 'trusted': get_untrusted_types(file=tmp_path / 'a.skops')}

    return dumped


@pytest.mark.skops
@pytest.mark.parametrize('name', MODELS)
def test_scikit_learns_steps_and_models_of_numbers(example_of, dumped, name):
    _, rows, target = wines()
    model = sklearn_models()[name].fit(rows, target)
    assert_plausible(np.array(example_of(**dumped(model))['x']), rows)


@pytest.mark.skops
def test_scikit_learns_columns_of_several_kinds(example_of, dumped):
    import pandas
    from sklearn import compose, ensemble, impute, linear_model, preprocessing
    from sklearn.pipeline import make_pipeline as line

    random = np.random.default_rng(0)
    frame = pandas.DataFrame({
        'size': random.normal(70, 9, 99),
        'year': random.integers(1990, 2025, 99),
        'city': random.choice(['a', 'b'], 99),
        'kind': random.choice(['flat', 'house'], 99),
        'sold': random.random(99) > 0.5,
    })  # fmt: skip
    steps = [
        ('scaled', line(preprocessing.StandardScaler(), preprocessing.PolynomialFeatures()), ['size']),
        ('filled', impute.SimpleImputer(strategy='median'), ['year']),
        ('codes', preprocessing.OneHotEncoder(), ['city', 'kind']),
    ]
    model = line(compose.ColumnTransformer(steps, remainder='passthrough'), linear_model.LinearRegression())
    example = example_of(**dumped(model.fit(frame, frame['size'])))
    assert example == {
        'size': pytest.approx(frame['size'].mean(), rel=1e-3), 'year': frame['year'].median(), 'city': 'a',
        'kind': 'flat', 'sold': 0,
    }  # fmt: skip
    # Halfway between whole numbers there are none.
    forest = ensemble.RandomForestRegressor(9, random_state=0).fit(frame[['year', 'sold']], frame['year'])
    assert example_of(**dumped(forest)) == {'year': pytest.approx(2007, abs=5), 'sold': 0}
    assert isinstance(example_of(**dumped(forest))['year'], int)


@pytest.mark.torch
def test_an_exported_program_gets_zeros(example_of, tmp_path):
    import torch

    torch.export.save(torch.export.export(torch.nn.Linear(3, 1), (torch.ones(1, 3),)), tmp_path / 'a.pt2')
    assert example_of(tmp_path / 'a.pt2', trust_file=True) == {'input': [0, 0, 0]}
