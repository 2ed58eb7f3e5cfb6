"""ONNX files, run by onnxruntime on the CPU."""

import json

import numpy as np
import onnxruntime

from ..serving.errors import InvalidInstance, StartError
from ..utils.cpu_utils import numeric_threads
from .onnx_classes import read_classes
from .schemas import classifier_schema, object_schema
from .tensors import Columns, Tensor, labels_and_probabilities, output_schema, predict_in_groups, rows

THREADS = numeric_threads()
# A session starts its threads when it is loaded, and a fork would lose them; with one thread it starts none.
LOAD_BEFORE_FORK = THREADS == 1

INTEGERS = ('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64')
DTYPES = {
    'tensor(float)': 'float32',
    'tensor(double)': 'float64',
    'tensor(float16)': 'float16',
    'tensor(bool)': 'bool',
    'tensor(string)': 'object',
    **{f'tensor({name})': name for name in INTEGERS},
}
LABELS = {'tensor(string)', 'tensor(int64)', 'tensor(int32)'}
FATAL = 4
INVALID_ARGUMENT = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument


def load(path, settings) -> 'OnnxModel':
    """Return the model; raises whatever onnxruntime raises for a file that it can't read."""
    return OnnxModel(path)


class OnnxModel:
    """A session; its inputs and outputs define the schemas of an instance and a result.

    A free first dimension is the batch. If the first dimension is 1, instances are predicted one by one. If it is
    another number, an instance has the whole shape.
    """

    def __init__(self, path):
        self._session = _session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._axes = [one.shape[:1] == [1] or _is_free(one) for one in inputs]
        self._output_axes = [any(self._axes) and _counts_instances(one, inputs) for one in outputs]
        free_outputs = all(axis and one.shape[:1] != [1] for one, axis in zip(outputs, self._output_axes, strict=True))
        self._in_batches = all(map(_is_free, inputs)) and free_outputs
        self._inputs = [_tensor(one, axis) for one, axis in zip(inputs, self._axes, strict=True)]
        self._inputs = _with_columns(self._inputs, _names(metadata, 'feature_names'))
        self._names = [one.name for one in outputs]
        self._classes = None
        self._is_classifier = all(self._output_axes) and _is_label_and_scores(outputs)
        if self._is_classifier:
            self._classes = _names(metadata, 'classes') or read_classes(path)
            self._is_classifier = outputs[1].type.startswith('seq') or _is_width(outputs[1], self._classes)
        self.schema = object_schema({name: schema for one in self._inputs for name, schema in one.properties.items()})
        self.result_schema = self._result_schema(outputs)

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}` by a classifier, else `{output's name: value}`."""
        return predict_in_groups(self._inputs, instances, self._run, len(instances) if self._in_batches else 1)

    def _run(self, instances):
        feed = {}
        for one, axis in zip(self._inputs, self._axes, strict=True):
            tensor = one.stack(instances)
            feed[one.name] = tensor if axis else tensor.reshape(tensor.shape[1:])
        try:
            outputs = self._session.run(None, feed)
        except INVALID_ARGUMENT as error:
            raise InvalidInstance('', ' '.join(str(error).split())) from error
        count = len(instances)
        if count > 1 and any(_length(output) != count for output in outputs):
            # An output does not have a row for each instance, although the file does not say so.
            self._in_batches = False
            return self.predict(instances)
        if self._is_classifier:
            if isinstance(outputs[1], list):
                return _zip_map(*outputs)
            return labels_and_probabilities(*outputs, self._classes)
        columns = [_values(*pair, count) for pair in zip(outputs, self._output_axes, strict=True)]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _result_schema(self, outputs):
        if self._is_classifier:
            return classifier_schema(self._classes)
        schemas = {}
        for one, axis in zip(outputs, self._output_axes, strict=True):
            is_known = one.type in DTYPES and one.shape
            schemas[one.name] = output_schema(DTYPES[one.type], one.shape, axis) if is_known else {}
        return object_schema(schemas)


def _session(path):
    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    # Errors are raised; they need not be printed too.
    options.log_severity_level = FATAL
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def _is_free(one):
    return bool(one.shape) and not isinstance(one.shape[0], int)


def _counts_instances(output, inputs):
    """Tell whether the first dimension of an output is the batch, as far as the file says."""
    if not output.shape:
        return True  # the shape is not declared
    first, names = output.shape[0], {one.shape[0] for one in inputs if _is_free(one)}
    # Converters make up names for dimensions without one, and these differ between tensors.
    made_up = any(name is None or name.startswith('unk__') for name in {first, *names} if not isinstance(name, int))
    return first == 1 or (not isinstance(first, int) and (made_up or not names or first in names))


def _tensor(one, axis):
    if one.type not in DTYPES:
        raise StartError(f'its input {one.name} is a {one.type}, which cannot be read from JSON.')
    shape = tuple(length if isinstance(length, int) else None for length in one.shape)
    return Tensor(one.name, np.dtype(DTYPES[one.type]), shape[1:] if axis else shape)


def _with_columns(inputs, names):
    """Return the inputs; the columns of a single input `(n, columns)` get the names that the file has."""
    if names and len(inputs) == 1 and inputs[0].shape in ((len(names),), (None,)):
        return [Columns(inputs[0].name, inputs[0].dtype, tuple(names))]
    return inputs


def _names(metadata, key):
    """Return a list in the file's metadata map, written as JSON or with commas; None if there is none."""
    text = metadata.get(key)
    if not text:
        return None
    try:
        names = json.loads(text)
    except ValueError:
        names = text.split(',')
    return [name.strip() if isinstance(name, str) else name for name in names] if isinstance(names, list) else None


def _is_label_and_scores(outputs):
    """Tell whether the outputs are a classifier's: a label, and a score for each class."""
    if len(outputs) != 2 or outputs[0].type not in LABELS or outputs[0].shape[1:] not in ([], [1]):
        return False
    scores = outputs[1]
    if scores.type.startswith('seq(map('):
        return True
    return scores.type in ('tensor(float)', 'tensor(double)') and len(scores.shape) in (0, 2)


def _is_width(scores, classes):
    return bool(classes) and all(width == len(classes) for width in scores.shape[1:] if isinstance(width, int))


def _zip_map(labels, scores):
    scores = [{str(name): score for name, score in one.items()} for one in scores]
    return [{'label': label, 'probabilities': one} for label, one in zip(rows(labels), scores, strict=True)]


def _length(output):
    return len(output) if isinstance(output, list) or output.ndim else 0


def _values(output, axis, count):
    """Return an output's value for each of `count` instances."""
    if isinstance(output, list):
        values = [{str(key): value for key, value in one.items()} if isinstance(one, dict) else one for one in output]
        return values if axis and _length(values) == count else [values]
    if axis and _length(output) == count:
        return rows(output)
    # An array without dimensions is its one value.
    return [output.tolist() if output.dtype.kind not in 'biuf' else output[()]]
