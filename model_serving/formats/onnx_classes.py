"""Reads the class names in an ONNX file, which onnxruntime does not give."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# From onnx.proto: message → field → (number, type); `*` marks repeated fields. Other fields are skipped.
MESSAGES = {
    'Model': {'graph': (7, 'Graph')},
    'Graph': {'node': (1, 'Node*'), 'initializer': (5, 'Tensor*')},
    'Node': {'attribute': (5, 'Attribute*')},
    'Attribute': {'name': (1, 'bytes'), 'ints': (8, 'int64*'), 'strings': (9, 'bytes*')},
    'Tensor': {'name': (8, 'bytes'), 'int32s': (5, 'int32*'), 'strings': (6, 'bytes*'), 'int64s': (7, 'int64*')},
}
TYPES = descriptor_pb2.FieldDescriptorProto


def read_classes(path) -> list | None:
    """Return the class names, texts or integers, of a classifier in the file; None if there are none."""
    graph = _model_message().FromString(path.read_bytes()).graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name.startswith(b'classlabels_') and (attribute.strings or attribute.ints):
                return [name.decode() for name in attribute.strings] or list(attribute.ints)
    # skl2onnx puts them into a constant for classifiers that have no operator of their own.
    for tensor in graph.initializer:
        if tensor.name == b'classes':
            return [name.decode() for name in tensor.strings] or [*tensor.int64s, *tensor.int32s] or None
    return None


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
