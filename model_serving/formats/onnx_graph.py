"""Reads from an ONNX file what onnxruntime does not tell: class names, external data, operators that mix a batch, what
the columns of a table were in training."""

import mmap
from itertools import chain

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# From onnx.proto: message → field → (number, type); `*` marks repeated fields. Other fields are skipped.
MESSAGES = {
    'Model': {'graph': (7, 'Graph')},
    'Graph': {'node': (1, 'Node*'), 'initializer': (5, 'Tensor*')},
    'Node': {'input': (1, 'bytes*'), 'output': (2, 'bytes*'), 'op_type': (4, 'bytes'), 'attribute': (5, 'Attribute*')},
    'Attribute': {
        'name': (1, 'bytes'), 'floats': (7, 'float*'), 'ints': (8, 'int64*'), 'strings': (9, 'bytes*'),
    },
    'Tensor': {
        'name': (8, 'bytes'), 'int32s': (5, 'int32*'), 'strings': (6, 'bytes*'), 'int64s': (7, 'int64*'),
        'external': (13, 'Entry*'),
    },
    'Entry': {'key': (1, 'bytes'), 'value': (2, 'bytes')},
}  # fmt: skip
TYPES = descriptor_pb2.FieldDescriptorProto
# Operators that hand on what they are given.
PASSING = {b'Identity', b'Cast', b'Reshape', b'Squeeze', b'Unsqueeze'}
# Operators that join columns, and those that have a number of each: the means, and what fills in missing values.
JOINING = {b'Concat', b'FeatureVectorizer'}
NUMBERS = {b'Scaler': b'offset', b'Imputer': b'imputed_value_floats'}
# These take the scale of their numbers from the whole batch: DynamicQuantizeLinear, …MatMul, …LSTM.
MIXING = b'DynamicQuantize'


def mixes_instances(path) -> bool:
    """Tell whether an operator of the file, in a subgraph or a function too, computes over the whole batch."""
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(MIXING) >= 0


def read_graph(path):
    """Return the graph of the file, a message with the fields of `MESSAGES`."""
    return _model_message().FromString(path.read_bytes()).graph


def classes_of(graph, label: str) -> list | None:
    """Return the class names, texts or integers, of the classifier whose output is `label`; None if it is unknown.

    A graph may hold several classifiers, such as those of an ensemble, so it is followed back from the label.
    """
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    node = makers.get(label.encode())
    while node is not None:
        for attribute in node.attribute:
            if attribute.name.startswith(b'classlabels_') and (attribute.strings or attribute.ints):
                return [name.decode() for name in attribute.strings] or list(attribute.ints)
        # skl2onnx picks the label from a constant for classifiers that have no operator of their own.
        constant = constants.get(node.input[0]) if node.input else None
        if node.op_type == b'ArrayFeatureExtractor' and constant is not None:
            return [name.decode() for name in constant.strings] or [*constant.int64s, *constant.int32s] or None
        node = makers.get(node.input[0]) if node.op_type in PASSING else None
    return None


def typical_values(graph, widths: dict) -> dict:
    """Return `{input: {position: value}}` of the columns for which a scaler or an imputer of the graph has a number.

    `widths` are the numbers of columns of the inputs by their names.
    """
    found = {name: {} for name in widths}
    if not any(node.op_type in NUMBERS for node in graph.node):
        return found
    columns = {name.encode(): [(name, position) for position in range(width)] for name, width in widths.items()}
    for node in graph.node:
        parts = [columns.get(name) for name in node.input]
        if node.op_type in JOINING and None not in parts:
            # A table has each column once; networks that join their own tensors may do so without end.
            columns[node.output[0]] = list(chain(*parts)) if sum(map(len, parts)) <= sum(widths.values()) else None
        elif parts and parts[0]:
            numbers = next((one.floats for one in node.attribute if one.name == NUMBERS.get(node.op_type)), ())
            for (name, position), number in zip(parts[0], numbers, strict=False):
                found[name].setdefault(position, number)
            if node.op_type in PASSING or node.op_type == b'Imputer':
                columns[node.output[0]] = parts[0]
    return found


def external_size(graph, folder) -> int:
    """Return the size in bytes of the files beside an ONNX file that hold its weights."""
    entries = (entry for tensor in graph.initializer for entry in tensor.external if entry.key == b'location')
    files = {folder / entry.value.decode() for entry in entries}
    return sum(file.stat().st_size for file in files if file.exists())


def _model_message():
    file = descriptor_pb2.FileDescriptorProto(name='onnx_subset.proto', package='onnx_subset', syntax='proto2')
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            item = message.field.add(name=field, number=number)
            item.label = TYPES.LABEL_REPEATED if kind.endswith('*') else TYPES.LABEL_OPTIONAL
            kind = kind.rstrip('*')
            if kind in MESSAGES:
                item.type, item.type_name = TYPES.TYPE_MESSAGE, f'.onnx_subset.{kind}'
            else:
                item.type = getattr(TYPES, f'TYPE_{kind.upper()}')
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('onnx_subset.Model'))
