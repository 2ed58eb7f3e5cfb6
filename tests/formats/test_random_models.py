"""Random ONNX files: an instance gives what onnxruntime gives for it, alone and in a batch, or the file is refused."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from model_serving.formats import ModelFile
from model_serving.serving.errors import InvalidInstance, StartError
from tests.formats.answers import settings_of
from tests.formats.files import write_onnx

# Of one or two tensors with a row for each instance, another of the same shape; many of them mix the rows.
STEPS = [
    '{y} = Abs({x})',
    '{y} = Tanh({x})',
    '{y} = Softmax<axis = {axis}>({x})',
    '{y} = LogSoftmax<axis = {axis}>({x})',
    '{y} = LpNormalization<axis = {axis}>({x})',
    '{y} = MeanVarianceNormalization<axes = [{axis}]>({x})',
    '{y} = ai.onnx.ml.Normalizer<norm = "L2">({x})',
    '{y} = CumSum({x}, axis{axis})',
    '{y} = Add({x}, {z})',
    '{y} = Mul({x}, {z})',
    '{y} = Max({x}, {z})',
    '{y} = Clip({x}, low, high)',
    '{y} = Trilu({x})',
    '{y} = Gemm({x}, square{width}, row{width})',
    '{y}_q, {y}_s, {y}_p = DynamicQuantizeLinear({x}) {y} = DequantizeLinear({y}_q, {y}_s, {y}_p)',
    '{y}_m = ReduceMean<axes = [{axis}], keepdims = 1>({x}) {y} = Sub({x}, {y}_m)',
    '{y}_t = ReduceMax<axes = [{axis}], keepdims = 1>({x}) {y} = Add({x}, {y}_t)',
    '{y}_v, {y}_i = TopK<axis = {axis}>({x}, one) {y} = Mul({x}, {y}_v)',
    '{y}_t = Transpose({x}) {y}_g = MatMul({x}, {y}_t) {y} = MatMul({y}_g, {x})',
    '{y}_f = Gather({x}, first) {y} = Sub({x}, {y}_f)',
    '{y}_c = Size({x}) {y}_d = Cast<to = 1>({y}_c) {y} = Div({x}, {y}_d)',
]
# What comes last may have another shape.
LAST = [
    ('{y} = Identity({x})', '[{rows}, {width}]'),
    ('{y} = Concat<axis = 1>({x}, {z})', '[{rows}, {twice}]'),
    ('{y} = Concat<axis = 0>({x}, {z})', '[{rows}, {width}]'),
    ('{y} = MatMul({x}, column{width})', '[{rows}, 1]'),
    ('{y} = MatMul({x}, column{width})', '[{rows}, other]'),
    ('{y} = ReduceMean<axes = [{axis}], keepdims = 1>({x})', '[{rows}, other]'),
    ('{y} = ReduceMean<axes = [{axis}], keepdims = 0>({x})', '[{rows}]'),
    ('{y} = ReduceSum<keepdims = 0>({x})', '[]'),
    ('{y} = Transpose({x})', '[{rows}, other]'),
    ('{y} = Flatten<axis = 0>({x})', '[{rows}, other]'),
    ('{y} = Reshape({x}, flat)', '[{rows}]'),
    ('{y}, {y}_i = TopK<axis = {axis}>({x}, one)', '[{rows}, other]'),
    ('{y} = Gather({x}, first)', '[{rows}, {width}]'),
    ('{y}_t = Transpose({x}) {y} = MatMul({x}, {y}_t)', '[{rows}, other]'),
]
WIDTHS = (1, 2, 3)
WEIGHTS = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
CONSTANTS = {
    **{f'axis{axis}': np.array(axis) for axis in (0, 1)},
    **{name: np.array([value]) for name, value in {'one': 1, 'first': 0, 'flat': -1}.items()},
    **{name: np.float32(value) for name, value in {'low': -2, 'high': 3}.items()},
    **{f'square{width}': WEIGHTS[:width, :width] for width in WIDTHS},
    **{f'column{width}': WEIGHTS[:width, 3:] for width in WIDTHS},
    **{f'row{width}': WEIGHTS[3, :width] for width in WIDTHS},
}
# What the first dimensions may be: mostly the same name for all.
ROWS = [['n'], ['n'], ['n'], ['n', 'm', 'unk__1', '1']]


@st.composite
def graphs(draw):
    """A graph in ONNX's text form with one or two inputs, and the width of these."""
    rows = st.sampled_from(draw(st.sampled_from(ROWS)))
    width, inputs = draw(st.sampled_from(WIDTHS)), draw(st.sampled_from([['a'], ['a', 'b']]))
    tensors, nodes, outputs = list(inputs), [], []

    def add(template, name):
        names = {'x': draw(st.sampled_from(tensors[-2:])), 'z': draw(st.sampled_from(tensors)), 'y': name}
        nodes.append(template.format(**names, width=width, axis=draw(st.integers(0, 1))))

    for number in range(draw(st.integers(1, 4))):
        add(draw(st.sampled_from(STEPS)), f't{number}')
        tensors.append(f't{number}')
    for name in draw(st.sampled_from([['y'], ['y'], ['y', 'v']])):
        template, shape = draw(st.sampled_from(LAST))
        add(template, name)
        shape = shape.format(rows=draw(rows), width=width, twice=2 * width)
        outputs.append(f'float{shape} {name}')
    shapes = [f'float[{draw(rows)}, {draw(st.sampled_from([width, width, "length"]))}]' for _ in inputs]
    declared = ', '.join(f'{shape} {name}' for shape, name in zip(shapes, inputs, strict=True))
    return f'({declared}) => ({", ".join(outputs)}) {{ {" ".join(nodes)} }}', width


