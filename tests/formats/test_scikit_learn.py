"""scikit-learn's models, trained here on its own data, as skops files and converted to ONNX: its own predictions."""

import zipfile

import numpy as np
import pytest

from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check
from tests.formats.answers import advice_of, assert_classes, assert_close, both_ways, loaded, problem, refused
from tests.formats.files import arrays, named, part_of, split

pytestmark = pytest.mark.skops

LINES = ['a light red wine', 'a heavy red wine', 'a dry white wine', 'a sweet white wine', 'rain', 'snow', 'red snow']
KINDS = ['red', 'red', 'white', 'white', 'weather', 'weather', 'weather']
CULTIVARS = ['cultivar 1', 'cultivar 2', 'cultivar 3']
# The models of the files of classifiers.
CLASSIFIERS = {'Table': 'Table', 'ZipMap': 'Table', 'NoZipMap': 'Table', 'Forest': 'Forest', 'Numbers': 'Forest'}
MIXED = ['alcohol', 'hue', 'cultivar']


@pytest.fixture(scope='module')
def wines():
    """A data frame of two numbers and a text, some numbers missing, and another number to tell from them."""
    from sklearn.datasets import load_wine

    bunch = load_wine(as_frame=True)
    frame = bunch.data[['alcohol', 'hue', 'ash']].copy()
    frame['cultivar'] = np.array(CULTIVARS)[bunch.target]
    frame.loc[::7, 'hue'] = np.nan
    return frame, bunch.data['proline']


@pytest.fixture(scope='module')
def models(wines):
    from sklearn import cluster, compose, decomposition, ensemble, impute, linear_model, preprocessing, svm
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    _, rows, target, _ = split('wine')
    names = np.array(['first', 'second', 'third'])[target]
    _, few, disease, _ = split('diabetes')
    frame, proline = wines
    numbers = make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    cultivar = preprocessing.OneHotEncoder()
    columns = compose.ColumnTransformer([('numbers', numbers, MIXED[:2]), ('names', cultivar, MIXED[2:])])
    return {
        'Table': make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(rows, names),
        'Forest': ensemble.RandomForestClassifier(20, random_state=0).fit(rows, target),
        'Margin': make_pipeline(preprocessing.StandardScaler(), svm.LinearSVC()).fit(rows, names),
        'Missing': ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(few, disease),
        # Small letters would need a locale of the system, once it is converted.
        'Text': make_pipeline(TfidfVectorizer(lowercase=False), linear_model.LogisticRegression()).fit(LINES, KINDS),
        'Frame': make_pipeline(columns, linear_model.LinearRegression()).fit(frame, proline),
        'Named': linear_model.LinearRegression().fit(frame[['alcohol', 'ash']], proline),
        'Groups': cluster.KMeans(3, random_state=0, n_init=1).fit(rows),
        'Axes': decomposition.PCA(2).fit(rows),
    }


@pytest.fixture(scope='module')
def folder(models, tmp_path_factory):
    import sklearn
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from skops.io import dump

    folder = tmp_path_factory.mktemp('files of scikit-learn')
    for name, model in models.items():
        dump(model, folder / f'{name}.skops')
    rewrite(folder / 'Named.skops', folder / 'Older.skops', sklearn.__version__, '1.2.0')
    wine, number, text = FloatTensorType([None, 13]), FloatTensorType([None, 1]), StringTensorType([None, 1])
    for name, converted, inputs, options in (
        ('Table', 'ZipMap', {'x': wine}, {'zipmap': True}),
        ('Table', 'NoZipMap', {'x': wine}, {'zipmap': False}),
        ('Forest', 'Numbers', {'x': wine}, {'zipmap': False}),
        ('Text', 'OnnxText', {'text': text}, {'zipmap': False}),
        ('Frame', 'OnnxFrame', {'alcohol': number, 'hue': number, 'cultivar': text}, {}),
    ):
        options = {id(models[name]): options} if options else None
        file = to_onnx(models[name], initial_types=list(inputs.items()), options=options, target_opset=17)
        (folder / f'{converted}.onnx').write_bytes(file.SerializeToString())
    return folder


def types_of(path):
    from skops.io import get_untrusted_types

    return get_untrusted_types(file=path) if path.suffix == '.skops' else []


@pytest.fixture(scope='module')
def service(serve, folder):
    paths = list(folder.iterdir())
    return serve({path.stem: f'file = {path}\ntrusted = {", ".join(types_of(path))}' for path in paths})


