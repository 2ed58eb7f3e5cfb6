"""scikit-learn's models as skops files, trained here on its own data, served from a few lines of conf."""

import zipfile

import numpy as np
import pytest

from tests.formats.answers import SETTINGS, advice_of, both_ways, instances_of, of_classes, problem

pytestmark = pytest.mark.skops

MIXED = ['alcohol', 'hue', 'cultivar']


def close(results, expected):
    return np.array(results) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-7)


@pytest.fixture(scope='module')
def texts():
    """Lines of three descriptions, and which one each is of: `(lines, names, lines held out)`."""
    from sklearn import datasets

    lines, names = [], []
    for name in ('breast_cancer', 'diabetes', 'wine'):
        for line in getattr(datasets, f'load_{name}')().DESCR.splitlines():
            if len(line) > 30:
                lines.append(line)
                names.append(name)
    return lines, names, lines[::5]


@pytest.fixture(scope='module')
def wines():
    """A data frame of two numbers and a text, some numbers missing, and another number to tell from them."""
    from sklearn.datasets import load_wine

    bunch = load_wine(as_frame=True)
    frame = bunch.data[['alcohol', 'hue', 'ash']].copy()
    frame['cultivar'] = [f'cultivar {number + 1}' for number in bunch.target]
    frame.loc[::7, 'hue'] = np.nan
    return frame, bunch.data['proline']


@pytest.fixture(scope='module')
def models(split, texts, wines):
    from sklearn.cluster import KMeans
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import LinearSVC

    _, rows, target, _ = split('wine')
    names = np.array(['first', 'second', 'third'])[target]
    _, few, disease, _ = split('diabetes')
    frame, proline = wines
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([('numbers', numbers, MIXED[:2]), ('names', OneHotEncoder(), ['cultivar'])])
    return {
        'Table': make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, names),
        'Forest': RandomForestClassifier(20, random_state=0).fit(rows, target),
        'Margin': make_pipeline(StandardScaler(), LinearSVC()).fit(rows, names),
        'Missing': HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(few, disease),
        'Text': make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(*texts[:2]),
        'Frame': make_pipeline(columns, LinearRegression()).fit(frame, proline),
        'Named': LinearRegression().fit(frame[['alcohol', 'ash']], proline),
        'Groups': KMeans(3, random_state=0, n_init=1).fit(rows),
        'Axes': PCA(2).fit(rows),
    }


@pytest.fixture(scope='module')
def folder(models, tmp_path_factory):
    import skops.io

    folder = tmp_path_factory.mktemp('skops files')
    for name, model in models.items():
        skops.io.dump(model, folder / f'{name}.skops')
    return folder


@pytest.fixture(scope='module')
def service(serve, models, folder):
    import sklearn
    import skops.io

    def lines(name):
        types = skops.io.get_untrusted_types(file=folder / f'{name}.skops')
        return f'trusted = {", ".join(types)}' if types else ''

    rewrite(folder / 'Named.skops', folder / 'Older.skops', sklearn.__version__, '1.2.0')
    return serve({name: (folder / f'{name}.skops', lines(name)) for name in [*models, 'Older']})


