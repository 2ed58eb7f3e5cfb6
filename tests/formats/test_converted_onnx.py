"""scikit-learn's models, converted by skl2onnx and served from a few lines of conf: scikit-learn's own predictions."""

import numpy as np
import pytest

from tests.formats.answers import arrays, assert_classes, assert_close, both_ways
from tests.formats.files import split

pytestmark = pytest.mark.skops

LINES = ['a light red wine', 'a heavy red wine', 'a dry white wine', 'a sweet white wine', 'rain', 'snow', 'red snow']
KINDS = ['red', 'red', 'white', 'white', 'weather', 'weather', 'weather']


@pytest.fixture(scope='module')
def models():
    """Models by name, each with the types of its inputs and the options of the conversion."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    _, rows, target, _ = split('wine')
    names = np.array(['first', 'second', 'third'])[target]
    mixed = np.column_stack([names.astype(object), rows[:, 0]])
    encoder = ColumnTransformer([('name', OneHotEncoder(), [0]), ('numbers', StandardScaler(), [1])])
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, names)
    numbers = LogisticRegression(max_iter=5000).fit(rows, target)
    forest = RandomForestRegressor(20, random_state=0).fit(rows, rows[:, 0])
    # Small letters would need a locale of the system.
    text = make_pipeline(TfidfVectorizer(lowercase=False), LogisticRegression()).fit(LINES, KINDS)
    mixture = make_pipeline(encoder, LinearRegression()).fit(mixed, rows[:, 12])
    wine, word = [('x', FloatTensorType([None, 13]))], StringTensorType([None, 1])
    return {
        'ZipMap': (classifier, wine, {}),
        'NoZipMap': (classifier, wine, {'zipmap': False}),
        'Numbers': (numbers, wine, {'zipmap': False}),
        'Forest': (forest, wine, None),
        'Text': (text, [('text', word)], {'zipmap': False}),
        'Mixed': (mixture, [('name', word), ('alcohol', FloatTensorType([None, 1]))], None),
    }


@pytest.fixture(scope='module')
def service(serve, models, tmp_path_factory):
    from skl2onnx import to_onnx

    folder = tmp_path_factory.mktemp('converted files')
    for name, (model, types, options) in models.items():
        options = None if options is None else {id(model): options}
        converted = to_onnx(model, initial_types=types, options=options, target_opset=17)
        (folder / f'{name}.onnx').write_bytes(converted.SerializeToString())
    return serve({name: f'file = {folder}/{name}.onnx' for name in models})


@pytest.fixture
def wines():
    return split('wine').heldout.astype(np.float32)


@pytest.mark.parametrize('name', ['ZipMap', 'NoZipMap', 'Numbers'])
def test_a_classifier(service, models, wines, name):
    model, *_ = models[name]
    results = both_ways(service, name, arrays(wines))
    assert_classes(results, model.predict(wines), model.predict_proba(wines))
    assert list(results[0]['probabilities']) == [str(name) for name in model.classes_]
    # It was warmed up, its labels of one of NumPy's less usual integer types or not.
    assert 'not JSON serializable' not in service.log


def test_a_regression(service, models, wines):
    results = both_ways(service, 'Forest', arrays(wines))
    assert_close([result['variable'] for result in results], models['Forest'][0].predict(wines))


def test_a_text(service, models):
    model, *_ = models['Text']
    results = both_ways(service, 'Text', [{'text': line} for line in LINES])
    assert_classes(results, model.predict(LINES), model.predict_proba(LINES))


def test_inputs_of_several_types(service, models):
    rows = [(name, alcohol) for name in ('first', 'second', 'third') for alcohol in (11.5, 13.25)]
    results = both_ways(service, 'Mixed', [{'name': name, 'alcohol': alcohol} for name, alcohol in rows])
    expected = models['Mixed'][0].predict(np.array(rows, dtype=object))
    assert_close([result['variable'] for result in results], expected)
