"""Pipelines of scikit-learn for tables of numbers, texts, booleans and categories: its own predictions on the frame."""

import json

import numpy as np
import pytest

from model_serving.formats import ModelFile
from model_serving.serving.errors import StartError
from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check
from tests.formats.answers import assert_classes, assert_close, both_ways, predict, refused, settings_of
from tests.formats.files import arrays

pytestmark = pytest.mark.skops

NAMES = (
    *('OneHot', 'OneHotStrict', 'OneHotMissing', 'Ordinal', 'Target', 'Common', 'Mixed', 'MixedForest', 'Bins'),
    *('Passed', 'Selector', 'Inside', 'Categories', 'Numbers', 'Pandas', 'Wrapped', 'Voting'),
)
SEA = {'properties': {'sea': {'type': 'boolean'}}}
SCHEMAS = dict.fromkeys(('Mixed', 'MixedForest', 'Passed', 'Selector', 'Categories', 'Wrapped', 'Voting'), SEA)
# Columns of the frame that a model does not use.
UNUSED = {'Inside': ['sea', 'grade']}
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
    sent = instances_of(frame.drop(columns=UNUSED.get(name, [])))
    assert_close(both_ways(service, name, sent), model.predict(frame))


def test_the_categories_behind_an_imputer_are_known(service):
    schema = service.get('/openapi.json').json()['components']['schemas']['v1.Common.instance']
    assert schema['properties']['city'] == {
        'type': ['string', 'null'], 'examples': CITIES, 'description': 'Any other value counts as unknown.',
    }  # fmt: skip
    assert 'city' not in schema['required']


def test_an_unknown_category_is_unknown_to_the_encoder_or_refused(service, fitted, homes):
    model, columns = fitted['OneHot']
    frame = homes[0][columns][:1].assign(city='Rome', grade='z')
    assert_close([predict(service, 'OneHot', instances_of(frame)[0])], model.predict(frame))
    instance = {'zone': 40, 'sea': True, 'grade': 'a'}
    assert refused(service, 'OneHotStrict', instance) == 'zone: 40 is not one of [10, 20, 30]'


@pytest.fixture
def saved(tmp_path):
    """A function that fits a model, and returns it as it is served from its file."""
    from skops.io import dump, get_untrusted_types

    def save(model, *data, **settings):
        dump(model.fit(*data), tmp_path / 'model.skops')
        trusted = get_untrusted_types(file=tmp_path / 'model.skops')
        return ModelFile(settings_of(tmp_path / 'model.skops', trusted=trusted, **settings))

    return save


def ready(file):
    """Return the model of a file, its schema and that of its results, when it has passed its start."""
    model = file()
    return model, *file.schemas()


def test_missing_texts_are_what_the_steps_call_missing(saved):
    import pandas
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pandas.DataFrame({'a': pandas.Series(['x', None, 'y', 'x', 'y', None], dtype=object)})
    for steps in ([OneHotEncoder()], [SimpleImputer(missing_values=None, strategy='most_frequent'), OneHotEncoder()]):
        pipeline = make_pipeline(*steps, LinearRegression())
        model, schema, _ = ready(saved(pipeline, frame, range(6)))
        assert 'a' not in schema['required']
        assert_close(model.predict([{'a': 'x'}, {'a': None}, {}, {'a': 'y'}]), pipeline.predict(frame)[[0, 1, 1, 2]])


def test_an_array_of_texts_and_numbers_has_a_value_for_each_column(saved):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = np.array([['a', 1], ['b', 2], ['a', 3], ['b', 3]], dtype=object)
    pipeline = make_pipeline(OneHotEncoder(), LogisticRegression())
    model, schema, result_schema = ready(saved(pipeline, rows, ['red', 'blue', 'blue', 'red']))
    assert schema['properties'] == {
        'x0': {'type': 'string', 'enum': ['a', 'b']}, 'x1': {'type': 'number', 'enum': [1, 2, 3]},
    }  # fmt: skip
    assert result_schema['properties']['label'] == {'enum': ['blue', 'red']}
    results = model.predict([{'x0': text, 'x1': number} for text, number in rows])
    assert_classes(results, pipeline.predict(rows), pipeline.predict_proba(rows))


def test_several_outputs_have_names(saved):
    from sklearn.linear_model import LinearRegression
    from sklearn.multioutput import MultiOutputClassifier
    from sklearn.tree import DecisionTreeClassifier

    rows = np.arange(12.0).reshape(6, 2)
    regression = LinearRegression()
    model, _, result_schema = ready(saved(regression, rows, rows * 2, outputs={'price': 'output_1'}))
    assert list(result_schema['properties']) == ['output_0', 'price']
    results = model.predict(arrays(rows))
    assert_close([list(result.values()) for result in results], regression.predict(rows))
    labels = np.array([['a', 'x'], ['b', 'y']] * 3)
    classifier = MultiOutputClassifier(DecisionTreeClassifier(random_state=0))
    model, *_ = ready(saved(classifier, rows, labels))
    assert [list(result.values()) for result in model.predict(arrays(rows))] == classifier.predict(rows).tolist()
    with pytest.raises(
        StartError, match=r'\[outputs\] price = z: the file has no such name. There are: output_0, output_1'
    ):
        ready(saved(regression, rows, rows * 2, outputs={'price': 'z'}))
    # A single one is a number, of whatever shape the targets were.
    model, _, result_schema = ready(saved(regression, rows, rows[:, :1]))
    assert result_schema == {'type': ['number', 'null']}
    assert_close(model.predict(arrays(rows)), rows[:, 0])


