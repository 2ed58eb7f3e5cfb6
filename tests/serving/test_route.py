"""The rows of routes.py: a mistake is refused at start, by a line that names it and says what belongs there."""

from functools import partial

import pytest
from flask_restful import Resource

from model_serving.app import create_app
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.errors import StartError
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json

URL = '/v1/XXXModel'
GOOD = Route('/v1/GoodModel', XXXModelResource, XXXModel)
SECOND = f'{URL}: the second value must be the class of its Flask-RESTful resource, not '
THIRD = f'{URL}: the third value must be the class of its model, not '
ROW = 'row 2 must be Route(url, resource, model), not '


class OwnResource(Resource):
    def post(self):
        return {'result': 'its own'}


class ForgetfulResource(ModelResource):
    def post(self, instance):
        return {'result': self.predict(instance)}


class MisnamedResource(ModelResource):
    @validate_json({'type': 'object'})
    def post(self, text):
        return {'result': text}


class AsyncResource(Resource):
    async def post(self):
        return {}


def served(*routes):
    return create_app(routes, Conf('nowhere', {})).test_client()


def reason(*routes):
    with pytest.raises(StartError) as error:
        served(*routes)
    return str(error.value)


def test_the_start_shows_no_argument_of_a_model():
    app = create_app([Route(URL, XXXModelResource, partial(partial(XXXModel), 'a-secret'))], Conf('nowhere', {}))
    assert app.servables[URL].source == 'XXXModel'


def test_version_and_name():
    assert Route('/v12/My_Model2', None).version_and_name == (12, 'My_Model2')


@pytest.mark.parametrize(
    'urls, reason',
    [
        (['/XXXModel', '/v1/', '/vx/A', '/v1/2Model', '/v1/A-B', '/v1/A/B', '/v1/范', 'v1/A'], 'must have the form'),
        (['/v1/models', '/v1/Health', '/v1/repository'], 'is reserved'),
    ],
)
def test_any_other_url_is_refused(urls, reason):
    for url in urls:
        with pytest.raises(StartError, match=reason):
            _ = Route(url, None).version_and_name


@pytest.mark.parametrize(
    'row, expected',
    [
        (Route(URL, XXXModel, XXXModelResource), f'{SECOND}the class XXXModel. Its third value is such a class'),
        (Route(URL, XXXModel, XXXModel), f'{SECOND}the class XXXModel.'),
        (Route(URL, 'XXXModelResource', XXXModel), f"{SECOND}'XXXModelResource'."),
        (Route(URL, OwnResource()), f'{SECOND}an object of OwnResource.'),
        (Route(URL, XXXModelResource, XXXModel()), f'{THIRD}an object of XXXModel.'),
        (Route(URL, XXXModelResource), f'{THIRD}None.'),
        (Route(URL, XXXModelResource, XXXModelResource), f'{THIRD}the class XXXModelResource.'),
        (Route(XXXModelResource, URL, XXXModel), 'the class XXXModelResource: a row must start with its URL'),
        ((URL, XXXModelResource, XXXModel), f'{ROW}an object of tuple.'),
        (XXXModel, f'{ROW}the class XXXModel.'),
        (URL, f"{ROW}'{URL}'."),
    ],
)
def test_what_belongs_there(row, expected):
    assert reason(GOOD, row).startswith(f'routes.py: {expected}')


@pytest.mark.parametrize('routes', [GOOD, None])
def test_the_table_itself(routes):
    with pytest.raises(StartError, match=r'^routes\.py: ROUTES must be a tuple of rows'):
        create_app(routes, Conf('nowhere', {}))


@pytest.mark.parametrize(
    'row, result',
    [
        # A model is whatever makes it when it is called.
        *[((XXXModelResource, model), 'Hello, Leo!') for model in (XXXModel, lambda: XXXModel(), partial(XXXModel))],
        # A resource of one's own needs no model.
        *[((OwnResource, *model), 'its own') for model in ((), (None,), ('not used',))],
    ],
)
def test_what_is_served(row, result):
    assert served(Route(URL, *row)).post(URL, json={'name': 'Leo'}).json == {'result': result}


@pytest.mark.parametrize('needs', ['no_such_package', 'no_such_package.part', 'json.no_such_part'])
def test_a_row_whose_package_is_missing_is_skipped(needs):
    message = served(GOOD, Route(URL, XXXModelResource, XXXModel, needs)).post(URL).json['message']
    assert message.startswith(f'{URL} is not served: it needs {needs}.')


@pytest.mark.parametrize(
    'resource, expected',
    [
        (ForgetfulResource, "takes 'instance', but no value is given for it"),
        (MisnamedResource, "takes 'text', but no value is given for it"),
        (AsyncResource, 'is async'),
    ],
)
def test_a_post_that_could_never_be_called_is_named_with_its_line(resource, expected):
    place, _, rest = reason(Route(URL, resource, XXXModel)).partition(': post of ')
    assert place.startswith('tests/serving/test_route.py, line ')
    assert rest == (
        f'{resource.__name__} {expected}. '
        'Write @validate_json(schema) above it, and (self, instance) as its parameters.'
    )


def test_a_resource_without_a_method_is_refused():
    class Misspelt(Resource):
        def posts(self):
            return {}

    assert reason(Route(URL, Misspelt)).endswith('Misspelt answers nothing: it needs a method `post`.')


def test_a_post_that_is_handed_its_instance_otherwise_is_served():
    class ByClass(ForgetfulResource):
        method_decorators = [validate_json({'type': 'object'})]

    class ByDefault(ModelResource):
        def post(self, instance=None):
            return {'result': instance}

    client = served(*(Route(f'/v1/{each.__name__}', each, XXXModel) for each in (ByClass, ByDefault)))
    assert client.post('/v1/ByClass', json={'name': 'Leo'}).json == {'result': 'Hello, Leo!'}
    assert client.post('/v1/ByDefault').json == {'result': None}


@pytest.mark.parametrize(
    'schema, expected',
    [
        ({'properties': {'result': {'type': 'strng'}}}, "properties.result.type: 'strng' is not one of"),
        (5, 'it must be an object (and its $schema a text), not 5'),
        (property(lambda self: {}), 'it must be an object (and its $schema a text), not <property object'),
    ],
)
def test_a_result_schema_that_is_none(schema, expected):
    resource = type('WrongResultResource', (XXXModelResource,), {'result_schema': schema, '__module__': __name__})
    message = served(Route(URL, resource, XXXModel)).get('/health/ready').json['models'][URL]
    assert message.startswith(f'result_schema of WrongResultResource is not a JSON Schema: {expected}')
    assert message.endswith('(tests/serving/test_route.py)')
