"""For new-model.sh: the files of a new model and its row in routes.py.

All is checked before anything is written. In the templates the model is `Example Model`, `ExampleModel`,
`example_model`.
"""

import ast
import re
import sys
from pathlib import Path

BASE_FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BASE_FOLDER))

from model_serving.serving.errors import StartError  # noqa: E402
from model_serving.serving.route import version_and_name  # noqa: E402

ROUTES = BASE_FOLDER / 'model_serving' / 'routes.py'
# So that the model's row fits in a line.
MAX_NAME = 30
WORD_STARTS = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])')

MODEL = '''\
import logging

LOGGER = logging.getLogger('ExampleModel')


class ExampleModel:
    """Counts the characters of a text."""  # TODO: say what yours does

    # TODO: True when nothing of it holds threads, locks or connections: then the workers share one copy.
    load_before_fork = False

    def __init__(self):
        LOGGER.info('Initializing Example Model ...')
        # TODO: load your model here; this is called once. Keep it in self.
        LOGGER.info('Example Model Initialized.')

    def predict(self, instances: list) -> list:
        """Return a result for each of `instances`, in their order."""
        # TODO: predict. An instance is a dict that fits the schema of the resource.
        return [{'characters': len(instance['text'])} for instance in instances]
'''

RESOURCE = '''\
from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

# TODO: what a client sends, as JSON Schema. The page makes its form of it, and the examples are sent at each start.
example_model_schema = {
    'type': 'object',
    'properties': {
        'text': {'type': 'string', 'description': 'Any text'},
    },
    'required': ['text'],
    'examples': [{'text': 'Hello, Leo!'}],
}

# TODO: what it gets back. The answers to the examples must fit.
example_model_result_schema = {
    'type': 'object',
    'properties': {
        'result': {
            'type': 'object',
            'properties': {
                'characters': {'type': 'integer', 'description': 'How many there are', 'minimum': 0},
            },
            'required': ['characters'],
        },
    },
    'required': ['result'],
}


class ExampleModelResource(ModelResource):
    """A text → the number of its characters."""  # TODO: the line that the page shows

    result_schema = example_model_result_schema

    @validate_json(example_model_schema)
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}
'''

CONF = """\
# Settings of /v1/ExampleModel: any key of section [model] in docs/configuration.md

[model]
name = ExampleModel
# TODO: how long a call may take, in seconds
timeout = 30
"""

TEST = """\
from model_serving.models.example_model import ExampleModel
from model_serving.utils.conf_utils import Conf

# TODO: instances of yours, and what is right for them.
INSTANCES = [{'text': 'Hello, Leo!'}, {'text': ''}]
RESULTS = [{'characters': 11}, {'characters': 0}]


def test_predict_keeps_the_order():
    # The [params] of its .conf, if it takes any.
    arguments = Conf().arguments('ExampleModel', ExampleModel)
    assert ExampleModel(**arguments).predict(INSTANCES) == RESULTS


def test_it_is_served(service):
    for instance, result in zip(INSTANCES, RESULTS, strict=True):
        answer = service.post('/v1/ExampleModel', json=instance)
        assert (answer.status_code, answer.json()) == (200, {'result': result})


def test_what_the_schema_does_not_allow_is_refused(service):
    answer = service.post('/v1/ExampleModel', json={})
    assert (answer.status_code, answer.json()['message']) == (400, "'text' is a required property")
"""

FILES = {
    'model_serving/models/example_model.py': MODEL,
    'model_serving/resources/example_model_resource.py': RESOURCE,
    'conf/example_model.conf': CONF,
    'tests/models/test_example_model.py': TEST,
}
IMPORTS = (
    'from .models.example_model import ExampleModel',
    'from .resources.example_model_resource import ExampleModelResource',
)
ROW = "    Route('/v1/ExampleModel', ExampleModelResource, ExampleModel),"


def model_name(text: str) -> str:
    """Return `SentimentModel` for `Sentiment`, `SentimentModel` or `sentiment_model`; raises StartError."""
    name = ''.join(word[:1].upper() + word[1:] for word in text.split('_'))
    name = name if name.endswith('Model') else f'{name}Model'
    version_and_name(f'/v1/{name}', repr(text))
    if len(name) > MAX_NAME:
        raise StartError(f'{name} is too long: at most {MAX_NAME} characters.')
    return name


def named(template: str, name: str) -> str:
    """Return `template` with the names of the model `name`."""
    words = WORD_STARTS.sub(' ', name)
    for example, ours in (
        ('Example Model', words),
        ('ExampleModel', name),
        ('example_model', words.replace(' ', '_').lower()),
    ):
        template = template.replace(example, ours)
    return template


def check_free(name: str):
    """Raise StartError where a route, a .conf file or another file has the name, be it in another case."""
    taken = re.findall(r"""['"]/v\d+/(\w+)""", ROUTES.read_text(encoding='utf-8'))
    for conf in (BASE_FOLDER / 'conf').glob('*.conf'):
        taken += re.findall(r'^name\s*[=:]\s*(\S+)', conf.read_text(encoding='utf-8'), re.MULTILINE)
    if name.lower() in map(str.lower, taken):
        raise StartError(f'{name} is there already.')
    for path in FILES:
        if (BASE_FOLDER / named(path, name)).exists():
            raise StartError(f'{named(path, name)} is there already.')


def routes_with(name: str) -> str:
    """Return the text of routes.py with the model's imports and row; raises StartError where that can't be done."""
    lines = ROUTES.read_text(encoding='utf-8').splitlines()
    try:
        for line in (named(line, name) for line in IMPORTS):
            following = next(other for other in lines if other.startswith('from .') and other > line)
            lines.insert(lines.index(following), line)
        lines.insert(lines.index(')', lines.index('ROUTES = (')), named(ROW, name))
        text = '\n'.join(lines) + '\n'
        ast.parse(text)
    except (StopIteration, ValueError, SyntaxError) as error:
        raise StartError(
            'routes.py has another form than the one it came with. These are the lines that it needs:\n'
            + named('\n'.join([*IMPORTS, ROW]), name)
        ) from error
    return text


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        sys.exit('Usage: bin/new-model.sh <Name>, as in: bin/new-model.sh Sentiment')
    try:
        name = model_name(sys.argv[1])
        check_free(name)
        routes = routes_with(name)
    except StartError as error:
        sys.exit(f'Nothing was changed. {error}')
    for path, text in FILES.items():
        target = BASE_FOLDER / named(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(named(text, name), encoding='utf-8')
        print(f'Written: {named(path, name)}')
    ROUTES.write_text(routes, encoding='utf-8')
    print('Changed: model_serving/routes.py')
    print(f'/v1/{name} works as it is: run bin/reload.sh, or bin/start.sh. Each place to change is marked TODO.')


if __name__ == '__main__':
    main()
