"""Results and handlers of every kind: other protocols give what the model's own URL gives, or a clear error."""

import math
from functools import wraps

import numpy as np
import pytest
from flask import Response, abort, g, jsonify, make_response, request
from werkzeug.exceptions import HTTPException

from model_serving.app import create_app
from model_serving.resources.model_resource import ModelResource
from model_serving.serving.errors import StartError
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json
from tests.conftest import call_asgi, run_async
from tests.dialects.envelopes import flat

schema = {
    'type': 'object',
    'properties': {'n': {'type': 'integer'}},
    'required': ['n'],
    'examples': [{'n': 0}],
}
ROWS = [{'n': 0}, {'n': 1}]
NUMBER, INTEGER, TEXT = {'type': ['number', 'null']}, {'type': ['integer', 'null']}, {'type': ['string', 'null']}


def an_object(**properties):
    return {'type': 'object', 'properties': properties}


# The results of two rows, and their schema.
RESULTS = {
    'texts of NumPy': (list(np.array(['a', 'b'])), TEXT),
    'tuples of texts': ([('a', 'b'), ('c', 'd')], {'type': 'array', 'items': TEXT}),
    'an array of texts': ([np.array(['a', 'b'])] * 2, {'type': 'array', 'items': TEXT}),
    'integers beyond 2^53 beside floats': ([2**53 + 1, 3.0], INTEGER),
    'integers of NumPy beside null': ([np.int64(7), None], INTEGER),
    'booleans beside null': ([True, None], {'type': ['boolean', 'null']}),
    'float32 beside floats': ([np.float32(0.9), 0.5], NUMBER),
    'float32': ([np.float32(0.9), np.float32(0.1)], NUMBER),
    'arrays of float32': ([np.array([0.9, 0.1], 'f4')] * 2, {'type': 'array', 'items': NUMBER}),
    'NaN': ([math.nan, 1.5], NUMBER),
    'keys that are numbers': ([{'p': {0: 0.25, 1: 0.75}}] * 2, an_object(p=an_object(**{'0': NUMBER, '1': NUMBER}))),
    'an object that is null': ([{'p': {'a': 1.5}}, {'p': None}], an_object(p=an_object(a=NUMBER))),
    'a property that is missing': ([{'a': 'x', 'b': 1}, {'a': 'y'}], an_object(a=TEXT, b=INTEGER)),
}


def client_of(post, results=(0, 1), result_schema=None, change=lambda app: None, **attributes):
    """Return a client of a service with one model, which answers `results`, and whose handler is `post`."""

    class Model:
        def predict(self, instances):
            return [results[instance['n']] for instance in instances]

    given = None if result_schema is None else {'type': 'object', 'properties': {'result': result_schema}}
    resource = type('OddResource', (ModelResource,), {'post': post, 'result_schema': given, **attributes})
    app = create_app([Route('/v1/Odd', resource, Model)], Conf('nowhere', {'MODEL_SERVING_MODEL_ON_ERROR': 'skip'}))
    change(app)
    return app.test_client()


@validate_json(schema)
async def plain(self, instance):
    return {'result': await self.predict_async(instance)}


def tensors(client, rows=ROWS, **more):
    head = {'name': 'n', 'shape': [len(rows)], 'datatype': 'INT64', 'data': [row['n'] for row in rows]}
    return client.post('/v2/models/Odd/infer', json={'inputs': [head], **more})


def rows_of(client, rows=ROWS, **options):
    return client.post('/v1/models/Odd:predict', json={'instances': rows}, **options)


@pytest.mark.parametrize('name', RESULTS)
def test_results_are_those_of_the_models_own_url(name):
    results, result_schema = RESULTS[name]
    client = client_of(plain, results, result_schema)
    native = [client.post('/v1/Odd', json=row).json['result'] for row in ROWS]
    assert rows_of(client).json == {'predictions': native}
    answer = tensors(client)
    assert answer.status_code == 200, answer.json
    found = [value for output in answer.json['outputs'] for value in output['data']]
    if result_schema.get('type') == 'object':
        names = list(result_schema['properties'])
        native = [[None if row.get(name) is None else row[name] for row in native] for name in names]
    # A row of an output that is null has null in each of its columns.
    assert found == flat(native)


def test_results_that_are_no_tensor_say_what_to_do():
    answer = tensors(client_of(plain, [['a'], ['b', 'c']], {'type': 'array', 'items': TEXT}))
    assert answer.status_code == 400
    assert answer.json['error'].startswith('result: the results of these rows differ in length')
    assert ':predict' in answer.json['error']


def test_a_result_that_is_not_as_its_schema_says_is_a_fault_of_the_model():
    client = client_of(plain, ['a', 'b'], NUMBER)
    assert tensors(client).status_code == 503  # its own example has failed


