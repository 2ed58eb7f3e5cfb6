"""A row of routes.py that holds something wrong is refused, by a line that names it and says what belongs there."""

from functools import partial
from pathlib import Path

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
FIRST = "the first value of its row must be its URL, as '/v1/MyModel', not "
SECOND = 'the second value of its row must be the class of its Flask-RESTful resource, not '
THIRD = 'the third value of its row must be the class of its model, not '
PLACE = 'tests/web/test_rows.py'


class OddPost:
    @validate_json({'type': 'object'})
    async def validated(self):
        return {}

    async def plain(self):
        return {}


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


def served(*routes):
    return create_app(routes, Conf('nowhere', {}))


@pytest.mark.parametrize(
    'row, reason',
    [
        (Route(URL, XXXModel, XXXModelResource), f'{URL}: {SECOND}the class XXXModel. Its third value is such a class'),
        (Route(URL, XXXModel, XXXModel), f'{URL}: {SECOND}the class XXXModel.'),
        (Route(URL, 'XXXModelResource', XXXModel), f"{URL}: {SECOND}'XXXModelResource'."),
        (Route(URL, OwnResource()), f'{URL}: {SECOND}an object of OwnResource.'),
        (Route(URL, XXXModelResource, XXXModel()), f'{URL}: {THIRD}an object of XXXModel.'),
        (Route(URL, XXXModelResource, 'XXXModel'), f"{URL}: {THIRD}'XXXModel'."),
        (Route(URL, XXXModelResource), f'{URL}: {THIRD}None.'),
        (Route(URL, XXXModelResource, XXXModelResource), f'{URL}: {THIRD}the class XXXModelResource.'),
        (Route(XXXModelResource, URL, XXXModel), f'row 2: {FIRST}the class XXXModelResource.'),
        (
            (URL, XXXModelResource, XXXModel),
            f'{URL}: the row must be Route(url, resource, model), not an object of tuple.',
        ),
        ((XXXModelResource, XXXModel), 'row 2: the row must be Route(url, resource, model), not an object of tuple.'),
        ((), 'row 2: the row must be Route(url, resource, model), not an object of tuple.'),
        (XXXModel, 'row 2: the row must be Route(url, resource, model), not the class XXXModel.'),
        (URL, f"row 2: the row must be Route(url, resource, model), not '{URL}'."),
    ],
)
def test_what_belongs_there(row, reason):
    with pytest.raises(StartError) as error:
        served(GOOD, row)
    assert str(error.value).startswith(f'routes.py: {reason}')


@pytest.mark.parametrize('routes', [GOOD, None])
def test_the_table_itself(routes):
    with pytest.raises(StartError, match=r'^routes\.py: ROUTES must be a tuple of rows'):
        create_app(routes, Conf('nowhere', {}))


@pytest.mark.parametrize('model', [XXXModel, lambda: XXXModel(), partial(XXXModel)])
def test_a_model_is_whatever_makes_it_when_it_is_called(model):
    answer = served(Route(URL, XXXModelResource, model)).test_client().post(URL, json={'name': 'Leo'})
    assert answer.json == {'result': 'Hello, Leo!'}


@pytest.mark.parametrize('model', [(), (None,), ('not used',)])
def test_a_resource_of_ones_own_needs_no_model(model):
    assert served(Route(URL, OwnResource, *model)).test_client().post(URL).json == {'result': 'its own'}


@pytest.mark.parametrize('needs', ['no_such_package', 'no_such_package.part', 'json.no_such_part'])
def test_a_row_whose_package_is_missing_is_skipped(needs):
    app = served(GOOD, Route(URL, XXXModelResource, XXXModel, needs))
    assert list(app.extensions['not_installed']) == [URL]


@pytest.mark.parametrize('resource, name', [(ForgetfulResource, 'instance'), (MisnamedResource, 'text')])
def test_a_post_is_handed_nothing_but_the_instance_of_validate_json(resource, name):
    lines = Path(__file__).read_text(encoding='utf-8').splitlines()
    line = lines.index(f'class {resource.__name__}(ModelResource):') + 2
    with pytest.raises(StartError) as error:
        served(Route(URL, resource, XXXModel))
    assert str(error.value) == (
        f'{PLACE}, line {line}: post of {resource.__name__} takes {name!r}, but no value is given for it. '
        'Write @validate_json(schema) above it, and call the parameter instance.'
    )


@pytest.mark.parametrize('resource', [ModelResource, Resource])
@pytest.mark.parametrize(
    'post, line',
    [
        (OddPost.validated, 1),
        (OddPost.plain, 5),
    ],
)
def test_an_async_post_takes_the_instance_of_validate_json(resource, post, line):
    first = Path(__file__).read_text(encoding='utf-8').splitlines().index('class OddPost:') + 1
    odd = type('OddResource', (resource,), {'post': post, '__module__': __name__})
    with pytest.raises(StartError) as error:
        served(Route(URL, odd, XXXModel))
    assert str(error.value) == (
        f'{PLACE}, line {first + line}: post of OddResource is async, so write @validate_json(schema) '
        'above async def post(self, instance).'
    )


def test_a_post_that_is_handed_its_instance_otherwise_is_served():
    class ByClass(ForgetfulResource):
        method_decorators = [validate_json({'type': 'object'})]

    class ByDefault(ModelResource):
        def post(self, instance=None):
            return {'result': instance}

    app = served(*(Route(f'/v1/{each.__name__}', each, XXXModel) for each in (ByClass, ByDefault)))
    client = app.test_client()
    assert client.post('/v1/ByClass', json={'name': 'Leo'}).json == {'result': 'Hello, Leo!'}
    assert client.post('/v1/ByDefault').json == {'result': None}


@pytest.mark.parametrize(
    'schema, reason',
    [
        ({'properties': {'result': {'type': 'strng'}}}, "properties.result.type: 'strng' is not one of"),
        (5, 'it must be an object (and its $schema a text), not 5'),
        (property(lambda self: {}), 'it must be an object (and its $schema a text), not <property object'),
        ({'$schema': 5}, 'it must be an object (and its $schema a text), not {'),
        ({1: {}}, ''),
    ],
)
def test_a_result_schema_that_is_none(schema, reason):
    resource = type('WrongResultResource', (XXXModelResource,), {'result_schema': schema, '__module__': __name__})
    with pytest.raises(StartError) as error:
        served(Route(URL, resource, XXXModel))
    assert str(error.value).startswith(f'{PLACE}: result_schema of WrongResultResource is not a JSON Schema: {reason}')
