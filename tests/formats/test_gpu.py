"""`device` of a model file. Where there is no GPU, the start says so; the tests marked gpu run where there is one."""

import re

import numpy as np
import pytest

from model_serving.resources.digits_model_resource import digits_model_schema
from model_serving.serving.errors import StartError
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER
from tests.docs.following import blocks, text_of
from tests.formats.answers import assert_close, banner, both_ways, problem

DIGITS = BASE_FOLDER / 'data' / 'digits.onnx'
(FOUR,) = digits_model_schema['examples']
SUM = {block.path: block.text for block in blocks(text_of('docs/gpu.md')) if 'sum_model' in (block.path or '')}


@pytest.mark.parametrize(
    'device, said',
    [
        ('gpu', "device = 'gpu': it must be cpu, cuda, or one of several GPUs as cuda:1."),
        ('cuda:', "device = 'cuda:': it must be"),
        ('cuda:x', "device = 'cuda:x': it must be"),
    ],
)
def test_a_device_that_is_none(tmp_path, device, said):
    (tmp_path / 'a.conf').write_text(f'[model]\nname = A\nfile = {DIGITS}\ndevice = {device}\n')
    with pytest.raises(StartError, match=re.escape(said)):
        Conf(tmp_path, {})


@pytest.mark.long
def test_without_a_gpu_the_start_says_what_to_install(refusal):
    """On a machine with a GPU as well: requirements.txt has the onnxruntime for the CPU."""
    assert refusal(DIGITS, 'device = cuda:1') == (
        f'{DIGITS}: device = cuda:1: this onnxruntime is for the CPU. Install the one for GPUs: '
        '.venv/bin/pip uninstall --yes onnxruntime; .venv/bin/pip install "onnxruntime-gpu[cuda,cudnn]==1.31.1"'
    )


def test_a_device_of_a_class_belongs_below_params(tmp_path):
    (tmp_path / 'a.conf').write_text('[model]\nname = A\ndevice = cuda\n')
    with pytest.raises(StartError, match=r'For a class that takes a device, write it below \[params\]\.$'):
        Conf(tmp_path, {})


@pytest.fixture
def export(tmp_path):
    """The path of a small exported network of PyTorch, and the network."""
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
    program = torch.export.export(network, (torch.zeros(2, 3),), dynamic_shapes=({0: torch.export.Dim('n')},))
    torch.export.save(program, tmp_path / 'small.pt2')
    return tmp_path / 'small.pt2', network


@pytest.mark.torch
def test_without_a_gpu_pytorch_says_what_is_missing(export):
    import torch

    said = problem(export[0], trust_file=True, device='cuda')
    if torch.backends.cuda.is_built():
        assert 'PyTorch finds no GPU. If nvidia-smi does not list it, install its driver.' in said
    else:
        assert 'this PyTorch is for the CPU. Install one for CUDA: .venv/bin/pip install' in said


@pytest.mark.lightgbm
def test_other_formats_run_on_the_cpu_only(tmp_path):
    from lightgbm import LGBMRegressor

    LGBMRegressor(n_estimators=2).fit(np.eye(30), np.arange(30)).booster_.save_model(tmp_path / 'model.txt')
    assert 'device = cuda is for files of ONNX and PyTorch. Remove it.' in problem(
        tmp_path / 'model.txt', device='cuda'
    )


@pytest.mark.gpu
def test_onnx_answers_on_the_gpu_as_on_the_cpu(serve):
    service = serve({'Fast': f'file = {DIGITS}\ndevice = cuda', 'Slow': f'file = {DIGITS}'})
    assert re.search('loaded in each worker in .* ms, on cuda$', banner(service, 'Fast'))
    images = [{'image': (np.array(FOUR['image']) * share).tolist()} for share in np.linspace(0, 1, 20)]
    fast, slow = (both_ways(service, name, images) for name in ('Fast', 'Slow'))
    np.testing.assert_allclose(fast, slow, atol=1e-3)


@pytest.mark.gpu
def test_pytorch_answers_on_the_gpu_as_on_the_cpu(serve, export):
    import torch

    path, network = export
    service = serve({'Fast': f'file = {path}\ntrust_file = yes\ndevice = cuda:0'})
    assert banner(service, 'Fast').endswith(', on cuda:0')
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    answers = both_ways(service, 'Fast', [{'input': row.tolist()} for row in rows])
    np.testing.assert_allclose(answers, network(torch.tensor(rows)).detach(), atol=1e-3)


@pytest.mark.gpu
def test_a_gpu_that_is_not_there_is_refused(refusal, export):
    assert 'onnxruntime could not use it' in refusal(DIGITS, 'device = cuda:99')
    assert 'there is no such GPU. There are: cuda:0' in refusal(export[0], 'trust_file = yes\ndevice = cuda:99')


@pytest.mark.gpu
def test_the_class_of_the_guide_runs_on_the_gpu(make_service):
    service = make_service(start=False)
    assert service.run('bin/new-model.sh', 'Sum').returncode == 0
    for path, text in SUM.items():
        (service.folder / path).write_text(text)
    resource = service.folder / 'model_serving' / 'resources' / 'sum_model_resource.py'
    changed = resource.read_text().replace("'text'", "'numbers'").replace("'string'", "'array'")
    resource.write_text(changed.replace("'Hello, Leo!'", '[1, 2, 3]').replace('sum_model_result_schema\n', 'None\n'))
    service.start()
    assert banner(service, 'SumModel').endswith(', on cuda')
    assert_close(service.post('/v1/SumModel', {'numbers': [1, 2, 3]}).json(), {'result': 6})
