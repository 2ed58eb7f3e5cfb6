"""scikit-learn models in the skops format, which loads only trusted types."""

import logging
import warnings

import numpy as np
import skops.io
from sklearn.utils import get_tags

from ..serving.errors import StartError
from ..utils.cpu_utils import numeric_threads
from .schemas import array_schema, classifier_schema, object_schema, result_value_schema
from .skops_columns import Frame, Texts, column_schemas, steps_of, takes_missing
from .tensors import labels_and_probabilities, rows, table

LOGGER = logging.getLogger('formats')
# Loading starts no threads. Predicting may start OpenMP's, as in HistGradientBoosting, and a fork would lose them.
LOAD_BEFORE_FORK = True
# Classifiers whose `predict` returns the class with the highest `predict_proba`, so that one call is enough.
LABEL_BY_PROBABILITY = {'RandomForestClassifier', 'ExtraTreesClassifier', 'BaggingClassifier'}


def load(path, settings) -> 'SkopsModel':
    """Return the model; raises StartError with the list of types that settings['trusted'] lacks."""
    untrusted = sorted(set(skops.io.get_untrusted_types(file=path)) - set(settings['trusted']))
    if untrusted:
        raise StartError(
            'it holds types that are loaded only if you trust the file. If you do, add to its .conf: '
            f'trusted = {", ".join(untrusted)}'
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        model = skops.io.load(path, trusted=settings['trusted'])
    for message in {str(warning.message).split('. ')[0] for warning in caught}:
        LOGGER.warning('%s: %s', path.name, message)
    return SkopsModel(model)


class SkopsModel:
    """An estimator or a pipeline for tables, for texts, or with a ColumnTransformer for data frames."""

    def __init__(self, model):
        self._model = getattr(model, 'best_estimator_', model)
        threads = {name: numeric_threads() for name in self._model.get_params() if name.split('__')[-1] == 'n_jobs'}
        self._model.set_params(**threads)
        steps = steps_of(self._model)
        self._input = _input(self._model, steps)
        classes = getattr(self._model, 'classes_', None)
        self._classes = classes.tolist() if isinstance(classes, np.ndarray) else None
        self._has_probabilities = self._classes is not None and hasattr(self._model, 'predict_proba')
        self._needs_predict = type(steps[-1]).__name__ not in LABEL_BY_PROBABILITY
        self.schema = object_schema(self._input.properties)
        self.result_schema = self._result_schema()

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}`, as far as the model has them, else its number."""
        data = self._input.stack(instances)
        if self._has_probabilities:
            probabilities = self._model.predict_proba(data)
            by_probability = np.asarray(self._classes)[np.argmax(probabilities, axis=1)]
            labels = self._model.predict(data) if self._needs_predict else by_probability
            return labels_and_probabilities(labels, probabilities, self._classes)
        method = self._model.predict if hasattr(self._model, 'predict') else self._model.transform
        results = method(data)
        results = rows(results.toarray() if hasattr(results, 'toarray') else np.asarray(results))
        return results if self._classes is None else [{'label': label} for label in results]

    def _result_schema(self):
        if self._has_probabilities:
            return classifier_schema(self._classes)
        if self._classes is not None:
            return object_schema({'label': {'enum': self._classes}})
        number = result_value_schema('float64')
        return number if hasattr(self._model, 'predict') else array_schema(number, [None], least=0)


def _input(model, steps):
    first = steps[0]
    tags = get_tags(first).input_tags
    if tags.string and not tags.two_d_array:
        return Texts()
    names = list(getattr(model, 'feature_names_in_', ()))
    if names and hasattr(first, 'transformers_'):
        return Frame(column_schemas(first, names, steps[1:]))
    # With these names, scikit-learn would warn at each call that the array has none.
    vars(first).pop('feature_names_in_', None)
    return table(names, model.n_features_in_, 'float64', takes_missing(steps))