numbers = st.builds(lambda mantissa, scale: mantissa * scale / 8, st.integers(-80, 80), st.sampled_from([0.01, 1, 100]))


def own_results(path, feeds) -> list:
    """Return what onnxruntime gives for each instance alone, as a list of numbers."""
    options = onnxruntime.SessionOptions()
    # Declared shapes may be wrong, of which it would warn.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return [numbers_of(session.run(None, feed)) for feed in feeds]


def numbers_of(values) -> np.ndarray:
    """Return all numbers of some arrays in one."""
    return np.concatenate([np.ravel(np.array(value, dtype=float)) for value in values])


def served_results(model, instances) -> list:
    """Return the results of a batch, each as a list of numbers."""
    results = model.predict(instances)
    return [numbers_of(one.values() if isinstance(one, dict) else [one]) for one in results]


def is_close(one, other) -> bool:
    """Tell whether both are the same, to what is left of float32's accuracy after some steps."""
    scale = np.max(np.abs(np.nan_to_num(other)), initial=0)
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-4 * scale + 1e-6, equal_nan=True)


def instances_of(schema, tensors) -> list:
    """Return an instance for each tensor of `(inputs, 1, width)`; one number may be a plain value."""
    kinds = {name: one['type'] for name, one in schema['properties'].items()}
    return [
        {
            name: row[0].tolist() if kinds[name] == 'array' else row[0].item()
            for name, row in zip(kinds, rows, strict=False)
        }
        for rows in tensors
    ]


def compare(path, tensors) -> str:
    """Compare what is served with onnxruntime's own numbers; return how a batch is predicted, or that it is refused."""
    file = ModelFile(settings_of(path))
    try:
        model = file()
        schema, _ = file.schemas()
        instances = instances_of(schema, tensors)
        alone = [served_results(model, [instance])[0] for instance in instances]
    except (StartError, InvalidInstance):
        return 'refused'
    own = own_results(path, [dict(zip(schema['properties'], one, strict=False)) for one in tensors])
    assert all(map(is_close, alone, own)), (alone, own)
    if file.is_alone:
        return 'one by one'
    together = served_results(model, instances)
    assert all(map(is_close, together, alone)), (together, alone)
    return 'in batches'


@pytest.mark.timeout(600)
@pytest.mark.parametrize('examples', [30, pytest.param(1000, marks=pytest.mark.long)])
def test_a_random_graph_gives_its_own_numbers_alone_and_in_a_batch(examples, tmp_path):
    counts = Counter()

    @settings(max_examples=examples, deadline=None)
    @given(graph=graphs(), data=st.data())
    def check(graph, data):
        text, width = graph
        note(text)
        count = data.draw(st.integers(2, 5))
        values = data.draw(st.lists(numbers, min_size=2 * count * width, max_size=2 * count * width))
        tensors = np.array(values, dtype=np.float32).reshape(count, 2, 1, width)
        counts[compare(write_onnx(tmp_path / 'random.onnx', text, CONSTANTS), tensors)] += 1

    check()
    assert counts['one by one'] > 0
    assert counts['in batches'] > counts['refused']


@pytest.mark.parametrize(
    'graph',
    [
        # Of instances of different sizes the largest one would count alone.
        '(float[n, 2] x) => (float[n, 2] y) { s = Softmax<axis = 0>(x) y = LogSoftmax<axis = 1>(s) }',
        # Of one item the softmax is always 1.
        '(float[n, length] x) => (float[n, length] y) { s = CumSum(x, axis0) y = Softmax<axis = 1>(s) }',
    ],
)
def test_a_batch_that_changes_a_result_in_some_cases_is_not_formed(graph, tmp_path):
    file = ModelFile(settings_of(write_onnx(tmp_path / 'mixing.onnx', graph, CONSTANTS)))
    file()
    file.schemas()
    assert file.is_alone