def rewrite(path, other, text, by):
    """Write another skops file, in which one text of the schema is replaced."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            assert name != 'schema.json' or text in content.decode()
            target.writestr(name, content.decode().replace(text, by) if name == 'schema.json' else content)


def arrays(rows):
    return [{'x': row.tolist()} for row in rows]


@pytest.mark.parametrize('name', ['Table', 'Forest'])
def test_a_classifier_with_probabilities(service, models, split, name):
    *_, heldout = split('wine')
    results = both_ways(service, name, arrays(heldout))
    labels, probabilities = of_classes(results)
    assert labels == models[name].predict(heldout).tolist()
    assert close(probabilities, models[name].predict_proba(heldout))
    assert list(results[0]['probabilities']) == [str(name) for name in models[name].classes_]


def test_a_classifier_without_probabilities(service, models, split):
    *_, heldout = split('wine')
    labels = [result['label'] for result in both_ways(service, 'Margin', arrays(heldout))]
    assert labels == models['Margin'].predict(heldout).tolist()


def test_a_text(service, models, texts):
    *_, heldout = texts
    labels, probabilities = of_classes(both_ways(service, 'Text', [{'text': line} for line in heldout]))
    assert labels == models['Text'].predict(heldout).tolist()
    assert close(probabilities, models['Text'].predict_proba(heldout))
    answer = service.post('/v1/Text', json={'text': 1})
    assert (answer.status_code, answer.json()['message']) == (400, "text: 1 is not of type 'string'")


def test_missing_values(service, models, split):
    *_, heldout = split('diabetes')
    assert np.isnan(heldout).any()
    instances = [{'x': [None if np.isnan(value) else value for value in row]} for row in heldout.tolist()]
    assert close(both_ways(service, 'Missing', instances), models['Missing'].predict(heldout))


def test_a_null_where_the_model_does_not_take_it(service):
    answer = service.post('/v1/Table', json={'x': [None] + [1] * 12})
    assert (answer.status_code, answer.json()['message']) == (400, "x[0]: None is not of type 'number'")


def test_a_pipeline_that_picks_columns_of_a_data_frame(service, models, wines):
    frame, _ = wines
    instances = [
        {name: None if value != value else value for name, value in zip(MIXED, row, strict=True)}
        for row in frame[MIXED].itertuples(index=False)
    ][:40]
    assert any(instance['hue'] is None for instance in instances)
    assert close(both_ways(service, 'Frame', instances), models['Frame'].predict(frame[:40]))
    answer = service.post('/v1/Frame', json={**instances[1], 'cultivar': 'cultivar 4'})
    assert answer.status_code == 400
    assert answer.json()['message'] == (
        "cultivar: 'cultivar 4' is not one of ['cultivar 1', 'cultivar 2', 'cultivar 3']"
    )


def test_feature_names_of_a_data_frame(service, models, wines):
    names = ['alcohol', 'ash']
    frame = wines[0][names][:20]
    assert close(both_ways(service, 'Named', instances_of(names, frame.to_numpy())), models['Named'].predict(frame))
    answer = service.post('/v1/Named', json={'ash': 2})
    assert (answer.status_code, answer.json()['message']) == (400, "'alcohol' is a required property")


def test_what_has_no_classes_or_only_transforms(service, models, split):
    *_, heldout = split('wine')
    assert both_ways(service, 'Groups', arrays(heldout)) == models['Groups'].predict(heldout).tolist()
    assert close(both_ways(service, 'Axes', arrays(heldout)), models['Axes'].transform(heldout))


def test_a_wrong_width_and_a_text(service):
    answer = service.post('/v1/Table', json={'x': [1] * 12})
    assert (answer.status_code, answer.json()['errors'][0]['path']) == (400, 'x')
    answer = service.post('/v1/Table', json={'x': [1] * 12 + ['1']})
    assert (answer.status_code, answer.json()['message']) == (400, "x[12]: '1' is not of type 'number'")


def test_it_is_loaded_once_for_all_workers(service):
    line = next(line for line in service.log.splitlines() if '/v1/Table ' in line)
    assert 'Table.skops, ' in line
    assert 'Warning' not in service.log


def test_a_refusal_lists_the_types_to_trust(refusal, service, folder):
    message = refusal(folder / 'Forest.skops', 'trusted = numpy.dtype')
    assert 'Forest.skops: it holds types that are loaded only if you trust the file' in message
    types = message.partition('trusted = ')[2]
    assert 'sklearn.tree._tree.Tree' in types
    # What it lists is enough.
    assert 'could not be loaded' not in refusal(folder / 'Forest.skops', f'trusted = {types}\nschema = conf/none.json')


def test_a_truncated_file_ends_the_start_with_one_line(refusal, service, folder, tmp_path):
    whole = (folder / 'Table.skops').read_bytes()
    (tmp_path / 'half.skops').write_bytes(whole[: len(whole) // 2])
    assert 'half.skops is damaged, or it is not a skops file' in refusal(tmp_path / 'half.skops')


def test_a_file_of_another_version(refusal, service, folder, tmp_path):
    assert 'Older.skops: Trying to unpickle estimator LinearRegression from version 1.2.0 when using' in service.log
    rewrite(folder / 'Named.skops', tmp_path / 'newer.skops', '"protocol": 2', '"protocol": 99')
    assert 'saved with skops protocol 99' in refusal(tmp_path / 'newer.skops')


@pytest.mark.parametrize(
    ('name', 'options', 'what'),
    [
        ('model.joblib', {}, 'a joblib file'),
        ('model.joblib', {'compress': 3}, 'a joblib file'),
        ('model.pkl', {}, 'a pickle'),
        ('model.onnx', {}, 'a pickle'),
    ],
)
def test_a_joblib_file_is_never_loaded_and_the_advice_converts_it(
    tmp_path, monkeypatch, models, split, name, options, what
):
    import joblib

    from model_serving.formats import ModelFile

    *_, heldout = split('wine')
    joblib.dump(models['Table'], tmp_path / name, **options)
    message = problem(tmp_path / name)
    assert f'{name} is {what}: loading it may run any code, so it is never loaded' in message
    monkeypatch.chdir(tmp_path)
    exec(advice_of(message), {})
    loaded = ModelFile({**SETTINGS, 'file': str(tmp_path / 'model.skops')})()
    labels, _ = of_classes(loaded.predict(arrays(heldout)))
    assert labels == models['Table'].predict(heldout).tolist()
