"""Strategies of Hypothesis for pipelines of scikit-learn, and for the data frames that they are fitted on."""

import numpy as np
from hypothesis import strategies as st

ROWS = 40
TEXTS = ['text', 'text or NaN', 'text or None', 'str', 'str or NaN', 'category', 'category or NaN']
KINDS = [*TEXTS, 'number', 'number or NaN', 'whole', 'flag', 'grade']


def column(kind, random):
    """Return a column of a frame, in a fifth of whose rows a value is missing if the kind says so."""
    import pandas

    if kind == 'flag':
        return random.random(ROWS) < 0.5
    if kind in ('whole', 'grade'):
        return pandas.Series(random.integers(0, 4, ROWS), dtype='category' if kind == 'grade' else int)
    is_missing = (random.random(ROWS) < 0.2) & (' or ' in kind)
    if kind not in TEXTS:
        return np.where(is_missing, np.nan, random.normal(size=ROWS).round(2))
    texts = random.choice(['red', 'green', '蓝'], ROWS).astype(object)
    texts[is_missing] = None if kind.endswith('None') else np.nan
    return pandas.Series(texts, dtype=object if kind.startswith('text') else kind.split()[0])


def encoders(draw):
    """Draw an encoder of categories."""
    from sklearn import preprocessing

    unknown = draw(st.sampled_from(['error', 'ignore', 'infrequent_if_exist']))
    return draw(
        st.sampled_from(
            [
                preprocessing.OneHotEncoder(handle_unknown=unknown, sparse_output=False),
                preprocessing.OneHotEncoder(handle_unknown=unknown, min_frequency=10, drop='first'),
                preprocessing.OrdinalEncoder(),
                preprocessing.OrdinalEncoder(
                    handle_unknown='use_encoded_value', unknown_value=-1, encoded_missing_value=-2
                ),
                preprocessing.OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=np.nan),
                preprocessing.TargetEncoder(cv=2),
            ]
        )
    )


def imputers(draw, is_text):
    """Draw what fills in missing values."""
    from sklearn.impute import SimpleImputer

    missing = draw(st.sampled_from([np.nan, np.nan, None])) if is_text else np.nan
    strategy = draw(st.sampled_from(['most_frequent', 'constant'] + ['mean', 'median'] * (not is_text)))
    return SimpleImputer(missing_values=missing, strategy=strategy, add_indicator=draw(st.booleans()) and not is_text)


def scalers(draw):
    """Draw a step for numbers."""
    from sklearn import preprocessing

    bins = preprocessing.KBinsDiscretizer(3, quantile_method='averaged_inverted_cdf')
    return draw(st.sampled_from([preprocessing.StandardScaler(), preprocessing.MinMaxScaler(), bins]))


def chains(draw, kind):
    """Return the steps that a column of this kind goes through, or 'passthrough'."""
    from sklearn.pipeline import make_pipeline

    is_text = kind in TEXTS
    steps = [imputers(draw, is_text)] if kind not in ('flag', 'grade') and draw(st.booleans()) else []
    if is_text or draw(st.integers(0, 3)) == 0:
        steps.append(encoders(draw))
    elif kind not in ('flag', 'grade') and draw(st.booleans()):
        steps.append(scalers(draw))
    return make_pipeline(*steps) if steps else 'passthrough'


def estimators(draw, is_classifier):
    """Draw the model that comes last."""
    from sklearn import ensemble, linear_model, tree

    kind = 'Classifier' if is_classifier else 'Regressor'
    options = {'random_state': 0}
    return draw(
        st.sampled_from(
            [
                linear_model.LogisticRegression() if is_classifier else linear_model.Ridge(),
                getattr(tree, f'DecisionTree{kind}')(max_depth=4, **options),
                getattr(ensemble, f'RandomForest{kind}')(3, max_depth=4, **options),
                getattr(ensemble, f'HistGradientBoosting{kind}')(max_iter=3, **options),
            ]
        )
    )


@st.composite
def pipelines(draw):
    """A pipeline, the frame that it is to be fitted on, and its target."""
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    random = np.random.default_rng(draw(st.integers(0, 999)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    frame = pandas.DataFrame({kind: column(kind, random) for kind in kinds})
    is_classifier = draw(st.booleans())
    target = random.choice(['no', 'yes', '也许'], ROWS) if is_classifier else random.normal(size=ROWS)
    estimator = estimators(draw, is_classifier)
    way = draw(st.sampled_from(['by columns', 'by columns', 'by columns', 'all alike', 'alone']))
    if way == 'alone':
        return estimator, frame, target
    if way == 'all alike':
        chain = chains(draw, kinds[0])
        return make_pipeline(chain, estimator), frame, target
    parts = [(kind, chains(draw, kind), [kind if draw(st.booleans()) else place]) for place, kind in enumerate(kinds)]
    rest = draw(st.sampled_from(['drop', 'passthrough']))
    used = parts[: draw(st.integers(1, len(parts)))]
    return make_pipeline(ColumnTransformer(used, remainder=rest), estimator), frame, target
