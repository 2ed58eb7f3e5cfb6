"""ONNX files, run by onnxruntime."""

import onnxruntime

from ..serving.errors import InvalidInstance, StartError
from ..utils.cpu_utils import numeric_threads
from . import onnx_graph, plausible
from .onnx_gpu import gpu_session
from .onnx_inputs import (
    DTYPES,
    check_lengths,
    check_outputs,
    counts_instances,
    is_free,
    names_of,
    shapes_text,
    shared_lengths,
    tensors_of,
)
from .renaming import REMOVE, Renamed
from .schemas import classifier_schema, object_schema
from .tensors import dtypes_of, labels_and_probabilities, output_schema, predict_in_groups, rows

THREADS = numeric_threads()
# A session starts its threads when it is loaded, and a fork would lose them; with one thread it starts none.
LOAD_BEFORE_FORK = THREADS == 1
RUNS_ON_GPU = True

LABELS = {'tensor(string)', 'tensor(int64)', 'tensor(int32)'}
FATAL = 4
ERRORS = onnxruntime.capi.onnxruntime_pybind11_state
# How onnxruntime refuses shapes, indexes and values that a graph can't work with.
MISFITS = (ERRORS.InvalidArgument, ERRORS.Fail, ERRORS.RuntimeException)


def load(path, settings) -> 'OnnxModel | Renamed':
    """Return the model; raises whatever onnxruntime raises for a file that it can't read."""
    model = OnnxModel(path, settings['batch'], settings['device'])
    names = names_of(model.metadata, 'classes')
    if not names or settings['classes'] or (model.classes and isinstance(model.classes[0], str)):
        return model
    try:
        return Renamed(model, {'inputs': {}, 'outputs': {}, 'classes': list(map(str, names))})
    except StartError as error:
        raise StartError(str(error).replace('classes = …', 'its metadata classes').removesuffix(REMOVE)) from error


class OnnxModel:
    """A session; its inputs and outputs define the schemas of an instance and a result.

    A free first dimension is the batch. If the first dimension is 1, instances are predicted one by one. If it is
    another number, or `has_batch` is False, an instance has the whole shape.
    """

    # The values of an instance may be arrays as well as lists.
    takes_arrays = True

    def __init__(self, path, has_batch=True, device='cpu'):
        self._session = _session(path, device)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        check_outputs(outputs)
        graph, self.metadata = onnx_graph.read_graph(path), self._session.get_modelmeta().custom_metadata_map
        self.external_size = onnx_graph.external_size(graph, path.parent)
        self._shared_lengths = shared_lengths(inputs)
        self._axes = [has_batch and (one.shape[:1] == [1] or is_free(one)) for one in inputs]
        self._output_axes = [any(self._axes) and counts_instances(one, inputs) for one in outputs]
        free_outputs = all(axis and one.shape[:1] != [1] for one, axis in zip(outputs, self._output_axes, strict=True))
        in_batches = has_batch and all(map(is_free, inputs)) and free_outputs
        self._in_batches = in_batches and not onnx_graph.mixes_instances(path)
        self._inputs = tensors_of(inputs, self._axes, names_of(self.metadata, 'feature_names'))
        self.typical = _typical(graph, self._inputs)
        self._names = [one.name for one in outputs]
        # A row of one element is a plain value only where the file says that there is one.
        self._are_plain = [len(one.shape) == 1 or one.shape[1:] == [1] for one in outputs]
        self.classes = None
        self._is_classifier = all(self._output_axes) and _is_label_and_scores(outputs)
        if self._is_classifier:
            self.classes = onnx_graph.classes_of(graph, outputs[0].name) or _named_classes(self.metadata, outputs[0])
            self._is_classifier = outputs[1].type.startswith('seq') or _is_width(outputs[1], self.classes)
        self.schema = object_schema({name: schema for one in self._inputs for name, schema in one.properties.items()})
        self.result_schema = self._result_schema(outputs)
        self.dtypes = dtypes_of(self._inputs), self._result_dtypes(outputs)
        # Of a single output the result is the value alone; other protocols name it as the file does.
        self.output_name = self._names[0] if len(self._names) == 1 else None

    def predict(self, instances: list) -> list:
        """Return for each instance `{'label', 'probabilities'}` by a classifier, or else the value of the only output,
        or `{output's name: value}` for several.
        """
        return predict_in_groups(self._inputs, instances, self._run, len(instances) if self._in_batches else 1)

    def _run(self, instances):
        outputs, count = self._outputs(instances), len(instances)
        if count > 1 and any(_length(output) != count for output in outputs):
            # An output does not have a row for each instance, although the file does not say so.
            self._in_batches = False
            return self.predict(instances)
        if self._is_classifier:
            if isinstance(outputs[1], list):
                return _zip_map(*outputs)
            return labels_and_probabilities(*outputs, self.classes)
        parts = zip(outputs, self._output_axes, self._are_plain, strict=True)
        columns = [_values(output, axis, is_plain, count) for output, axis, is_plain in parts]
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _outputs(self, instances):
        feed = {}
        for one, axis in zip(self._inputs, self._axes, strict=True):
            tensor = one.stack(instances)
            feed[one.name] = tensor if axis else tensor.reshape(tensor.shape[1:])
        check_lengths(self._shared_lengths, feed)
        try:
            return self._session.run(None, feed)
        except MISFITS as error:
            name = self._inputs[0].name if len(self._inputs) == 1 else ''
            reason = ' '.join(str(error).split())
            raise InvalidInstance(name, f'the network does not accept it; {shapes_text(feed)}: {reason}') from error

    def _result_dtypes(self, outputs):
        dtypes = [DTYPES.get(one.type, 'float32') for one in outputs]
        names = ['label', 'probabilities'] if self._is_classifier else self._names if len(outputs) > 1 else ['result']
        return dict(zip(names, dtypes, strict=True))

    def _result_schema(self, outputs):
        if self._is_classifier:
            return classifier_schema(self.classes)
        schemas = {}
        for one, axis in zip(outputs, self._output_axes, strict=True):
            is_known = one.type in DTYPES and one.shape
            schemas[one.name] = output_schema(DTYPES[one.type], one.shape, axis) if is_known else {}
        return object_schema(schemas) if len(schemas) > 1 else schemas[self._names[0]]