def test_a_result_beside_something_else():
    @validate_json(schema)
    async def post(self, instance):
        result = await self.predict_async(instance)
        return {'result': result, **({'note': 'odd'} if result else {})}

    # The schema decides for all rows; without one, each answer.
    assert rows_of(client_of(post, result_schema=INTEGER)).json == {'predictions': [0, 1]}
    assert rows_of(client_of(post)).json == {'predictions': [0, {'result': 1, 'note': 'odd'}]}


@pytest.mark.parametrize(
    'answer, status, header',
    [
        (({'message': 'Pay first.'}, 402), 402, None),
        (({'message': 'Later.'}, 503, {'Retry-After': '7'}), 503, ('Retry-After', '7')),
        (({'message': 'Not this way.'}, 405), 405, None),
        (({'message': 'See there.'}, 302), 500, None),
        (({'message': 'Wrong.'}, 400, [('X-A', 'a'), ('content-length', '5'), ('Location', '/')]), 400, ('X-A', 'a')),
    ],
)
def test_a_status_of_a_handler(answer, status, header):
    @validate_json(schema)
    async def post(self, instance):
        return answer if instance['n'] else {'result': 0}

    got = rows_of(client_of(post))
    assert got.status_code == status
    assert got.json == {'error': f'instances[1]: {answer[0]["message"]}'}
    assert header is None or got.headers[header[0]] == header[1]
    assert len(got.headers.getlist('Content-Length')) == 1
    assert 'Location' not in got.headers


LATER = '{"message": "Later."}'


def raise_(error):
    raise error


@pytest.mark.parametrize(
    'make, status, message',
    [
        (lambda: Response('no', 422), 422, 'no'),
        (lambda: Response(LATER, 503, {'Retry-After': '9'}, mimetype='application/json'), 503, 'Later.'),
        (lambda: abort(Response('there', 302, {'Location': '/'})), 500, 'there'),
        (lambda: raise_(HTTPException('boo')), 500, 'boo'),
    ],
)
def test_an_error_that_is_a_response(make, status, message):
    @validate_json(schema)
    def post(self, instance):
        return make() if instance['n'] else {'result': 0}

    got = rows_of(client_of(post))
    assert (got.status_code, got.json) == (status, {'error': f'instances[1]: {message}'})
    assert got.headers.get('Retry-After') == ('9' if status == 503 else None)


def test_other_ways_to_answer():
    @validate_json(schema)
    def post(self, instance):
        return ({'result': 1}, '201 CREATED') if instance['n'] else make_response(jsonify({'result': 0}))

    assert rows_of(client_of(post)).json == {'predictions': [0, 1]}


@pytest.mark.parametrize('result', [2**63 + 5, 1e300])
def test_integers_that_no_tensor_holds(result):
    client = client_of(plain, [1, result], INTEGER)
    assert rows_of(client).json == {'predictions': [1, result]}
    for more in ({}, {'parameters': {'binary_data_output': True}}):
        answer = tensors(client, **more)
        assert answer.status_code == 400
        assert answer.json['error'].startswith('result: a result of these rows does not fit in INT64. POST the rows')


def test_a_def_handler_sees_the_request():
    @validate_json(schema)
    def post(self, instance):
        return {'result': [request.headers.get('X-Word'), request.remote_addr, g.get('user'), request.json['n']]}

    def change(app):
        @app.before_request
        def who():
            g.user = 'Leo'

    client = client_of(post, change=change)
    expected = client.post('/v1/Odd', json=ROWS[1], headers={'X-Word': 'a'}).json['result']
    answer = rows_of(client, ROWS[1:], headers={'X-Word': 'a'})
    assert answer.json == {'predictions': [expected]}


def test_a_header_with_an_underscore_is_dropped_as_at_the_models_own_url():
    @validate_json(schema)
    def post(self, instance):
        return {'result': request.headers.get('X-Word', 'none')}

    app = client_of(post).application
    headers, body = {'Content-Type': 'application/json', 'X_Word': 'a'}, b'{"instances": [{"n": 1}]}'

    async def answer():
        front = app.extensions['front']
        await front.start()
        return await call_asgi(front, 'POST', '/v1/models/Odd:predict', headers, body)

    assert run_async(answer())[2] == b'{"predictions":["none"]}\n'


@pytest.mark.parametrize('is_async', [False, True])
def test_a_guard_inside_of_validate_json_is_not_skipped(is_async):
    def guard(handler):
        @wraps(handler)
        def guarded(*arguments, **keywords):
            if request.headers.get('X-Deny'):
                abort(403, 'You may not.')
            return handler(*arguments, **keywords)

        return guarded

    if is_async:

        @validate_json(schema)
        @guard
        async def post(self, instance):
            return {'result': await self.predict_async(instance)}
    else:

        @validate_json(schema)
        @guard
        def post(self, instance):
            return {'result': self.predict(instance)}

    client = client_of(post)
    assert rows_of(client).json == {'predictions': [0, 1]}
    denied = rows_of(client, headers={'X-Deny': '1'})
    assert (denied.status_code, denied.json) == (403, {'error': 'instances[0]: You may not.'})


