"""docs/models.md tells of every model that comes with the service, and tells it right."""

import json
import re

import pytest

from model_serving.routes import ROUTES
from model_serving.utils.conf_utils import Conf
from tests.docs.following import blocks, follow, text_of

DOCUMENT = text_of('docs/models.md')
SECTIONS = dict(re.findall(r'^## (\w+)\n(.*?)(?=^## |\Z)', DOCUMENT, re.MULTILINE | re.DOTALL))


def test_every_model_that_comes_with_the_service_has_a_section():
    names = {route.version_and_name[1] for route in ROUTES} | {name for name, _ in Conf().model_files()}
    # There may be more: those of whoever uses the service.
    assert set(SECTIONS) == {'DigitsModel', 'TextModel', 'WineModel', 'FileTypeModel', 'OCRModel'} <= names


@pytest.mark.parametrize('name, file', [('DigitsModel', 'digits'), ('WineModel', 'wine')])
def test_the_held_out_accuracy(name, file):
    heldout = json.loads(text_of(f'data/{file}_heldout.json'))
    count, percent = re.search(r'of these (\d+), ([\d.]+) % are recognised', SECTIONS[name]).groups()
    assert int(count) == len(heldout['labels'])
    assert float(percent) == pytest.approx(100 * heldout['accuracy'])


@pytest.mark.parametrize('name', ['FileTypeModel', 'OCRModel'])
def test_the_largest_body(name):
    assert Conf().model(name)['max_body'] == 8 * 2**20
    assert 'It takes files of up to 8 MiB' in SECTIONS[name]


@pytest.mark.examples
def test_the_commands(make_service):
    from tests.models.test_ocr_model import TEXT, picture_of

    tree = make_service(environment={'WORKERS': '1'})
    picture_of(TEXT).save(tree.folder / 'picture.png')
    follow(tree, blocks(DOCUMENT))
