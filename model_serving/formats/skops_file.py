"""scikit-learn models in the skops format, which loads only trusted types."""

import logging
import warnings

import numpy as np
import skops.io

from ..serving.errors import InvalidInstance, StartError
from ..utils.cpu_utils import numeric_threads
from .plausible import by_name
from .schemas import array_schema, classifier_schema, instance_schema, object_schema, result_value_schema
from .skops_columns import columns_of
from .skops_inputs import Frame, Texts
from .skops_paths import steps_of, takes_texts
from .tensors import labels_and_probabilities, outputs, rows, table

LOGGER = logging.getLogger('formats')
# What a column of numbers is, and one of numbers that may be missing.
NUMBERS = ({'type': 'number'}, {'type': ['number', 'null']})
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
        if not hasattr(self._model, 'predict') and not hasattr(self._model, 'transform'):
            raise StartError(f'a {type(model).__name__} has neither predict nor transform for new data.')
        threads = {name: numeric_threads() for name in self._model.get_params() if name.split('__')[-1] == 'n_jobs'}
        self._model.set_params(**threads)
        steps = steps_of(self._model)
        self._input, self.typical = _input(self._model, steps)
        classes = getattr(self._model, 'classes_', None)
        self._classes = classes.tolist() if isinstance(classes, np.ndarray) else None
        self._has_probabilities = self._classes is not None and hasattr(self._model, 'predict_proba')
        self._needs_predict = type(steps[-1]).__name__ not in LABEL_BY_PROBABILITY
        self.schema = instance_schema(self._input.properties)
        self.result_schema = self._result_schema()

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}`, as far as the model has them, else its number."""
        data = self._input.stack(instances)
        try:
            return self._results(data)
        # How scikit-learn refuses values that it can't work with.
        except ValueError as error:
            reason = ' '.join(str(error).split())
            raise InvalidInstance('', f'The model does not accept this instance: {reason}') from error

    def use_schema(self, schema: dict):
        """Take the types of columns from the user's schema where the file does not tell them."""
        if isinstance(self._input, Frame):
            self._input.properties = schema['properties']

    def _results(self, data):
        if self._has_probabilities:
            probabilities = self._model.predict_proba(data)
            by_probability = np.asarray(self._classes)[np.argmax(probabilities, axis=1)]
            labels = self._model.predict(data) if self._needs_predict else by_probability
            return labels_and_probabilities(labels, probabilities, self._classes)
        method = self._model.predict if hasattr(self._model, 'predict') else self._model.transform
        results = method(data)
        results = results.toarray() if hasattr(results, 'toarray') else np.asarray(results)
        if not hasattr(self._model, 'predict'):
            return rows(results, is_plain=False)
        results = outputs(results)
        return results if self._classes is None else [{'label': label} for label in results]

    def _result_schema(self):
        if self._has_probabilities:
            return classifier_schema(self._classes)
        if self._classes is not None:
            return object_schema({'label': {'enum': self._classes}})
        if not hasattr(self._model, 'predict'):
            return array_schema(result_value_schema('float64'), [None], least=0)
        return None  # how many outputs there are shows the first result


def _input(model, steps):
    """Return the input, and a typical value of each of its properties, as far as the steps tell."""
    first = steps[0]
    if takes_texts(model):
        return Texts(), {}
    if not hasattr(first, 'n_features_in_'):
        raise StartError(
            f'its first step, {type(first).__name__}, is not fitted, or it does not take a table or a text.'
        )
    # Not those of the pipeline: it has none if its own first step is 'passthrough'.
    names = list(getattr(first, 'feature_names_in_', ()))
    all_names = names or [f'x{position}' for position in range(first.n_features_in_)]
    columns = columns_of(model, all_names)
    if names or not all(column.schema in NUMBERS for column in columns.values()):
        own, own_names = Frame(columns, all_names, is_array=not names), columns
    else:
        is_nullable = all('null' in column.schema['type'] for column in columns.values())
        own, own_names = table(None, first.n_features_in_, 'float64', is_nullable), all_names
    typical = {place: columns[name].typical for place, name in enumerate(own_names) if name in columns}
    return own, by_name(own.properties, typical)
