"""LightGBM models as .txt, run by the package lightgbm."""

import lightgbm

from ..serving.errors import StartError
from ..utils.cpu_utils import numeric_threads
from .schemas import classifier_schema, instance_schema, result_value_schema
from .tensors import booster_results, table

# Loading starts OpenMP's threads. A fork would lose them, and a worker would wait for them for ever.
LOAD_BEFORE_FORK = False
# Objectives whose predictions are probabilities of classes.
PROBABILITIES = {'binary', 'multiclass', 'softmax', 'multiclassova'}
# What each tree must have, unless it is a single leaf.
FIELDS = ('num_leaves', 'num_cat', 'split_feature', 'threshold', 'left_child', 'right_child', 'leaf_value')


def load(path, settings) -> 'LightGBMModel':
    """Return the model; raises StartError for a damaged file, and what LightGBM itself raises."""
    header = _header(path)
    _check_trees(path.read_bytes(), header)
    return LightGBMModel(path, header)


class LightGBMModel:
    """A booster. A missing value (null) becomes NaN. Classes are numbers, because the file has no names for them."""

    def __init__(self, path, header):
        self._booster = lightgbm.Booster(model_file=path)
        names = header['feature_names'].split()
        unnamed = names == [f'Column_{number}' for number in range(len(names))]
        self._input = table(None if unnamed else names, len(names), 'float64', nullable=True)
        self._threads = numeric_threads()
        self._classes = None
        if header.get('objective', '').split(' ')[0] in PROBABILITIES:
            self._classes = range(max(2, int(header['num_class'])))
        self.schema = instance_schema(_with_ranges(self._input.properties, header['feature_infos'].split()))
        outputs = int(header['num_tree_per_iteration'])
        number = result_value_schema('float64')
        self.result_schema = number if outputs == 1 else {'type': 'array', 'items': number}
        if self._classes:
            self.result_schema = classifier_schema(self._classes)

    def predict(self, instances: list) -> list:
        """Return `{'label', 'probabilities'}` of a classifier, else a number or an array, for each instance."""
        predictions = self._booster.predict(self._input.stack(instances), num_threads=self._threads)
        return booster_results(predictions, self._classes)


def _header(path):
    """Return the `key=value` lines before the first tree."""
    header = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            key, _, value = line.strip().partition('=')
            header[key] = value
            if key == 'tree_sizes':
                break
    return header


def _check_trees(content, header):
    """Raise StartError for damaged trees, because LightGBM would end the process."""
    size = sum(map(int, header.get('tree_sizes', '').split()))
    start, end = content.find(b'Tree=0'), content.find(b'end of trees')
    if size and start + size != end:
        raise StartError('it is damaged: its trees are not as long as its header says.')
    for number, tree in enumerate(content[start:end].split(b'Tree=')[1:]):
        missing = [field for field in FIELDS if f'\n{field}='.encode() not in tree]
        if missing and b'\nnum_leaves=1\n' not in tree:
            raise StartError(f'it is damaged: its tree {number} has no {missing[0]}.')


def _with_ranges(properties, ranges):
    """Return the properties with what the file says about each feature: `[1.5:30]` seen in training, or `0:1:2`."""
    if len(properties) != len(ranges):
        return properties  # one array of all features
    return {name: {**schema, **_range(text)} for (name, schema), text in zip(properties.items(), ranges, strict=True)}


def _range(text):
    if not text.startswith('['):
        return {} if text == 'none' else {'description': f'A category, one of {text.replace(":", ", ")} in training'}
    low, _, high = text.strip('[]').partition(':')
    low, high = float(low), float(high)
    return {'description': f'From {low:g} to {high:g} in training', 'examples': [(low + high) / 2]}
