"""PyTorch's exported programs, .pt2."""

import numpy as np
import torch
from torch.export.passes import move_to_device_pass
from torch.utils import _pytree as pytree

from ..serving.errors import InvalidInstance, StartError
from ..utils.cpu_utils import numeric_threads
from .schemas import object_schema
from .tensors import Tensor, dtypes_of, output_schema, predict_in_groups, rows

# Predicting starts threads, and a fork would lose them.
LOAD_BEFORE_FORK = False
RUNS_ON_GPU = True
INSTALL = (
    'Install one for CUDA: .venv/bin/pip install --force-reinstall torch==2.13.0 '
    '(https://pytorch.org/get-started/locally/ has others)'
)
# More instances than a batch ever has.
MOST = 2**31
# What a program raises for lengths that it was not exported for, and its operators for indexes beyond a table.
MISFITS = (AssertionError, RuntimeError, IndexError, ValueError)


def load(path, settings) -> 'TorchModel':
    """Return the model; raises StartError unless settings['trust_file']."""
    if not settings['trust_file']:
        raise StartError(
            'PyTorch may run code from a .pt2 file when it loads it, since parts of it can be pickles. '
            'If you trust the file, add to its .conf: trust_file = yes'
        )
    torch.set_num_threads(numeric_threads())
    device = settings['device']
    _check(device)
    program = torch.export.load(path)
    return TorchModel(program if device == 'cpu' else move_to_device_pass(program, device), settings['batch'], device)


def _check(device):
    """Raise StartError with the fix if `device` is not there."""
    if device == 'cpu':
        return
    if not torch.backends.cuda.is_built():
        raise StartError(f'device = {device}: this PyTorch is for the CPU. {INSTALL}')
    count = torch.cuda.device_count()
    if not count:
        raise StartError(
            f'device = {device}: PyTorch finds no GPU. If nvidia-smi does not list it, install its driver.'
        )
    if int(device.partition(':')[2] or 0) >= count:
        there_are = ', '.join(f'cuda:{number}' for number in range(count))
        raise StartError(f'device = {device}: there is no such GPU. There are: {there_are}')


