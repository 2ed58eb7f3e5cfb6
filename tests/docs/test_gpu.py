"""docs/gpu.md: its classes predict, here on the CPU."""

import logging

import pytest

from tests.docs.following import blocks, text_of

CLASSES = {block.path.rpartition('/')[2]: block.text for block in blocks(text_of('docs/gpu.md')) if block.path}


def made(file, name):
    """Return an object of the class that a file of the guide defines."""
    namespace = {'__name__': f'model_serving.models.{file[:-3]}', '__package__': 'model_serving.models'}
    exec(CLASSES[file], namespace)
    return namespace[name]()


def test_each_class_is_tested():
    assert list(CLASSES) == ['scan_model.py', 'sum_model.py']


def test_onnx_runtime(caplog):
    from model_serving.resources.digits_model_resource import digits_model_schema

    with caplog.at_level(logging.INFO, 'ScanModel'):
        model = made('scan_model.py', 'ScanModel')
    assert 'Scan Model uses CPUExecutionProvider.' in caplog.text
    assert model.predict(digits_model_schema['examples'][:1] * 2) == [4, 4]


@pytest.mark.torch
def test_pytorch(caplog):
    with caplog.at_level(logging.INFO, 'SumModel'):
        model = made('sum_model.py', 'SumModel')
    assert 'Sum Model uses cpu.' in caplog.text
    assert model.predict([{'numbers': [1, 2, 3]}, {'numbers': [0, 0, 0.5]}]) == [6, 0.5]