def _session(path, device):
    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    # Errors are raised; they need not be printed too.
    options.log_severity_level = FATAL
    if device == 'cpu':
        return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return gpu_session(path, options, device)


def _typical(graph, inputs):
    """Return what the graph tells of the columns of the inputs that are tables, by property."""
    widths = {one.name: sum(one.shape or [1]) for one in inputs if len(one.shape) < 2 and None not in one.shape}
    found = onnx_graph.typical_values(graph, widths)
    properties = [plausible.by_name(one.properties, found[one.name]) for one in inputs if one.name in found]
    return {name: value for one in properties for name, value in one.items()}


def _is_label_and_scores(outputs):
    """Tell whether the outputs are a classifier's: a label, and a score for each class."""
    if len(outputs) != 2 or outputs[0].type not in LABELS or outputs[0].shape[1:] not in ([], [1]):
        return False
    scores = outputs[1]
    if scores.type.startswith('seq(map('):
        return True
    return scores.type in ('tensor(float)', 'tensor(double)') and len(scores.shape) in (0, 2)


def _named_classes(metadata, label):
    """Return the classes for which only the metadata has names: the names themselves, or their numbers."""
    names = names_of(metadata, 'classes')
    return names if label.type == 'tensor(string)' or not names else list(range(len(names)))


def _is_width(scores, classes):
    return bool(classes) and all(width == len(classes) for width in scores.shape[1:] if isinstance(width, int))


def _zip_map(labels, scores):
    scores = [{str(name): score for name, score in one.items()} for one in scores]
    return [{'label': label, 'probabilities': one} for label, one in zip(rows(labels), scores, strict=True)]


def _length(output):
    return len(output) if isinstance(output, list) or output.ndim else 0


def _values(output, axis, is_plain, count):
    """Return an output's value for each of `count` instances."""
    if isinstance(output, list):
        values = [{str(key): value for key, value in one.items()} if isinstance(one, dict) else one for one in output]
        return values if axis and _length(values) == count else [values]
    if axis and _length(output) == count:
        return rows(output, is_plain)
    # An array without dimensions is its one value.
    return [output.tolist() if output.dtype.kind not in 'biuf' else output[()]]
