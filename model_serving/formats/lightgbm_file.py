"""LightGBM models as .txt, run by the package lightgbm."""

import math
import re

import lightgbm

from ..serving.errors import StartError
from ..utils.cpu_utils import numeric_threads
from . import plausible
from .categories import Categories, Results, code_schema, with_columns
from .schemas import instance_schema
from .tensors import table

# Loading starts OpenMP's threads. A fork would lose them, and a worker would wait for them for ever.
LOAD_BEFORE_FORK = False
# Objectives whose predictions are probabilities of classes.
PROBABILITIES = {'binary', 'multiclass', 'softmax', 'multiclassova'}
# What each tree must have, unless it is a single leaf.
FIELDS = ('num_leaves', 'num_cat', 'split_feature', 'threshold', 'left_child', 'right_child', 'leaf_value')
UNMATCHED = (
    'its lists of categories cannot be matched with its columns for certain. '
    'Make ordered categories unordered, leave out the parameter categorical_feature, and train it again.'
)


def load(path, settings) -> 'LightGBMModel':
    """Return the model; raises StartError for a damaged file, and what LightGBM itself raises."""
    # Git on Windows may have written CRLF, which LightGBM does not read.
    content = path.read_bytes().replace(b'\r\n', b'\n')
    header = _header(content)
    _check_trees(content, header)
    return LightGBMModel(content.decode('utf-8'), header)


class LightGBMModel:
    """A booster. A missing value (null) becomes NaN. Categories are the real ones if it was trained on a data frame."""

    def __init__(self, text, header):
        self._booster = lightgbm.Booster(model_str=text)
        names, infos = header['feature_names'].split(' '), header['feature_infos'].split(' ')
        lists = self._booster.pandas_categorical or []
        unnamed = not lists and names == [f'Column_{number}' for number in range(len(names))]
        self._input = table(None if unnamed else names, len(names), 'float64', nullable=True)
        self._threads = numeric_threads()
        columns = dict(zip(_columns_of(lists, infos, _categorical(text, names, infos)), lists, strict=True))
        # LightGBM takes a category that it does not know for a missing one.
        self._categories = Categories({names[column]: known for column, known in columns.items()}, False)
        properties = with_columns(_with_ranges(self._input.properties, infos), _codes(infos))
        self.schema = instance_schema(properties | self._categories.schemas)
        self.typical = plausible.by_name(self._input.properties, _typical(infos))
        outputs = int(header['num_tree_per_iteration'])
        is_classifier = header.get('objective', '').split(' ')[0] in PROBABILITIES
        self._results = Results(max(2, outputs) if is_classifier else 0, outputs=outputs)
        self.result_schema = self._results.schema

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}` of a classifier, else a number or several outputs."""
        data = self._input.stack(self._categories.encode(instances))
        return self._results.convert(self._booster.predict(data, num_threads=self._threads))


def _header(content):
    """Return the `key=value` lines before the first tree."""
    lines = content[: content.find(b'\nTree=')].decode('utf-8', 'replace').split('\n')
    return {key: value for key, _, value in (line.strip('\r ').partition('=') for line in lines)}


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
    _check_end(content[end:])


def _check_end(content):
    """Raise StartError if the parameters break off: without its categories a file would seem to take codes."""
    _, has_parameters, parameters = content.partition(b'\nparameters:')
    _, is_whole, rest = parameters.partition(b'end of parameters')
    is_cut = rest.strip() and not rest.strip().startswith(b'pandas_categorical:')
    if is_cut or (has_parameters and not is_whole):
        raise StartError('it is damaged: it breaks off after its trees.')


def _with_ranges(properties, infos):
    """Return the properties with what the file says about numbers: `[1.5:30]` seen in training."""
    if len(properties) != len(infos):
        return properties  # one array of all features
    return {name: {**schema, **_range(info)} for (name, schema), info in zip(properties.items(), infos, strict=True)}


def _range(info):
    if not info.startswith('['):
        return {}
    low, high = _bounds(info)
    middle = _middle(info)
    told = {'description': f'From {low:g} to {high:g} in training'}
    return told if middle is None else {**told, 'examples': [middle]}


def _middle(info):
    """Return the middle of a range: of whole numbers, as years or yes and no are, a whole one."""
    low, high = _bounds(info)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    # Beyond 2^53 every float is whole.
    return plausible.middle(low, high, is_whole=all(one.is_integer() and abs(one) < 2**53 for one in (low, high)))


def _typical(infos):
    """Return the middles of ranges, and of the codes that were seen, by position."""
    codes = {place: _seen(info) for place, info in enumerate(infos) if _is_of_codes(info)}
    middles = {place: _middle(info) for place, info in enumerate(infos) if info.startswith('[')}
    return middles | {place: seen[len(seen) // 2] for place, seen in codes.items() if seen}


def _bounds(info):
    low, _, high = info.strip('[]').partition(':')
    return float(low), float(high)


def _seen(info):
    """Return the codes that the file says were seen of a category: `-1:2:0:1`, where -1 is a missing one."""
    return sorted(code for code in map(int, info.split(':')) if code >= 0)


def _is_of_codes(info):
    return info != 'none' and not info.startswith('[')


def _codes(infos):
    """Return the schemas of the columns of codes, by position."""
    seen = {position: _seen(info) for position, info in enumerate(infos) if _is_of_codes(info)}
    return {position: code_schema(codes, max(codes, default=0)) for position, codes in seen.items()}


def _categorical(text, names, infos):
    """Return the positions of the columns that LightGBM takes for categories."""
    listed = re.search(r'\n\[categorical_feature: (name:)?(.*)\]', text[text.find('end of trees') :])
    columns = listed[2].split(',') if listed and listed[2] else []
    positions = {names.index(one) if listed[1] else int(one) for one in columns if not listed[1] or one in names}
    # A column with a single value has no codes, so only the parameter tells.
    constant = {position for position in positions if infos[position] == 'none'}
    return constant | {position for position, info in enumerate(infos) if _is_of_codes(info)}


def _columns_of(lists, infos, categorical):
    """Return the column of each list of categories, in order; raises StartError unless there is one way only.

    The file has a list for each column of categories, but an ordered one counts as a number, and its range must do.
    """
    required = categorical if len(lists) >= len(categorical) else ()
    # For the columns from one on: up to two ways to give them the lists from each one on.
    ways = [[] for _ in lists] + [[()]]
    for column in reversed(range(len(infos))):
        skipped = [[] if column in required else way for way in ways]
        taken = [_taken(column, infos[column], known, way) for known, way in zip(lists, ways[1:], strict=True)]
        ways = [(one + other)[:2] for one, other in zip(skipped, [*taken, []], strict=True)]
    if len(ways[0]) != 1:
        raise StartError(UNMATCHED)
    return ways[0][0]


def _taken(column, info, known, ways):
    return [(column, *rest) for rest in ways] if _may_hold(info, len(known)) else []


def _may_hold(info, count):
    """Tell whether a column may hold the codes of `count` categories, by what was seen of it in training."""
    if _is_of_codes(info):
        return max(_seen(info), default=0) < max(count, 1)
    low, high = (0, 0) if info == 'none' else _bounds(info)
    return low >= 0 and high < max(count, 1) and low == int(low) and high == int(high)
