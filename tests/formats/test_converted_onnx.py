"""scikit-learn's models, converted by skl2onnx and served from a few lines of conf: scikit-learn's own predictions."""

import numpy as np
import pytest

from tests.formats.answers import both_ways, of_classes

pytestmark = pytest.mark.skops

LINES = ['a light red wine', 'a heavy red wine', 'a dry white wine', 'a sweet white wine', 'rain', 'snow', 'red snow']
KINDS = ['red', 'red', 'white', 'white', 'weather', 'weather', 'weather']


def close(results, expected):
    return np.array(results) == pytest.approx(np.array(expected), rel=1e-5, abs=1e-6)


@pytest.fixture(scope='module')
def models(split):
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
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, names)
    table, column = FloatTensorType([None, 13]), FloatTensorType([None, 1])
    encoder = ColumnTransformer([('name', OneHotEncoder(), [0]), ('numbers', StandardScaler(), [1])])
    mixed = np.array([[name, row[0]] for name, row in zip(names, rows, strict=True)], dtype=object)
    return {
        'ZipMap': (classifier, [('x', table)], {}),
        'NoZipMap': (classifier, [('x', table)], {'zipmap': False}),
        'Numbers': (LogisticRegression(max_iter=5000).fit(rows, target), [('x', table)], {'zipmap': False}),
        'Forest': (RandomForestRegressor(20, random_state=0).fit(rows, rows[:, 0]), [('x', table)], None),
        'Text': (
            # Small letters would need a locale of the system.
            make_pipeline(TfidfVectorizer(lowercase=False), LogisticRegression()).fit(LINES, KINDS),
            [('text', StringTensorType([None, 1]))],
            {'zipmap': False},
        ),
        'Mixed': (
            make_pipeline(encoder, LinearRegression()).fit(mixed, rows[:, 12]),
            [('name', StringTensorType([None, 1])), ('alcohol', column)],
            None,
        ),
    }


@pytest.fixture(scope='module')
def service(serve, models, tmp_path_factory):
    from skl2onnx import to_onnx

    folder = tmp_path_factory.mktemp('converted files')
    for name, (model, types, options) in models.items():
        options = None if options is None else {id(model): options}
        converted = to_onnx(model, initial_types=types, options=options, target_opset=17)
        (folder / f'{name}.onnx').write_bytes(converted.SerializeToString())
    return serve({name: (folder / f'{name}.onnx', '') for name in models})


@pytest.mark.parametrize('name', ['ZipMap', 'NoZipMap', 'Numbers'])
def test_a_classifier(service, models, split, name):
    model, *_ = models[name]
    *_, heldout = split('wine')
    heldout = heldout.astype(np.float32)
    results = both_ways(service, name, [{'x': row.tolist()} for row in heldout])
    labels, probabilities = of_classes(results)
    assert labels == model.predict(heldout).tolist()
    assert list(results[0]['probabilities']) == [str(name) for name in model.classes_]
    assert np.array(probabilities) == pytest.approx(model.predict_proba(heldout), abs=2e-5)
    # It was warmed up, its labels of one of NumPy's less usual integer types or not.
    assert 'not JSON serializable' not in service.log


def test_a_regression(service, models, split):
    *_, heldout = split('wine')
    heldout = heldout.astype(np.float32)
    results = both_ways(service, 'Forest', [{'x': row.tolist()} for row in heldout])
    assert close([result['variable'] for result in results], models['Forest'][0].predict(heldout))


def test_a_text(service, models):
    labels, probabilities = of_classes(both_ways(service, 'Text', [{'text': line} for line in LINES]))
    assert labels == models['Text'][0].predict(LINES).tolist()
    assert close(probabilities, models['Text'][0].predict_proba(LINES))


def test_inputs_of_several_types(service, models):
    rows = [(name, alcohol) for name in ('first', 'second', 'third') for alcohol in (11.5, 13.25)]
    results = both_ways(service, 'Mixed', [{'name': name, 'alcohol': alcohol} for name, alcohol in rows])
    expected = models['Mixed'][0].predict(np.array(rows, dtype=object))
    assert close([result['variable'] for result in results], expected)
