"""Follows the columns of a table through the fitted steps of a scikit-learn pipeline."""

from typing import NamedTuple

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags


class Step(NamedTuple):
    """A fitted step that a column goes through, and which of the step's columns it is; None if nobody knows."""

    estimator: object
    position: int | None


def steps_of(model) -> list:
    """Return the estimators of a pipeline, nested pipelines included; a single estimator is the only step."""
    if not isinstance(model, Pipeline):
        return [model]
    return [one for _, step in model.steps if step not in (None, 'passthrough') for one in steps_of(step)]


def takes_texts(model) -> bool:
    """Tell whether the first step of a model, or of the models in it, takes a list of texts."""
    first = steps_of(model)[0]
    inner = [one for _, one in getattr(first, 'transformer_list', ())] or _wrapped(first)
    inner = [one for one in inner if not isinstance(one, str)]
    if inner:
        return takes_texts(inner[0])
    tags = get_tags(first).input_tags
    return tags.string and not tags.two_d_array


def follow(steps, columns, in_order=True) -> tuple[list, list, bool]:
    """Follow columns, each a name and the steps that it has gone through.

    Returns those that have ended in a step from which others come, those that come out, and whether these are in order:
    nothing else is among them, so that the next step has them at the same positions.
    """
    ended = []
    for step in steps:
        parts = _parts(step, columns, in_order)
        if parts is None:
            columns = [(name, [*path, Step(step, n if in_order else None)]) for n, (name, path) in enumerate(columns)]
            dropped = _dropped(step) if _comes_out(step) else range(len(columns))
            ended += [column for position, column in enumerate(columns) if position in dropped]
            columns = [column for position, column in enumerate(columns) if position not in dropped]
            in_order = in_order and _comes_out(step)
        else:
            followed = [follow(inner, chosen, in_order) for inner, chosen in parts]
            ended += [column for part, _, _ in followed for column in part]
            columns = [column for _, part, _ in followed for column in part]
            in_order = all(is_so for *_, is_so in followed)
    return ended, columns, in_order


def _comes_out(step):
    """Tell whether a step returns the columns that it takes, in their order."""
    return (isinstance(step, OneToOneFeatureMixin) or is_imputer(step)) and not getattr(step, 'add_indicator', False)


def _dropped(step):
    """Return the positions of the columns that an imputer drops: no value was there to learn from."""
    statistics = getattr(step, 'statistics_', None)
    if statistics is None or getattr(step, 'keep_empty_features', False):
        return set()
    return {position for position, value in enumerate(statistics.tolist()) if value != value}


def _parts(step, columns, in_order):
    """Return the steps inside of one that hands its columns on to several, each with its columns; None for others."""
    if isinstance(step, FeatureUnion):
        return [([] if passes(one) else steps_of(one), columns) for _, one in step.transformer_list if one != 'drop']
    # The way in which HistGradientBoosting handles categories; without it, there are none.
    transformer = getattr(step, '_preprocessor', None) or step
    if not hasattr(transformer, 'transformers_'):
        return [(steps_of(one), columns) for one in _wrapped(step)] or None
    if not in_order or len(columns) != transformer.n_features_in_:
        return None
    chosen = [
        (one, which) for _, one, which in transformer.transformers_ if not (isinstance(one, str) and one == 'drop')
    ]
    try:
        return [([] if passes(one) else steps_of(one), _chosen(which, columns)) for one, which in chosen]
    # It selects by names that the steps before it have made.
    except ValueError:
        return None


def _wrapped(step):
    """Return the fitted estimators inside of one that passes its whole input on to them."""
    if hasattr(step, 'calibrated_classifiers_'):
        return [one.estimator for one in step.calibrated_classifiers_]
    if isinstance(getattr(step, 'estimators_', None), list):
        # Trees take numbers only, and there are many.
        return [
            one for one in step.estimators_ if not hasattr(one, 'tree_') and not hasattr(step, 'estimators_features_')
        ]
    if hasattr(step, 'transform') or hasattr(step, 'estimators_'):
        return []
    return [getattr(step, name) for name in ('regressor_', 'estimator_', 'best_estimator_') if hasattr(step, name)]


def passes(step) -> bool:
    """Tell whether a step of a ColumnTransformer hands on what it is given: 'passthrough', or a function."""
    return isinstance(step, str) or type(step).__name__ == 'FunctionTransformer'


def _chosen(chosen, columns):
    """Return the columns that a ColumnTransformer selects, by names, positions, a slice or a mask."""
    names = [name for name, _ in columns]
    if isinstance(chosen, (str, int)):
        chosen = [chosen]
    if isinstance(chosen, slice) and isinstance(chosen.start or chosen.stop, str):
        start = 0 if chosen.start is None else names.index(chosen.start)
        # Of names, the last one is included.
        return columns[start : None if chosen.stop is None else names.index(chosen.stop) + 1]
    if not isinstance(chosen, slice) and len(chosen) and isinstance(chosen[0], str):
        return [columns[names.index(name)] for name in chosen]
    return [columns[position] for position in np.arange(len(columns))[chosen]]


def is_imputer(step) -> bool:
    """Tell whether a step fills in missing values."""
    return type(step).__name__.endswith('Imputer')


def is_of_scikit_learn(step) -> bool:
    """Tell whether a step is scikit-learn's own, and calls no function of the user's."""
    return type(step).__module__.startswith('sklearn.') and type(step).__name__ != 'FunctionTransformer'
