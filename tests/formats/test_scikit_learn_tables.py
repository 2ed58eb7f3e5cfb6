"""Pipelines of scikit-learn for tables of numbers, texts, booleans and categories: its own predictions on the frame."""

import json

import numpy as np
import pytest

from tests.formats.answers import assert_close, both_ways

pytestmark = pytest.mark.skops

NAMES = (
    *('OneHot', 'OneHotStrict', 'OneHotMissing', 'Ordinal', 'Target', 'Common', 'Mixed', 'MixedForest', 'Bins'),
    *('Passed', 'Selector', 'Inside', 'Categories', 'Numbers', 'Pandas', 'Wrapped', 'Voting'),
)
SEA = {'properties': {'sea': {'type': 'boolean'}}}
SCHEMAS = dict.fromkeys(('Mixed', 'MixedForest', 'Passed', 'Selector', 'Categories', 'Wrapped', 'Voting'), SEA)
CITIES, ZONES, GRADES = ['Oslo', 'Paris', '北京'], [10, 20, 30], ['a', 'b']
ALL = ['city', 'zone', 'size', 'sea', 'grade']


@pytest.fixture(scope='module')
def homes():
    """A frame of texts and numbers, some of them missing, whole numbers, booleans and a category of pandas."""
    import pandas

    random = np.random.default_rng(0)
    frame = pandas.DataFrame({
        'city': random.choice(CITIES, 300),
        'zone': random.choice(ZONES, 300),
        'size': random.normal(size=300),
        'sea': random.random(300) > 0.5,
        'grade': pandas.Categorical(random.choice(GRADES, 300)),
    })  # fmt: skip
    price = (frame.city == 'Paris') * 2 + frame.zone / 10 + frame['size'] + frame.sea * 3 + (frame.grade == 'b') * 5
    frame.loc[::9, 'city'] = np.nan
    frame.loc[::7, 'size'] = np.nan
    return frame, price


def models():
    """Return models that are not fitted yet, each with the columns of its frame."""
    from sklearn import ensemble, feature_selection, impute, linear_model, pipeline, preprocessing, tree
    from sklearn.compose import TransformedTargetRegressor, make_column_selector
    from sklearn.compose import make_column_transformer as by_columns
    from sklearn.pipeline import make_pipeline as line

    def encoder(**options):
        return preprocessing.OneHotEncoder(**{'handle_unknown': 'ignore', **options})

    common, linear = impute.SimpleImputer(strategy='most_frequent'), linear_model.LinearRegression()
    numbers = line(impute.SimpleImputer(), preprocessing.StandardScaler())
    texts, rest = ['city', 'zone', 'grade'], ['size', 'sea']
    mixed = by_columns((line(common, encoder()), texts), (impute.SimpleImputer(), rest))
    forest = ensemble.RandomForestRegressor(5, random_state=0)
    boosting = ensemble.HistGradientBoostingRegressor(max_iter=5, random_state=0)
    bins = preprocessing.KBinsDiscretizer(3, quantile_method='averaged_inverted_cdf')
    varying = feature_selection.VarianceThreshold()
    union = pipeline.make_union(preprocessing.StandardScaler(), preprocessing.PolynomialFeatures())
    ordinal = preprocessing.OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1)
    return {
        'OneHot': (line(encoder(), linear), ['city', 'zone', 'sea', 'grade']),
        'OneHotStrict': (line(encoder(handle_unknown='error'), linear), ['zone', 'sea', 'grade']),
        'OneHotMissing': (line(encoder(handle_unknown='error'), linear), ['city', 'zone']),
        'Ordinal': (line(ordinal, tree.DecisionTreeRegressor(random_state=0)), ['city', 'zone', 'sea', 'grade']),
        'Target': (line(preprocessing.TargetEncoder(cv=5), linear), ['city', 'zone', 'sea']),
        'Common': (line(common, encoder(), linear), ['city', 'grade', 'zone']),
        'Mixed': (line(mixed, linear), ALL),
        'MixedForest': (line(mixed, forest), ALL),
        'Bins': (line(impute.SimpleImputer(), bins, linear), ['size']),
        'Passed': (line(by_columns((encoder(), ['city']), remainder='passthrough'), boosting), ['city', 'size', 'sea']),
        'Selector': (line(by_columns((line(common, ordinal), make_column_selector(dtype_exclude=['number', 'bool'])),
                                     remainder=numbers), linear), ALL),
        'Inside': (line(by_columns((line(by_columns((encoder(), [0]), remainder=numbers), preprocessing.MaxAbsScaler()),
                                    ['city', 'size', 'zone'])), linear), ALL),
        'Categories': (ensemble.HistGradientBoostingRegressor(max_iter=5, categorical_features='from_dtype'),
                       ['zone', 'size', 'sea', 'grade']),
        'Numbers': (line(impute.SimpleImputer(), union, varying, linear), ['size', 'zone']),
        'Pandas': (line(impute.SimpleImputer(), preprocessing.StandardScaler(), linear).set_output(transform='pandas'),
                   ['size', 'zone']),
        'Wrapped': (TransformedTargetRegressor(line(mixed, linear)), ALL),
        'Voting': (ensemble.VotingRegressor([('a', line(mixed, linear)), ('b', line(mixed, forest))]), ALL),
    }  # fmt: skip


@pytest.fixture(scope='module')
def fitted(homes):
    from sklearn.base import clone

    frame, price = homes
    return {name: (clone(model).fit(frame[columns], price), columns) for name, (model, columns) in models().items()}


@pytest.fixture(scope='module')
def folder(fitted, tmp_path_factory):
    from skops.io import dump

    folder = tmp_path_factory.mktemp('tables')
    for name, (model, _) in fitted.items():
        dump(model, folder / f'{name}.skops')
    return folder


@pytest.fixture(scope='module')
def service(serve, folder):
    from skops.io import get_untrusted_types

    models = {}
    for path in folder.iterdir():
        trusted = ', '.join(get_untrusted_types(file=path))
        # That a column which is passed on as a number held booleans is not in the file.
        models[path.stem] = f'file = {path}\ntrusted = {trusted}\nschema = conf/{path.stem}.schema.json'
    return serve(models, {f'conf/{name}.schema.json': json.dumps(SCHEMAS.get(name, {})) for name in models})


def instances_of(frame):
    """Return an instance for each row, with null for a missing value."""
    rows = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(frame.columns, row, strict=True)) for row in rows.itertuples(index=False)]


@pytest.mark.parametrize('name', NAMES)
def test_a_row_of_the_frame_gives_the_frames_own_prediction(service, fitted, homes, name):
    model, columns = fitted[name]
    frame = homes[0][columns][:40]
    assert_close(both_ways(service, name, instances_of(frame)), model.predict(frame))
