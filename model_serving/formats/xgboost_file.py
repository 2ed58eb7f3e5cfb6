"""XGBoost models as .ubj or .json, run by the package xgboost-cpu, or xgboost."""

import json

import xgboost

from ..utils.cpu_utils import numeric_threads
from .schemas import classifier_schema, instance_schema, result_value_schema
from .tensors import booster_results, table

# Loading starts OpenMP's threads. A fork would lose them, and a worker would wait for them for ever.
LOAD_BEFORE_FORK = False
# Objectives whose predictions are probabilities of classes.
PROBABILITIES = {'binary:logistic', 'multi:softprob'}
CATEGORY = {'type': ['integer', 'null'], 'minimum': 0, 'description': "The category's number"}


def load(path, settings) -> 'XGBoostModel':
    """Return the model; raises xgboost.core.XGBoostError for a file that can't be read."""
    return XGBoostModel(path)


class XGBoostModel:
    """A booster. A missing value (null) becomes NaN. Classes are numbers, because the file has no names for them."""

    def __init__(self, path):
        self._booster = xgboost.Booster(model_file=path)
        self._booster.set_param({'nthread': numeric_threads()})
        learner = json.loads(self._booster.save_config())['learner']
        self._input = table(self._booster.feature_names, self._booster.num_features(), 'float32', nullable=True)
        self._in_place = learner['gradient_booster']['name'] != 'gblinear'
        best = self._booster.attr('best_iteration')
        self._iterations = (0, int(best) + 1) if best else (0, 0)
        self._classes = None
        if learner['objective']['name'] in PROBABILITIES:
            self._classes = range(max(2, int(learner['learner_model_param']['num_class'])))
        self.schema = instance_schema(self._properties())
        self.result_schema = classifier_schema(self._classes) if self._classes else _number_schema(learner)

    def predict(self, instances: list) -> list:
        """Return `{'label', 'probabilities'}` of a classifier, else a number or an array, for each instance."""
        data = self._input.stack(instances)
        if self._in_place:
            predictions = self._booster.inplace_predict(data, iteration_range=self._iterations, validate_features=False)
        else:
            predictions = self._booster.predict(
                xgboost.DMatrix(data), iteration_range=self._iterations, validate_features=False
            )
        return booster_results(predictions, self._classes)

    def _properties(self):
        properties = self._input.properties
        types = dict(zip(self._booster.feature_names or (), self._booster.feature_types or (), strict=False))
        return {name: CATEGORY if types.get(name) == 'c' else schema for name, schema in properties.items()}


def _number_schema(learner):
    number = result_value_schema('float32')
    targets = learner['learner_model_param'].get('num_target', '1')
    return number if targets == '1' else {'type': 'array', 'items': number}
