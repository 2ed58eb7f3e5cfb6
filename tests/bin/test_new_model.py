"""bin/new-model.sh gives a model that is served and tested, or changes nothing."""

import shutil
import sys

import pytest

from tests.conftest import BASE_FOLDER
from tests.docs.following import prepare

# The longest name that is taken.
LONGEST = 'Abcdefghijklmnopqrstuvwxy'


def contents(tree):
    """Return what stands in the files that a refusal must not change."""
    patterns = ('model_serving/**/*.py', 'conf/*', 'tests/**/*.py', 'bin/*')
    return {path: path.read_bytes() for pattern in patterns for path in tree.folder.glob(pattern)}


def assert_refused(tree, name, why):
    before = contents(tree)
    finished = tree.run('bin/new-model.sh', name)
    assert finished.returncode == 1
    assert why in finished.stderr
    assert contents(tree) == before


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree with what the tests need, in which Sentiment was made."""
    tree = service_class(tmp_path_factory.mktemp('new model') / 'model serving')
    prepare(tree, 'SentimentModel')
    tree.made = tree.run('bin/new-model.sh', 'Sentiment')
    yield tree
    tree.stop()


@pytest.mark.long
def test_its_own_written_test_passes_and_each_place_to_change_is_marked(tree):
    assert tree.made.returncode == 0, tree.made.stderr
    tested = tree.run(sys.executable, '-m', 'pytest', '-q', 'tests/models/test_sentiment_model.py')
    assert tested.returncode == 0, tested.stdout
    assert '3 passed' in tested.stdout
    written = [line.split()[1] for line in tree.made.stdout.splitlines() if line.startswith('Written: ')]
    assert len(written) == 4
    assert all('# TODO: ' in (tree.folder / path).read_text(encoding='utf-8') for path in written)


@pytest.mark.long
def test_its_own_test_passes_when_it_takes_parameters(service_class, tmp_path):
    tree = service_class(tmp_path / 'model serving')
    prepare(tree)
    assert tree.run('bin/new-model.sh', 'Taking').returncode == 0
    model, conf = (tree.folder / path for path in ('model_serving/models/taking_model.py', 'conf/taking_model.conf'))
    model.write_text(model.read_text().replace('__init__(self)', '__init__(self, token)'))
    conf.write_text(f'{conf.read_text()}[params]\ntoken = something\n')
    tested = tree.run(sys.executable, '-m', 'pytest', '-q', 'tests/models/test_taking_model.py')
    assert '3 passed' in tested.stdout


def test_it_is_served_with_a_form(tree):
    tree.start()
    answer = tree.post('/v1/SentimentModel', json={'text': 'Hello'})
    assert (answer.status_code, answer.json()) == (200, {'result': {'characters': 5}})
    assert tree.post('/v1/XXXModel', json={'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
    document = tree.get('/openapi.json').json()
    operation = document['paths']['/v1/SentimentModel']['post']
    assert operation['x-model']['state'] == 'ready'
    name = operation['requestBody']['content']['application/json']['schema']['$ref'].rpartition('/')[2]
    assert document['components']['schemas'][name]['properties']['text']['type'] == 'string'
    assert ' - [SentimentModel] - Initializing Sentiment Model ...' in tree.log


@pytest.mark.parametrize(
    'name, why',
    [
        ('Sentiment', 'SentimentModel is there already'),
        ('SentimentModel', 'SentimentModel is there already'),
        ('sentiment_model', 'SentimentModel is there already'),
        ('sentiMent', 'SentiMentModel is there already'),
        ('XXX', 'XXXModel is there already'),
        ('wine', 'WineModel is there already'),
        ('Model', "the name 'Model' is reserved"),
        ('2Fast', 'must have the form'),
        ('A-B', 'must have the form'),
        ('A/../B', 'must have the form'),
        ('范', 'must have the form'),
        ('', 'is reserved'),
        (f'{LONGEST}z', 'is too long: at most 30 characters'),
        ('--help', 'Usage: bin/new-model.sh <Name>'),
    ],
)
def test_a_taken_or_bad_name_changes_nothing(tree, name, why):
    assert_refused(tree, name, why)


@pytest.mark.parametrize(
    'file, text, why',
    [
        ('models/mine_model.py', 'MINE = True\n', 'models/mine_model.py is there already'),
        ('routes.py', 'ROUTES = ()\n', "    Route('/v1/MineModel', MineModelResource, MineModel),"),
    ],
    ids=['a file of that name', 'routes of another form'],
)
def test_what_the_user_wrote_is_left_alone(service_class, tmp_path, file, text, why):
    tree = service_class(tmp_path, {f'model_serving/{file}': text})
    assert_refused(tree, 'Mine', why)


@pytest.mark.parametrize('name', ['A', 'fileTypeOfHTML5', LONGEST])
def test_what_is_written_has_our_style(tree, name):
    made = tree.run('bin/new-model.sh', name)
    assert made.returncode == 0, made.stderr
    for command in (('check',), ('format', '--check')):
        checked = tree.run(sys.executable, '-m', 'ruff', *command, '.')
        assert checked.returncode == 0, checked.stdout


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_new_model_breaks_no_other_test(service_class, tmp_path):
    """These look at all the models there are."""
    tree = service_class(tmp_path / 'model serving')
    shutil.copytree(BASE_FOLDER / 'tests', tree.folder / 'tests', ignore=shutil.ignore_patterns('__pycache__'))
    assert tree.run('bin/new-model.sh', 'Unheard').returncode == 0
    tests = ['tests/docs', 'tests/web/test_openapi.py', 'tests/test_app.py', 'tests/test_architecture.py']
    tested = tree.run(sys.executable, '-m', 'pytest', '-q', '-x', *tests, timeout=390)
    assert tested.returncode == 0, tested.stdout
