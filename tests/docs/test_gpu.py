"""docs/gpu.md: its class predicts, here on the CPU, and its files are those that are tested on a GPU."""

import pytest

from model_serving.app import create_app
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER
from tests.docs.following import blocks, text_of

FILES = {block.path: block.text for block in blocks(text_of('docs/gpu.md')) if block.path}
RESOURCE = 'model_serving/resources/sum_model_resource.py'


def test_its_files_are_tested():
    assert list(FILES) == [
        'conf/scan_model.conf',
        'model_serving/models/sum_model.py',
        RESOURCE,
        'tests/models/test_sum_model.py',
        'conf/sum_model.conf',
    ]


def test_its_settings_are_valid(tmp_path):
    for path, text in FILES.items():
        if path.startswith('conf/'):
            (tmp_path / path.removeprefix('conf/')).write_text(text)
    conf = Conf(tmp_path, {})
    assert (conf.model('ScanModel', 1)['device'], conf.model('SumModel')['params']) == ('cuda', {'device': 'cuda'})
    assert (BASE_FOLDER / conf.model('ScanModel', 1)['file']).exists()


class SumModel:
    """In place of the one of the guide, which needs PyTorch."""

    def predict(self, instances):
        return [sum(instance['numbers']) for instance in instances]


def test_its_resource(tmp_path):
    namespace = {}
    absolute = {'from ..': 'from model_serving.', 'from .': 'from model_serving.resources.'}
    code = FILES[RESOURCE]
    for relative, package in absolute.items():
        code = code.replace(relative, package)
    exec(code, namespace)
    app = create_app((Route('/v1/SumModel', namespace['SumModelResource'], SumModel),), Conf(tmp_path, {}))
    app.readiness.start()
    assert app.servables['/v1/SumModel'].problem is None
    assert app.servables['/v1/SumModel'].answers == [{'result': 6}]


@pytest.mark.torch
def test_its_class():
    namespace = {}
    exec(FILES['model_serving/models/sum_model.py'], namespace)
    model = namespace['SumModel']()
    assert str(model.device) == 'cpu'
    assert model.predict([{'numbers': [1, 2, 3]}, {'numbers': [0, 0, 0.5]}]) == [6, 0.5]