def rewrite(path, other, text, by):
    """Write another skops file, in which one text of the schema is replaced."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            assert name != 'schema.json' or text.encode() in content
            target.writestr(name, content.replace(text.encode(), by.encode()) if name == 'schema.json' else content)


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_a_classifier_with_probabilities(service, models, name):
    model = models[CLASSIFIERS[name]]
    heldout = split('wine').heldout.astype(np.float32)
    results = both_ways(service, name, arrays(heldout))
    assert_classes(results, model.predict(heldout), model.predict_proba(heldout))
    assert list(results[0]['probabilities']) == [str(name) for name in model.classes_]
    # It was warmed up, its labels of one of NumPy's less usual integer types or not.
    assert 'not JSON serializable' not in service.log
    assert 'Warning' not in service.log


def test_a_classifier_without_probabilities(service, models):
    heldout = split('wine').heldout
    labels = [result['label'] for result in both_ways(service, 'Margin', arrays(heldout))]
    assert labels == models['Margin'].predict(heldout).tolist()


@pytest.mark.parametrize('name', ['Text', 'OnnxText'])
def test_a_text(service, models, name):
    results = both_ways(service, name, [{'text': line} for line in LINES])
    assert_classes(results, models['Text'].predict(LINES), models['Text'].predict_proba(LINES))


@pytest.mark.parametrize('name, data', [('Missing', 'diabetes'), ('Groups', 'wine'), ('Axes', 'wine')])
def test_what_has_no_classes_misses_values_or_only_transforms(service, models, name, data):
    heldout = split(data).heldout
    assert np.isnan(heldout).any() == (name == 'Missing')
    predict = models[name].transform if name == 'Axes' else models[name].predict
    assert_close(both_ways(service, name, arrays(heldout)), predict(heldout))


def test_a_pipeline_that_picks_columns_of_a_data_frame(service, models, wines):
    frame = wines[0][:40]
    instances = named(MIXED, frame[MIXED].to_numpy())
    assert any(instance['hue'] is None for instance in instances)
    expected = models['Frame'].predict(frame).tolist()
    assert_close(both_ways(service, 'Frame', instances), expected)
    # Converted, it has no nulls.
    whole = [number for number, instance in enumerate(instances) if instance['hue'] is not None]
    results = both_ways(service, 'OnnxFrame', [instances[number] for number in whole])
    assert_close(results, [expected[number] for number in whole])


def test_feature_names_of_a_data_frame(service, models, wines):
    names = ['alcohol', 'ash']
    frame = wines[0][names][:20]
    assert_close(both_ways(service, 'Named', named(names, frame.to_numpy())), models['Named'].predict(frame))


@pytest.mark.parametrize(
    'name, instance, message',
    [
        ('Table', {'x': [1] * 12}, f'x: {[1] * 12} is too short'),
        ('Table', {'x': [1] * 12 + ['1']}, "x[12]: '1' is not of type 'number'"),
        ('Table', {'x': [None] + [1] * 12}, "x[0]: null is not of type 'number'"),
        ('Text', {'text': 1}, "text: 1 is not of type 'string'"),
        ('Named', {'ash': 2}, "'alcohol' is a required property"),
        ('Frame', {'alcohol': 12, 'hue': 1, 'cultivar': '4'}, f"cultivar: '4' is not one of {CULTIVARS}"),
    ],
)
def test_what_does_not_fit(service, name, instance, message):
    assert refused(service, name, instance) == message


def test_it_predicts_in_the_main_thread_of_every_worker(predict_in_main_threads, folder):
    path = folder / 'Missing.skops'
    predict_in_main_threads(path, {'x': [0.5] * 10}, types_of(path))


def test_a_refusal_lists_the_types_to_trust(refusal, folder):
    message = refusal(folder / 'Forest.skops', 'trusted = numpy.dtype')
    assert 'Forest.skops: it holds types that are loaded only if you trust the file' in message
    types = message.partition('trusted = ')[2]
    assert 'sklearn.tree._tree.Tree' in types
    # What it lists is enough.
    assert 'could not be loaded' not in refusal(folder / 'Forest.skops', f'trusted = {types}\nschema = conf/none.json')


def test_a_truncated_file_ends_the_start_with_one_line(refusal, folder, tmp_path):
    assert 'part.skops is damaged, or it is not a skops file' in refusal(part_of(folder / 'Table.skops', 0.5, tmp_path))


def test_a_file_of_another_version(refusal, service, folder, tmp_path):
    assert 'Older.skops: Trying to unpickle estimator LinearRegression from version 1.2.0 when using' in service.log
    rewrite(folder / 'Named.skops', tmp_path / 'newer.skops', '"protocol": 2', '"protocol": 99')
    assert 'saved with skops protocol 99' in refusal(tmp_path / 'newer.skops')


@pytest.mark.parametrize('name, compress', [('a.joblib', 0), ('a.joblib', 3), ('a.pkl', 0), ('a.onnx', 0)])
def test_a_joblib_file_is_never_loaded_and_the_advice_converts_it(tmp_path, monkeypatch, models, name, compress):
    import joblib

    joblib.dump(models['Table'], tmp_path / name, compress)
    message = problem(tmp_path / name)
    what = 'a joblib file' if name == 'a.joblib' else 'a pickle'
    assert f'{name} is {what}: loading it may run any code, so it is never loaded' in message
    monkeypatch.chdir(tmp_path)
    exec(advice_of(message), {})
    heldout = split('wine').heldout
    labels = [result['label'] for result in loaded(tmp_path / 'model.skops').predict(arrays(heldout))]
    assert labels == models['Table'].predict(heldout).tolist()


def test_every_protocol_gives_the_same_numbers(service):
    assert sum(check(service, protocol) for protocol in PROTOCOLS)
