"""docs/add-a-model.md does what it says."""

import re

import pytest

from model_serving.formats import FORMATS, PACKAGES
from tests.conftest import BASE_FOLDER
from tests.docs.following import blocks, follow, prepare, run, text_of

DOCUMENT = text_of('docs/add-a-model.md')
SECTIONS = re.split(r'^(?=##)', DOCUMENT, flags=re.MULTILINE)
OPTIONAL = '<!-- needs skops -->'
DEFAULT_BLOCKS = blocks(''.join(section for section in SECTIONS if OPTIONAL not in section))
# Starts the whole of pytest, and with it a second service.
TESTS = 'bin/test.sh '


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree, with what its tests need, before anything of the document is done."""
    # What the document exports stays in the shell of whoever follows it.
    environment = {'WORKERS': '1', 'HUB_TOKEN': 'only-an-example'}
    tree = service_class(tmp_path_factory.mktemp('add a model') / 'model serving', environment=environment)
    names = ('Cultivar', 'Iris', 'IrisNet', 'Sentiment', 'Spelling', 'Story', 'Loudness', 'Number', 'Length')
    prepare(tree, *(f'{name}Model' for name in names))
    yield tree
    tree.stop()


@pytest.fixture(scope='module')
def followed(tree):
    follow(tree, DEFAULT_BLOCKS, skip=(TESTS,))
    return tree


@pytest.mark.long
def test_the_three_steps_and_their_rows(followed):
    models = followed.get('/health/ready').json()['models']
    assert {'/v1/CultivarModel', '/v1/SentimentModel', '/v1/SpellingModel'} <= set(models)
    routes = (followed.folder / 'model_serving' / 'routes.py').read_text(encoding='utf-8')
    rows = [block.text.strip() for block in DEFAULT_BLOCKS if block.text.startswith('Route(')]
    assert len(rows) == 2
    assert all(f'    {row},\n' in routes for row in rows)


@pytest.mark.long
def test_the_patch_over_the_schema_of_a_file(followed):
    schema = followed.get('/openapi.json').json()['components']['schemas']['v1.CultivarModel.instance']
    assert schema['description'] == 'Which cultivar is this wine from?'
    assert schema['properties']['alcohol']['maximum'] == 100
    assert followed.post('/v1/CultivarModel', json={'ash': -1}).status_code == 400


@pytest.mark.long
def test_the_tests_of_the_document_pass(followed):
    commands = [block.text for block in DEFAULT_BLOCKS if block.text.startswith(TESTS)]
    assert len(commands) == 2
    for text in commands:
        assert ' passed' in run(followed, text)


@pytest.mark.skops
def test_from_scikit_learn_to_a_file(tree):
    for section in SECTIONS:
        if OPTIONAL in section:
            follow(tree, blocks(section))


def test_the_table_of_files_is_that_of_the_service():
    table = re.search(r'^\| file \|.*?\n\n', DOCUMENT, re.MULTILINE | re.DOTALL)[0]
    rows = [line for line in table.splitlines() if line.startswith('| `')]
    assert [suffix for row in rows for suffix in re.findall(r'`(\.\w+)`', row.split('|')[1])] == list(FORMATS)
    assert [line.strip('` ') for line in re.findall(r'pip install ([^`]+)', table)] == list(PACKAGES.values())


def test_the_first_page(make_service):
    """The two ways of the README, with a model file of the user's."""
    tree = make_service(environment={'WORKERS': '1'}, start=False)
    (conf,) = [block for block in blocks(text_of('README.md')) if block.path]
    (new_model,) = [block for block in blocks(text_of('README.md')) if 'new-model.sh' in block.text]
    (tree.folder / conf.path).write_text(conf.text)
    (tree.folder / 'data' / 'my_model.onnx').write_bytes((BASE_FOLDER / 'data' / 'wine.onnx').read_bytes())
    run(tree, new_model.text)
    tree.start()
    models = tree.get('/health/ready').json()['models']
    assert (models['/v1/MyModel'], models['/v1/SentimentModel']) == ('ready', 'ready')
