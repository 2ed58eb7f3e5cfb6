"""docs/add-a-model.md does what it says: its files are written and its commands run as they stand, in order."""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

BASE_FOLDER = Path(__file__).resolve().parents[2]
DOCUMENT = (BASE_FOLDER / 'docs' / 'add-a-model.md').read_text(encoding='utf-8')
BLOCK = re.compile(r'(?:^`(?P<path>[^`\n]+)`:\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
# Starts the whole of pytest, and with it a second service.
TESTS = 'bin/test.sh '
SECTIONS = re.split(r'^(?=##)', DOCUMENT, flags=re.MULTILINE)


class Block(NamedTuple):
    """A block of the document: `path` where it is a file to write, else None."""

    path: str | None
    language: str
    text: str


def blocks(needs):
    """Return the blocks of the sections that need the package `needs`, None for those that need none."""
    marked = [(re.search(r'<!-- needs (\w+) -->', section), section) for section in SECTIONS]
    text = ''.join(section for mark, section in marked if (mark and mark[1]) == needs)
    return [Block(**match.groupdict()) for match in BLOCK.finditer(text)]


def follow(tree, needs=None):
    """Do what the document says; a block of JSON without a name is what the commands before it printed."""
    printed = None
    for path, language, text in blocks(needs):
        if path:
            (tree.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (tree.folder / path).write_text(text, encoding='utf-8')
        elif language == 'sh':
            printed = None if text.startswith(TESTS) else run(tree, text)
        elif language == 'json':
            assert value(printed.splitlines()[-1]) == value(text)
        else:
            assert text.strip() in (tree.folder / 'model_serving' / 'routes.py').read_text(encoding='utf-8')


def value(text):
    """Return the JSON value; the last digits of its numbers depend on the processor."""
    return json.loads(text, parse_float=lambda number: round(float(number), 3))


def run(tree, commands):
    finished = tree.run('sh', '-ec', commands.replace('http://localhost:9999', tree.url))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree, with what its tests need, before anything of the document is done."""
    tree = service_class(tmp_path_factory.mktemp('add a model') / 'model serving', environment={'WORKERS': '1'})
    (tree.folder / 'tests').mkdir()
    shutil.copy(BASE_FOLDER / 'tests' / 'conftest.py', tree.folder / 'tests')
    yield tree
    tree.stop()


@pytest.fixture(scope='module')
def followed(tree):
    follow(tree)
    return tree


def test_the_three_steps(followed):
    assert len(blocks(None)) > 15
    models = followed.get('/health/ready').json()['models']
    assert {'/v1/CultivarModel', '/v1/SentimentModel', '/v1/SpellingModel'} <= set(models)


def test_the_patch_over_the_schema_of_a_file(followed):
    schema = followed.get('/openapi.json').json()['components']['schemas']['v1.CultivarModel.instance']
    assert schema['description'] == 'Which cultivar is this wine from?'
    assert schema['properties']['alcohol']['maximum'] == 100
    assert followed.post('/v1/CultivarModel', json={'ash': -1}).status_code == 400


@pytest.mark.long
def test_the_tests_of_the_document_pass(followed):
    commands = [text for _, language, text in blocks(None) if language == 'sh' and text.startswith(TESTS)]
    assert len(commands) == 2
    for text in commands:
        assert ' passed' in run(followed, text)


@pytest.mark.skops
def test_from_scikit_learn_to_a_file(tree):
    follow(tree, needs='skops')


def test_the_table_of_files_is_that_of_the_service():
    from model_serving.formats import FORMATS, PACKAGES

    table = re.search(r'^\| file \|.*?\n\n', DOCUMENT, re.MULTILINE | re.DOTALL)[0]
    rows = [line for line in table.splitlines() if line.startswith('| `')]
    assert [suffix for row in rows for suffix in re.findall(r'`(\.\w+)`', row.split('|')[1])] == list(FORMATS)
    assert [line.strip('` ') for line in re.findall(r'pip install ([^`]+)', table)] == list(PACKAGES.values())
