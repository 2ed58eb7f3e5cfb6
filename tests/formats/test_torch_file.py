"""Exported PyTorch programs, trained here on scikit-learn's data, served from a few lines of conf."""

import warnings

import numpy as np
import pytest

from tests.dialects.envelopes import PROTOCOLS
from tests.dialects.matrix import check
from tests.formats.answers import advice_of, assert_close, banner, both_ways, loaded, problem, refused
from tests.formats.files import arrays, part_of, split

pytestmark = pytest.mark.torch

TRUST = 'trust_file = yes'


@pytest.fixture(scope='module')
def networks():
    """Networks by name, each with an example of its arguments and with which of their dimensions are free."""
    import torch
    from torch.export import Dim

    torch.manual_seed(0)

    class TwoInputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(10, 4)
            self.last = torch.nn.Linear(6, 2)

        def forward(self, table, words):
            sums = self.words(words).sum(dim=1)
            scores = self.last(torch.cat([table, sums], dim=1))
            return {'scores': scores, 'best': scores.argmax(dim=1), 'positive': scores > 0}

    class Mean(torch.nn.Module):
        def forward(self, table):
            return table.mean()

    _, rows, target, _ = split('wine')
    rows, target = torch.tensor(rows, dtype=torch.float32), torch.tensor(target)
    layers = torch.nn.BatchNorm1d(13), torch.nn.Linear(13, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)
    wine = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(wine.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(wine(rows), target).backward()
        optimizer.step()
    # For several threads.
    wide = torch.nn.Sequential(torch.nn.Linear(5, 100_000), torch.nn.ReLU(), torch.nn.Linear(100_000, 1))
    free, few, length = Dim('n', min=1, max=64), Dim('n', min=2, max=4), Dim('length', min=2, max=100)
    words = torch.zeros(2, 3, dtype=torch.int64)

    class Scaled(torch.nn.Module):
        def forward(self, x, by: int = 3, shift=None):
            return (x * by).squeeze(0)

    class Kinds(torch.nn.Module):
        def forward(self, x):
            return x.to(torch.bfloat16), (x * 2, x.sum(dim=1))

    return {
        'Wine': (wine.eval(), (rows[:2],), ({0: free},)),
        'TwoInputs': (TwoInputs().eval(), (torch.zeros(2, 2), words), ({0: free}, {0: free, 1: length})),
        'Wide': (wide.eval(), (torch.zeros(2, 5),), ({0: free},)),
        'FixedBatch': (torch.nn.Softmax(dim=1), (torch.zeros(1, 3),), None),
        'Mean': (Mean(), (torch.zeros(4, 2),), None),
        # Any number of rows; outputs without names; a type that NumPy does not have.
        'Kinds': (Kinds(), (torch.zeros(2, 3),), ({0: Dim('any')},)),
        'Scaled': (Scaled(), (torch.zeros(1, 2), 3, None), None),
        'SmallBatches': (torch.nn.Linear(2, 1).double(), (torch.zeros(3, 2, dtype=torch.float64),), ({0: few},)),
    }


@pytest.fixture(scope='module')
def folder(networks, tmp_path_factory):
    import torch

    folder = tmp_path_factory.mktemp('torch files')
    for name, (network, arguments, free) in networks.items():
        torch.export.save(torch.export.export(network, arguments, dynamic_shapes=free), folder / f'{name}.pt2')
    return folder


@pytest.fixture(scope='module')
def service(serve, networks, folder):
    return serve({name: f'file = {folder}/{name}.pt2\n{TRUST}' for name in networks})


@pytest.mark.parametrize(
    'name, rows',
    [
        ('Wine', lambda: split('wine').heldout.astype(np.float32)),
        # A fixed batch of one, and a network that takes two to four rows.
        ('FixedBatch', lambda: np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)),
        ('SmallBatches', lambda: np.random.default_rng(0).normal(size=(20, 2))),
    ],
)
def test_batches(service, networks, name, rows):
    import torch

    expected = networks[name][0](torch.tensor(rows()))
    assert_close(both_ways(service, name, arrays(rows(), 'input')), expected.squeeze(-1))


