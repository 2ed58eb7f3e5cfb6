"""Random pipelines of scikit-learn on random frames: a row gives what the pipeline gives for it, or it is refused."""

import warnings
from collections import Counter

import jsonschema_rs
import pytest
from hypothesis import assume, given, note, settings

from model_serving.formats import ModelFile
from model_serving.formats.batches import as_json
from model_serving.serving.errors import InvalidInstance, StartError
from tests.formats.answers import assert_classes, assert_close, settings_of
from tests.formats.random_pipelines import ROWS, pipelines

pytestmark = pytest.mark.skops


def instances_of(frame, schema) -> list:
    """Return an instance for each row, of the columns that the file asks for; null is a missing value."""
    properties = schema['properties']
    rows = frame[list(properties)].astype(object).where(frame[list(properties)].notna(), None)
    # The file does not tell that a number was a boolean.
    numbers = [name for name, one in properties.items() if one.get('type') in ('number', ['number', 'null'])]
    return [
        {name: int(value) if name in numbers and isinstance(value, bool) else value for name, value in row.items()}
        for row in rows.to_dict('records')
    ]


def is_fitted(model, frame, target) -> bool:
    """Fit a model; tell whether it takes this frame, and then predicts for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            model.fit(frame, target)
            model.predict(frame)
    except (ValueError, TypeError, ZeroDivisionError):
        return False
    return True


def compare(model, frame, path) -> str:
    """Compare what is served with the model's own predictions; return whether all rows are the same, or refused."""
    from skops.io import dump, get_untrusted_types

    dump(model, path)
    file = ModelFile(settings_of(path, trusted=get_untrusted_types(file=path)))
    try:
        served = file()
        schema, _ = file.schemas()
        instances = instances_of(frame, schema)
        fitting = [number for number, one in enumerate(instances) if jsonschema_rs.is_valid(schema, one)]
        results = as_json(served.predict([instances[number] for number in fitting])) if fitting else []
        alone = [as_json(served.predict([instances[number]])[0]) for number in fitting[:3]]
    except (StartError, InvalidInstance):
        return 'refused'
    expected = model.predict(frame)[fitting]
    for some in (results, alone):
        if hasattr(model, 'predict_proba'):
            assert_classes(some, expected[: len(some)], model.predict_proba(frame)[fitting][: len(some)])
        else:
            assert_close(some, expected[: len(some)])
    return 'the same' if len(fitting) == ROWS else 'refused'


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings('ignore:.*unknown categories')
def test_a_row_of_a_random_frame_gives_the_pipelines_own_prediction(tmp_path):
    # Their first import uses the global random numbers, which a strategy must not do.
    import pandas  # noqa: F401
    from sklearn import compose, ensemble, impute, linear_model, preprocessing, tree  # noqa: F401

    counts = Counter()

    @settings(max_examples=30, deadline=None)
    @given(pipeline=pipelines())
    def check(pipeline):
        model, frame, target = pipeline
        assume(is_fitted(model, frame, target))
        note(f'{model!r}\n{frame.head().to_string()}')
        counts[compare(model, frame, tmp_path / 'random.skops')] += 1

    check()
    assert counts['the same'] > 9 * counts['refused']


def test_none_that_an_imputer_of_nan_lets_through_is_a_category(tmp_path):
    import pandas
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    frame = pandas.DataFrame({'colour': pandas.Series(['red', None, 'green', 'red'] * (ROWS // 4), dtype=object)})
    model = make_pipeline(SimpleImputer(strategy='most_frequent'), OrdinalEncoder(), Ridge())
    assert is_fitted(model, frame, range(ROWS))
    assert compare(model, frame, tmp_path / 'colours.skops') == 'the same'


def test_a_number_beside_which_a_text_is_filled_in_stays_a_number(tmp_path):
    import pandas
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    frame = pandas.DataFrame({'colour': ['red', 'green'] * (ROWS // 2), 'zone': [1, 2, 3, 4] * (ROWS // 4)})
    model = make_pipeline(SimpleImputer(strategy='constant'), OrdinalEncoder(), Ridge())
    assert is_fitted(model, frame, range(ROWS))
    assert compare(model, frame, tmp_path / 'zones.skops') == 'the same'
