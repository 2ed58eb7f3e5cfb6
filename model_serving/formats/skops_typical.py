"""Reads from the fitted steps of a scikit-learn pipeline which values their columns had in training."""

import numpy as np

from .plausible import medians
from .skops_paths import is_imputer, is_of_scikit_learn

# Attributes that hold a value of each column, or rows of such values: the middle row is taken.
STATISTICS = (
    *('statistics_', 'mean_', 'center_', 'max_abs_', 'quantiles_'),
    *('cluster_centers_', 'centroids_', 'means_', 'theta_', 'support_vectors_'),
)
# How many trees are read, and about how many splits of each.
MAX_TREES, MAX_NODES = 50, 1_000


def typical_values(paths: dict) -> dict:
    """Return a value for each column whose steps tell one; `paths` are the steps that each column goes through.

    The first step of a path has seen the values as the client sends them; imputers change none.
    """
    known = {}
    found = {name: next((value for path in its for value in _along(path, known)), None) for name, its in paths.items()}
    return {name: value for name, value in found.items() if value is not None}


def _along(path, known):
    """Yield the values that the steps of a path have of its column; `known` are those of steps seen before."""
    for step, position in path:
        if id(step) not in known:
            known[id(step)] = _values(step)
        value = known[id(step)].get(position)
        # NaN is not equal to itself; None is what stands for a missing value.
        if isinstance(value, str | int | float) and value == value:
            yield value
        if not is_imputer(step):
            return


def _values(step):
    """Return what a fitted step tells of its columns, by position."""
    # A step of the user's own may mean something else by these names.
    if not is_of_scikit_learn(step) or getattr(step, 'strategy', None) == 'constant':
        return {}
    if hasattr(step, 'data_min_'):
        return dict(enumerate((step.data_min_ / 2 + step.data_max_ / 2).tolist()))
    for name in STATISTICS:
        rows = getattr(step, name, None)
        if isinstance(rows, np.ndarray) and rows.size and rows.shape[-1:] == (step.n_features_in_,):
            return dict(enumerate((rows if rows.ndim == 1 else rows[len(rows) // 2]).tolist()))
    splits = [(features, thresholds) for features, thresholds in _splits(step) if len(features)]
    return medians(*map(np.concatenate, zip(*splits, strict=True))) if splits else {}


def _splits(step):
    """Yield the features and the thresholds of the nodes of trees, of a tree or an ensemble of them."""
    # Of what each round of HistGradientBoosting has made, one tree is enough.
    for predictor, *_ in getattr(step, '_predictors', [])[:MAX_TREES]:
        nodes = predictor.nodes[(predictor.nodes['is_leaf'] == 0) & (predictor.nodes['is_categorical'] == 0)]
        yield nodes['feature_idx'], nodes['num_threshold']
    # An ensemble whose trees see a part of the columns counts only these.
    if hasattr(step, 'estimators_features_'):
        return
    inner = getattr(step, 'estimators_', [])
    inner = inner.ravel().tolist() if isinstance(inner, np.ndarray) else inner
    for tree in [step, *inner[:MAX_TREES]]:
        if hasattr(tree, 'tree_'):
            part = slice(None, None, 1 + tree.tree_.node_count // MAX_NODES)
            features, thresholds = tree.tree_.feature[part], tree.tree_.threshold[part]
            yield features[features >= 0], thresholds[features >= 0]