def test_what_no_step_tells_is_told_by_the_schema_of_the_user(saved, tmp_path):
    import pandas
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    frame = pandas.DataFrame({'review': ['a good film', 'a bad film', 'good music']})
    pipeline = make_pipeline(FunctionTransformer(np.ravel), TfidfVectorizer(), LinearRegression())
    with pytest.raises(StartError, match='It can also give the types of review, which the model file does not tell'):
        ready(saved(pipeline, frame, [5, 1, 4]))
    schema = tmp_path / 'review.schema.json'
    schema.write_text('{"properties": {"review": {"type": "string"}}}')
    model, *_ = ready(saved(pipeline, frame, [5, 1, 4], schema=schema))
    assert_close(model.predict([{'review': text} for text in frame.review]), pipeline.predict(frame))


def test_a_step_that_takes_lists_is_refused(saved):
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    columns = make_column_transformer((FeatureHasher(4, input_type='string'), 'words'))
    frame = pandas.DataFrame({'words': [['a', 'b'], ['a'], ['c']]})
    with pytest.raises(
        StartError, match='its column words goes into a step that takes lists or objects, which is not served'
    ):
        saved(make_pipeline(columns, LinearRegression()), frame, [1, 2, 3])()


def test_columns_are_followed_through_one_transformer_into_the_next_step(saved):
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    random = np.random.default_rng(0)
    frame = pandas.DataFrame({'rooms': random.integers(1, 4, 90), 'city': random.choice(CITIES, 90)})
    price = frame.rooms + (frame.city == 'Paris') * 5.0
    filled = [(SimpleImputer(strategy='most_frequent'), [name]) for name in ('city', 'rooms')]
    encoder = OneHotEncoder(handle_unknown='ignore')
    by_position = make_column_transformer((StandardScaler(), [1]), remainder='passthrough')
    ordinal = make_column_transformer((OrdinalEncoder(), ['city']), remainder='passthrough')
    for steps in (
        [make_column_transformer(*filled), encoder, LinearRegression()],
        [make_column_transformer(*reversed(filled)), encoder, LinearRegression()],
        [make_column_transformer((encoder, ['city']), remainder='passthrough'), by_position, LinearRegression()],
        [ordinal, HistGradientBoostingRegressor(max_iter=5, categorical_features=[0])],
        [
            make_column_transformer((OneHotEncoder(), slice('city', 'city')), remainder='passthrough'),
            LinearRegression(),
        ],
    ):
        pipeline = make_pipeline(*steps)
        model, schema, _ = ready(saved(pipeline, frame, price))
        kinds = [str(schema['properties'][name]['type']) for name in ('rooms', 'city')]
        assert ('number' in kinds[0], 'string' in kinds[1]) == (True, True)
        assert_close(model.predict(instances_of(frame[:20])), pipeline.predict(frame[:20]))


def test_large_whole_numbers_stay_apart(saved):
    import pandas
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pandas.DataFrame({'id': [2**53, 2**53 + 1] * 4})
    pipeline = make_pipeline(OneHotEncoder(), LinearRegression())
    model, *_ = ready(saved(pipeline, frame, [0.0, 10.0] * 4))
    assert_close(model.predict(instances_of(frame[:2])), [0, 10])


def test_texts_go_into_every_vectorizer_of_a_model(saved):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    texts, kinds = ['red wine', 'white wine', 'red car', 'white car'] * 3, ['drink', 'drink', 'car', 'car'] * 3
    for classifier in (
        make_pipeline(make_union(TfidfVectorizer(), CountVectorizer()), LogisticRegression()),
        CalibratedClassifierCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), cv=2),
    ):
        model, *_ = ready(saved(classifier, texts, kinds))
        results = model.predict([{'text': text} for text in texts[:4]])
        assert_classes(results, classifier.predict(texts[:4]), classifier.predict_proba(texts[:4]))


def test_what_can_not_predict_is_refused_with_the_reason(saved):
    from sklearn.cluster import DBSCAN

    with pytest.raises(StartError, match='a DBSCAN has neither predict nor transform for new data'):
        saved(DBSCAN(), np.arange(12.0).reshape(6, 2))()


@pytest.mark.parametrize('with_zip_map', [False, True])
@pytest.mark.parametrize('classes', [[1, 2, 3], ['a', 'b', 'c']], ids=['numbers', 'texts'])
def test_an_ensemble_in_onnx_has_its_own_classes_and_not_those_of_its_parts(tmp_path, classes, with_zip_map):
    from skl2onnx import to_onnx
    from sklearn.ensemble import BaggingClassifier, StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    random = np.random.default_rng(0)
    rows = random.normal(size=(120, 4)).astype(np.float32)
    labels = np.array(classes)[np.digitize(rows[:, 0] + rows[:, 1], [-0.5, 0.8])]
    parts = [('a', LogisticRegression()), ('b', DecisionTreeClassifier(max_depth=3, random_state=0))]
    for ensemble in (StackingClassifier(parts), BaggingClassifier(LogisticRegression(), 5, random_state=0)):
        ensemble.fit(rows, labels)
        file = to_onnx(ensemble, rows[:1], options={id(ensemble): {'zipmap': with_zip_map}}, target_opset=17)
        (tmp_path / 'net.onnx').write_bytes(file.SerializeToString())
        model, _, result_schema = ready(ModelFile(settings_of(tmp_path / 'net.onnx')))
        results = model.predict(arrays(rows[:20], 'X'))
        assert_classes(results, ensemble.predict(rows[:20]), ensemble.predict_proba(rows[:20]))
        assert result_schema['properties']['label'] == {'enum': classes}


def test_every_protocol_gives_the_same_numbers(service):
    assert sum(check(service, protocol) for protocol in PROTOCOLS)