def test_several_inputs_and_outputs_with_names_and_a_free_length(service, networks):
    import torch

    random = np.random.default_rng(0)
    instances = [
        {'table': random.normal(size=2).tolist(), 'words': random.integers(0, 10, length).tolist()}
        for length in [2, 3, 5] * 12
    ]
    for instance, result in zip(instances, both_ways(service, 'TwoInputs', instances), strict=True):
        expected = networks['TwoInputs'][0](torch.tensor([instance['table']]), torch.tensor([instance['words']]))
        assert_close(result, {name: value[0] for name, value in expected.items()})


def test_outputs_without_names_are_numbered(service):
    result = both_ways(service, 'Kinds', [{'x': [1, 2, 3.5]}] * 8)[0]
    assert result == {'output_0': [1, 2, 3.5], 'output_1.output_0': [2, 4, 7], 'output_1.output_1': 6.5}


def test_an_argument_that_is_a_constant_and_an_output_without_a_batch(service):
    assert both_ways(service, 'Scaled', [{'x': [n, 2]} for n in range(5)]) == [[3 * n, 6] for n in range(5)]


def test_a_file_without_a_batch(folder):
    model = loaded(folder / 'Kinds.pt2', trust_file=True, batch=False)
    (result,) = model.predict([{'x': [[1, 2, 3]] * 4}])
    assert_close(result['output_1.output_1'], [6] * 4)


def test_a_network_whose_instance_is_a_whole_table(service):
    tables = [[[n, 1], [2, 3], [4, 5], [6, n]] for n in range(20)]
    assert both_ways(service, 'Mean', [{'table': table} for table in tables]) == [(2 * n + 21) / 8 for n in range(20)]


@pytest.mark.parametrize(
    'name, instance, message',
    [
        ('Wine', {'input': [1] * 12 + ['1']}, "input[12]: '1' is not of type 'number'"),
        ('Wine', {}, "'input' is a required property"),
        ('FixedBatch', {'input': [1, 2]}, 'input: [1, 2] is too short'),
        ('FixedBatch', {'input': [1, 2, 3.5e38]}, 'input[2]: is too large for float32'),
        # An index beyond the table of words.
        ('TwoInputs', {'table': [1, 2], 'words': [1, 10]}, 'does not accept this instance: index out of range'),
        ('TwoInputs', {'table': [1, 2], 'words': [1, 1.5]}, "words[1]: 1.5 is not of type 'integer'"),
        # A length that the network was not exported for.
        ('TwoInputs', {'table': [1, 2], 'words': [1] * 101}, 'The network does not accept this instance'),
    ],
)
def test_what_does_not_fit(service, name, instance, message):
    assert message in refused(service, name, instance)


def test_it_is_loaded_in_each_worker(service):
    assert 'loaded in each worker' in banner(service, 'Wine')
    assert 'Warning' not in service.log


def test_it_predicts_in_the_main_thread_of_every_worker(predict_in_main_threads, folder):
    predict_in_main_threads(folder / 'Wide.pt2', {'input': [0.5] * 5})


def test_a_file_that_is_not_trusted(refusal, folder):
    message = refusal(folder / 'Wine.pt2')
    assert 'PyTorch may run code from a .pt2 file when it loads it' in message
    assert message.endswith(f'add to its .conf: {TRUST}')


@pytest.mark.parametrize('part', [0.5, 0.99])
def test_a_truncated_file_ends_the_start_with_one_line(refusal, folder, tmp_path, part):
    message = refusal(part_of(folder / 'Wine.pt2', part, tmp_path), TRUST)
    assert 'part.pt2 is damaged, or it is not a PyTorch exported program' in message


def test_what_torch_saved_is_never_loaded_and_the_advice_converts_it(tmp_path, monkeypatch):
    import torch

    model, example = torch.nn.Linear(13, 2), torch.zeros(2, 13)
    torch.save(model.state_dict(), tmp_path / 'weights.pt')
    torch.save(model, tmp_path / 'whole.pth')
    assert 'is a file of torch.save: it holds a pickle, which is never loaded' in problem(tmp_path / 'whole.pth')
    message = problem(tmp_path / 'weights.pt')
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(action='ignore'):
        exec(advice_of(message), {'model': model, 'example': example})
    heldout = split('wine').heldout
    results = loaded(tmp_path / 'model.onnx').predict(arrays(heldout, 'input'))
    assert_close(results, model(torch.tensor(heldout).float()))


def test_every_protocol_gives_the_same_numbers(service):
    assert sum(check(service, protocol) for protocol in PROTOCOLS)
