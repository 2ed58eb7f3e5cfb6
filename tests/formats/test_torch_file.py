"""Exported PyTorch programs, trained here on scikit-learn's data, served from a few lines of conf."""

import warnings

import numpy as np
import pytest

from tests.formats.answers import SETTINGS, advice_of, both_ways, problem

pytestmark = pytest.mark.torch

LARGEST = 3.4028234663852886e38
TRUST = 'trust_file = yes'


def close(results, expected):
    return np.array(results) == pytest.approx(expected.detach().numpy(), rel=1e-5, abs=1e-6)


@pytest.fixture(scope='module')
def networks(split):
    """Networks by name, each with an example of its arguments and with which of their dimensions are free."""
    import torch

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
    wine = torch.nn.Sequential(
        torch.nn.BatchNorm1d(13), torch.nn.Linear(13, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)
    )
    optimizer = torch.optim.Adam(wine.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(wine(rows), target).backward()
        optimizer.step()
    free, dynamic = {0: torch.export.Dim('n', min=1, max=64)}, torch.export.Dim('length', min=2, max=100)
    few = {0: torch.export.Dim('n', min=2, max=4)}
    return {
        'Wine': (wine.eval(), (rows[:2],), (free,)),
        'TwoInputs': (
            TwoInputs().eval(),
            (torch.zeros(2, 2), torch.zeros(2, 3, dtype=torch.int64)),
            (free, {**free, 1: dynamic}),
        ),
        'FixedBatch': (torch.nn.Softmax(dim=1), (torch.zeros(1, 3),), None),
        'Mean': (Mean(), (torch.zeros(4, 2),), None),
        'SmallBatches': (torch.nn.Linear(2, 1).double(), (torch.zeros(3, 2, dtype=torch.float64),), (few,)),
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
    return serve({name: (folder / f'{name}.pt2', TRUST) for name in networks})


def test_a_trained_network(service, networks, split):
    import torch

    *_, heldout = split('wine')
    results = both_ways(service, 'Wine', [{'input': row.tolist()} for row in heldout])
    assert close(results, networks['Wine'][0](torch.tensor(heldout, dtype=torch.float32)))


def test_several_inputs_and_outputs_with_names_and_a_free_length(service, networks):
    import torch

    random = np.random.default_rng(0)
    lengths = [2, 3, 5] * 12
    instances = [
        {'table': random.normal(size=2).tolist(), 'words': random.integers(0, 10, length).tolist()}
        for length in lengths
    ]
    for instance, result in zip(instances, both_ways(service, 'TwoInputs', instances), strict=True):
        expected = networks['TwoInputs'][0](torch.tensor([instance['table']]), torch.tensor([instance['words']]))
        assert close(result['scores'], expected['scores'][0])
        assert result['best'] == int(expected['best'][0])
        assert result['positive'] == expected['positive'][0].tolist()


def test_a_fixed_batch_of_one(service):
    import torch

    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    results = both_ways(service, 'FixedBatch', [{'input': row.tolist()} for row in rows])
    assert close(results, torch.tensor(rows).softmax(dim=1))


def test_a_network_whose_instance_is_a_whole_table(service):
    tables = [[[n, 1], [2, 3], [4, 5], [6, n]] for n in range(20)]
    assert both_ways(service, 'Mean', [{'table': table} for table in tables]) == [(2 * n + 21) / 8 for n in range(20)]


def test_a_network_that_takes_two_to_four_rows(service, networks):
    import torch

    rows = np.random.default_rng(0).normal(size=(20, 2))
    results = both_ways(service, 'SmallBatches', [{'input': row.tolist()} for row in rows])
    assert close(results, networks['SmallBatches'][0](torch.tensor(rows))[:, 0])


@pytest.mark.parametrize(
    ('name', 'instance', 'message'),
    [
        ('Wine', {'input': [1] * 12 + ['1']}, "input[12]: '1' is not of type 'number'"),
        ('Wine', {}, "'input' is a required property"),
        ('FixedBatch', {'input': [1, 2]}, 'input: [1, 2] is too short'),
        ('FixedBatch', {'input': [1, 2, 3.5e38]}, f'input[2]: 3.5e+38 is greater than the maximum of {LARGEST}'),
        ('TwoInputs', {'table': [1, 2], 'words': [1, 1.5]}, "words[1]: 1.5 is not of type 'integer'"),
    ],
)
def test_what_does_not_fit(service, name, instance, message):
    answer = service.post(f'/v1/{name}', json=instance)
    assert (answer.status_code, answer.json()['message']) == (400, message)


def test_a_length_that_the_network_was_not_exported_for(service):
    answer = service.post('/v1/TwoInputs', json={'table': [1, 2], 'words': [1] * 101})
    assert answer.status_code == 400
    assert 'The network does not accept this instance' in answer.json()['message']


def test_it_is_loaded_in_each_worker(service):
    line = next(line for line in service.log.splitlines() if '/v1/Wine ' in line)
    assert 'Wine.pt2, ' in line
    assert 'loaded in each worker' in line
    assert 'Warning' not in service.log


def test_a_file_that_is_not_trusted(refusal, service, folder):
    message = refusal(folder / 'Wine.pt2')
    assert 'PyTorch may run code from a .pt2 file when it loads it' in message
    assert message.endswith('add to its .conf: trust_file = yes')


@pytest.mark.parametrize('part', [0.5, 0.99])
def test_a_truncated_file_ends_the_start_with_one_line(refusal, service, folder, tmp_path, part):
    whole = (folder / 'Wine.pt2').read_bytes()
    (tmp_path / 'part.pt2').write_bytes(whole[: int(len(whole) * part)])
    assert 'part.pt2 is damaged, or it is not a PyTorch exported program' in refusal(tmp_path / 'part.pt2', TRUST)


def test_what_torch_saved_is_never_loaded_and_the_advice_converts_it(tmp_path, monkeypatch, split):
    import torch

    from model_serving.formats import ModelFile

    *_, heldout = split('wine')
    model, example = torch.nn.Linear(13, 2), torch.zeros(2, 13)
    torch.save(model.state_dict(), tmp_path / 'weights.pt')
    torch.save(model, tmp_path / 'whole.pth')
    assert 'is a file of torch.save: it holds a pickle, which is never loaded' in problem(tmp_path / 'whole.pth')
    message = problem(tmp_path / 'weights.pt')
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(action='ignore'):
        exec(advice_of(message), {'model': model, 'example': example})
    loaded = ModelFile({**SETTINGS, 'file': str(tmp_path / 'model.onnx')})()
    results = loaded.predict([{'input': row.tolist()} for row in heldout])
    assert close([value for result in results for value in result.values()], model(torch.tensor(heldout).float()))
