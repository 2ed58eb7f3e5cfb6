"""XGBoost models as .ubj or .json, run by the package xgboost-cpu, or xgboost."""

import json
from itertools import pairwise

import orjson
import xgboost

from ..serving.errors import StartError
from ..utils.cpu_utils import numeric_threads
from . import plausible
from .categories import Categories, Results, code_schema, with_columns
from .schemas import instance_schema
from .tensors import dtypes_of, table

# Loading starts OpenMP's threads. A fork would lose them, and a worker would wait for them for ever.
LOAD_BEFORE_FORK = False
# Objectives whose predictions are probabilities of classes, and those whose predictions are the numbers of classes.
PROBABILITIES = {'binary:logistic', 'multi:softprob'}
LABELS = {'binary:hinge', 'multi:softmax'}
# How many trees are read for what their features are like: the first ones split on those that matter.
MAX_TREES = 20
# XGBoost takes codes as float32, which cannot tell larger ones apart.
MAX_CODE = 2**24 - 1
NOT_ASCII = (
    'its categories of {!r} are not all ASCII, and XGBoost cuts such texts short when it saves them. '
    'Train it with ASCII texts, or with integers, as categories.'
)


def load(path, settings) -> 'XGBoostModel':
    """Return the model; raises StartError, or xgboost.core.XGBoostError for a file that can't be read."""
    return XGBoostModel(path)


class XGBoostModel:
    """A booster. A missing value (null) becomes NaN. Categories are the real ones if it was trained on a data frame."""

    def __init__(self, path):
        self._booster = xgboost.Booster(model_file=path)
        self._booster.set_param({'nthread': numeric_threads()})
        learner = json.loads(self._booster.save_config())['learner']
        self._input = table(self._booster.feature_names, self._booster.num_features(), 'float32', nullable=True)
        self._in_place = learner['gradient_booster']['name'] != 'gblinear'
        # As XGBoost itself: its scikit-learn interface stops at the best iteration, a booster uses all of its trees.
        best = self._booster.attr('best_iteration') if self._booster.attr('scikit_learn') else None
        self._iterations = (0, int(best) + 1) if best else (0, 0)
        known = _known_categories(self._booster)
        names = self._booster.feature_names or []
        # XGBoost fails on a category that it does not know.
        self._categories = Categories({names[position]: known[position] for position in known if names}, True)
        self.schema = instance_schema(self._properties(names, known))
        splits = _splits(self._booster, learner['gradient_booster']) if self._in_place else {}
        self.typical = plausible.by_name(self._input.properties, splits)
        self._results = _results(learner)
        self.result_schema = self._results.schema
        self.dtypes = dtypes_of([self._input]), {}

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}` of a classifier, else a number or several outputs."""
        data = self._input.stack(self._categories.encode(instances))
        if self._in_place:
            predictions = self._booster.inplace_predict(data, iteration_range=self._iterations, validate_features=False)
        else:
            predictions = self._booster.predict(
                xgboost.DMatrix(data), iteration_range=self._iterations, validate_features=False
            )
        return self._results.convert(predictions)

    def _properties(self, names, known):
        columns = {}
        for position in _categorical(self._booster):
            if names and position in known:
                columns[position] = self._categories.schemas[names[position]]
            else:
                columns[position] = code_schema(maximum=len(known[position]) - 1 if position in known else MAX_CODE)
        return with_columns(self._input.properties, columns)


def _categorical(booster):
    return [position for position, kind in enumerate(booster.feature_types or ()) if kind == 'c']


def _known_categories(booster):
    """Return the categories of columns by position; none for a booster that was trained on codes."""
    positions = _categorical(booster)
    if not positions:
        return {}
    # `Booster.get_categories` would need pyarrow to show them.
    trees = json.loads(booster.save_raw('json'))['learner']['gradient_booster']
    encodings = trees.get('gbtree', trees)['model'].get('cats', {}).get('enc')
    names = booster.feature_names or range(len(encodings or ()))
    return {position: _decoded(names[position], encodings[position]) for position in positions if encodings}


def _splits(booster, config):
    """Return the median thresholds of features, by position; none if a round alone has more trees than are read."""
    rounds = booster.num_boosted_rounds()
    count = int(config.get('gbtree', config)['gbtree_model_param']['num_trees'])
    chosen = min(rounds, MAX_TREES * rounds // max(count, 1))
    if not chosen:
        return {}
    booster = orjson.loads(booster[:chosen].save_raw('json'))['learner']['gradient_booster']
    features, thresholds = [], []
    for tree in booster.get('gbtree', booster)['model']['trees']:
        parts = zip(tree['left_children'], tree['split_type'], strict=True)
        numeric = [place for place, (child, kind) in enumerate(parts) if child >= 0 and kind == 0]
        features += [tree['split_indices'][place] for place in numeric]
        thresholds += [tree['split_conditions'][place] for place in numeric]
    return plausible.medians(features, thresholds)


def _decoded(name, encoding):
    """Return the categories of a column: numbers as they are, texts from their bytes; raises StartError."""
    if 'offsets' not in encoding:
        return encoding['values']
    # XGBoost counts letters where it should count bytes, so that whole letters get lost, and others look whole.
    if any(value < 0 for value in encoding['values']):
        raise StartError(NOT_ASCII.format(name))
    text, offsets = bytes(encoding['values']).decode('ascii'), encoding['offsets']
    return [text[start:end] for start, end in pairwise(offsets)]


def _results(learner):
    objective, parameters = learner['objective']['name'], learner['learner_model_param']
    targets, classes = int(parameters.get('num_target', 1)), int(parameters['num_class'])
    # A model of several yes-or-no targets has no classes to choose from.
    if objective in PROBABILITIES | LABELS and targets == 1:
        return Results(max(2, classes), objective in PROBABILITIES)
    return Results(outputs=max(targets, classes, 1))