class TorchModel:
    """An exported program. A free first dimension that all inputs share is the batch.

    If the first dimension is 1, instances are predicted one by one; otherwise, and if `has_batch` is False, an instance
    has the whole shape.
    """

    # The values of an instance may be arrays as well as lists.
    takes_arrays = True

    def __init__(self, program, has_batch=True, device='cpu'):
        self._device = device
        self._call = program.module()
        self._in_spec = program.call_spec.in_spec
        placeholders = {node.name: node.meta['val'] for node in program.graph.nodes if node.op == 'placeholder'}
        names = program.graph_signature.user_inputs
        # Of an argument that was a constant at export there is the value, in place of a name.
        self._constants = {position: value for position, value in enumerate(names) if value not in placeholders}
        values = [(name, placeholders[name]) for name in names if name in placeholders]
        firsts = [value.shape[:1] for _, value in values if isinstance(value, torch.Tensor)]
        free = {str(first[0]) if first and not isinstance(first[0], int) else '' for first in firsts}
        self._in_batches = has_batch and len(free) == 1 and free != {''}
        self._axis = self._in_batches or (has_batch and all(first == (1,) for first in firsts))
        self._inputs = [_tensor(name, value, self._axis) for name, value in values]
        self._least, self._most = _range(program, firsts[0][0]) if self._in_batches else (1, 1)
        paths = pytree.tree_unflatten(range(program.call_spec.out_spec.num_leaves), program.call_spec.out_spec)
        self._names = [_name(path) for path, _ in pytree.tree_flatten_with_path(paths)[0]]
        self.schema = object_schema({name: schema for one in self._inputs for name, schema in one.properties.items()})
        outputs = self._outputs_of(program)
        self.result_schema = self._result_schema(outputs)
        self.dtypes = (
            dtypes_of(self._inputs),
            {
                name or 'result': _dtype(value)
                for name, value in zip(self._names, outputs, strict=True)
                if isinstance(value, torch.Tensor)
            },
        )

    def predict(self, instances: list) -> list:
        """Return for each instance the value of the only output, or `{name: value}` for named outputs."""
        return predict_in_groups(self._inputs, instances, self._run, self._most)

    def _run(self, instances):
        count = len(instances)
        # A program may need batches of a least size: copies of the last instance fill it up.
        filled = instances + instances[-1:] * (self._least - count)
        # An array of a binary request is not writeable, and a program may write into its inputs.
        arrays = [np.require(one.stack(filled), requirements='W') for one in self._inputs]
        tensors = [torch.from_numpy(array).to(self._device) for array in arrays]
        tensors = tensors if self._axis else [tensor[0] for tensor in tensors]
        leaves, count_of_leaves = iter(tensors), len(tensors) + len(self._constants)
        leaves = [self._constants[n] if n in self._constants else next(leaves) for n in range(count_of_leaves)]
        arguments, keywords = pytree.tree_unflatten(leaves, self._in_spec)
        try:
            with torch.inference_mode():
                outputs = pytree.tree_leaves(self._call(*arguments, **keywords))
        except MISFITS as error:
            raise InvalidInstance('', f'The network does not accept this instance: {error}') from error
        columns = [self._values(output, len(filled)) for output in outputs]
        if self._names == ['']:
            return columns[0][:count]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)][:count]

    def _values(self, output, count):
        if not isinstance(output, torch.Tensor):
            return [output] * count
        if not self._axis or self._is_whole(output.shape):
            return [_array(output)[()]]
        if not output.ndim or len(output) != count:
            raise ValueError(
                f'An output of shape {tuple(output.shape)} does not have a row for each of {count} instances.'
            )
        return rows(_array(output))

    def _outputs_of(self, program):
        node = next(node for node in program.graph.nodes if node.op == 'output')
        values = {argument.name: argument.meta.get('val') for argument in node.args[0] if hasattr(argument, 'meta')}
        return [values.get(name) for name in program.graph_signature.user_outputs]

    def _result_schema(self, outputs):
        schemas = list(map(self._output_schema, outputs))
        return schemas[0] if self._names == [''] else object_schema(dict(zip(self._names, schemas, strict=True)))

    def _output_schema(self, value):
        if not isinstance(value, torch.Tensor) or (self._in_batches and not value.ndim):
            return {}
        return output_schema(_dtype(value), value.shape, self._axis and not self._is_whole(value.shape))

    def _is_whole(self, shape):
        """Tell whether an output of a batch of one has lost the dimension of the batch, as by `squeeze`."""
        return not self._in_batches and shape[:1] != (1,)


def _lengths(shape):
    return tuple(length if isinstance(length, int) else None for length in shape)


def _tensor(name, value, axis):
    if not isinstance(value, torch.Tensor) or value.dtype in (torch.bfloat16, torch.complex64, torch.complex128):
        kind = getattr(value, 'dtype', type(value).__name__)
        raise StartError(f'its input {name} is a {kind}, which cannot be read from JSON.')
    return Tensor(name, _dtype(value), _lengths(value.shape)[1:] if axis else _lengths(value.shape))


def _array(tensor):
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(force=True)


def _dtype(value):
    if value.dtype == torch.bfloat16:
        return np.dtype('float32')
    return np.dtype(str(value.dtype).removeprefix('torch.'))


def _range(program, first):
    """Return the smallest and the largest batch that the program was exported for."""
    limits = program.range_constraints.get(first.node.expr)
    least, most = (limits.lower, limits.upper) if limits else (1, 1)
    # Without a bound it is infinity, which is not an int.
    return max(1, int(least)), int(most) if most < MOST else MOST


def _name(path):
    parts = [getattr(key, 'key', getattr(key, 'idx', key)) for key in path]
    return '.'.join(f'output_{part}' if isinstance(part, int) else str(part) for part in parts)