def test_a_guard_around_validate_json_keeps_the_model_at_its_own_url():
    answer = rows_of(client_of(plain, method_decorators=[lambda view: view]))
    assert answer.status_code == 400
    assert answer.json['error'].startswith('Odd answers at /v1/Odd only, since its handler is not a plain')


def test_outputs_asked_for_twice():
    answer = tensors(client_of(plain, result_schema=INTEGER), outputs=[{'name': 'result'}] * 2)
    assert (answer.status_code, answer.json) == (400, {'error': "outputs[1].name: 'result' appears twice"})


CELLS = {
    'type': 'object',
    'properties': {
        'id': {'type': 'integer'},
        'code': {'type': ['string', 'integer']},
        'note': {'anyOf': [{'type': 'string'}, {'type': 'null'}]},
        'any': {},
        'limit': {'type': 'integer'},
        'gap': {'type': ['number', 'null']},
    },
    'required': ['id'],
    'examples': [{'id': 1}],
}


class CellsResource(ModelResource):
    @validate_json(CELLS)
    async def post(self, instance):
        return {'result': instance}


@pytest.fixture(scope='module')
def cells():
    class Model:
        def predict(self, instances):
            return instances

    return create_app([Route('/v1/Cells', CellsResource, Model)], Conf('nowhere', {})).test_client()


@pytest.mark.parametrize(
    'table, instance',
    [
        ('id,code,any\n007,007,007', {'id': 7, 'code': '007', 'any': '007'}),
        ('id,code,any\n7,7,7', {'id': 7, 'code': '7', 'any': 7}),
        ('id\n9223372036854775807', {'id': 2**63 - 1}),
        ('id,note\n-12,007', {'id': -12, 'note': '007'}),
        ('id,limit,gap\n1,,', {'id': 1, 'gap': None}),
        (',id\n0,5', {'id': 5}),
        ('id,note\n1,"' + 'x' * 200_000 + '"', {'id': 1, 'note': 'x' * 200_000}),
    ],
)
def test_cells_of_csv(cells, table, instance):
    answer = cells.post('/v1/Cells/invocations', data=table, content_type='text/csv')
    assert answer.json == {'predictions': [instance]}


@pytest.mark.parametrize('cell', ['18446744073709551616', '1e999', 'NaN', '[1]', '[' * 100_000])
def test_cells_that_are_no_numbers(cells, cell):
    answer = cells.post('/v1/Cells/invocations', data=f'id\n{cell}', content_type='text/csv')
    assert answer.status_code == 400
    assert answer.json['message'].startswith('line 2, column id: ')


@pytest.mark.parametrize('content_type', ['text/csv; Header=absent', 'Text/CSV;header="absent"'])
def test_a_table_that_says_that_it_has_no_header(cells, content_type):
    table = '7,a,b,c,1,2'
    answer = cells.post('/v1/Cells/invocations', data=table, content_type=content_type)
    assert answer.json['predictions'][0]['id'] == 7


@pytest.mark.parametrize('end', ['\n', '\r', '\r\n'])
def test_a_table_of_very_many_cells(cells, end):
    answer = cells.post('/v1/Cells/invocations', data=f'id{end}' + f'1{end}' * 2**20, content_type='text/csv')
    assert answer.status_code == 400
    assert answer.json['message'] == 'A table of more than 1048576 cells is not accepted. Send fewer rows.'


def test_a_row_of_very_many_properties(cells):
    answer = cells.post('/v1/models/Cells:predict', json={'instances': [dict.fromkeys(map(str, range(2**18)), 1)]})
    assert answer.status_code == 400
    assert answer.json['error'] == 'instances[0]: has 262144 columns. Send at most 131072.'


def test_a_table_of_very_many_columns(cells):
    frame = {'columns': [f'c{number}' for number in range(50_000)], 'data': [[1]]}
    answer = cells.post('/v1/Cells/invocations', json={'dataframe_split': frame})
    assert answer.status_code == 400
    assert answer.json['message'] == 'dataframe_split.data[0]: has 1 values for 50000 columns'


@pytest.mark.parametrize('route', ['predict', '/a<b>', '/a?b=1', '//a', '/v1/Cells', '/v1/Cells/invocations'])
def test_routes_of_vertex_ai_that_cannot_be(route):
    routes = [Route('/v1/Cells', CellsResource, dict)]
    with pytest.raises(StartError, match=r'^AIP_PREDICT_ROUTE = .* must be a path such as /predict'):
        create_app(routes, Conf('nowhere', {'AIP_PREDICT_ROUTE': route}))
