"""MLflow's scoring protocol over HTTP, which is also that of SageMaker's containers."""

import pytest

from model_serving.app import create_app
from model_serving.routes import ROUTES
from model_serving.utils.conf_utils import CONF_FOLDER, Conf

GREET, WINE = '/v1/XXXModel/invocations', '/v1/WineModel/invocations'
CSV = {'Content-Type': 'text/csv'}


@pytest.fixture(scope='module')
def wine(service):
    """An instance of WineModel and its result."""
    example = service.get('/v1/WineModel').json()['examples'][0]
    return example, service.post('/v1/WineModel', example).json()['result']


@pytest.mark.parametrize(
    'body',
    [
        {'dataframe_split': {'columns': ['name'], 'index': [7, 8], 'data': [['Leo'], ['Ada']]}},
        {'dataframe_records': [{'name': 'Leo'}, {'name': 'Ada'}]},
        {'instances': ['Leo', {'name': 'Ada'}]},
        {'inputs': {'name': ['Leo', 'Ada']}},
        {'inputs': ['Leo', 'Ada'], 'params': {'any': 1}},
    ],
)
def test_each_form(service, body):
    assert service.post(GREET, body).json() == {'predictions': ['Hello, Leo!', 'Hello, Ada!']}


def test_csv(service, wine):
    instance, result = wine
    lines = f'{",".join(instance)}\r\n{",".join(map(str, instance.values()))}\r\n'
    assert service.post(WINE, data=lines, headers=CSV).json() == {'predictions': [result]}
    # Excel begins a file of UTF-8 with a mark, and quotes what has commas.
    greetings = service.post(GREET, data='\ufeffname\n"Leo, Ada"\n范\n'.encode(), headers=CSV).json()
    assert greetings == {'predictions': ['Hello, Leo, Ada!', 'Hello, 范!']}


def test_csv_without_a_header(service, wine):
    instance, result = wine
    line = ','.join(map(str, instance.values()))
    headers = {'Content-Type': 'text/csv; header=absent'}
    assert service.post(WINE, data=line, headers=headers).json() == {'predictions': [result]}
    # Else its first row would be lost without a word.
    answer = service.post(WINE, data=line, headers=CSV)
    assert answer.status_code == 400
    assert answer.json()['message'].endswith('If there is no such line, send Content-Type: text/csv; header=absent')


def csv_of(body):
    return {'data': body, 'headers': CSV}


REFUSED = {
    'nothing': (GREET, {'json': {}}, 'The body must have exactly one of dataframe_split, dataframe_records, instances'),
    'two forms': (GREET, {'json': {'instances': [1], 'inputs': [1]}}, 'it has instances and inputs'),
    'no columns': (GREET, {'json': {'dataframe_split': {'data': [[1]]}}}, 'dataframe_split: must be an object with'),
    'no data': (GREET, {'json': {'dataframe_split': {'columns': ['name']}}}, 'dataframe_split.data: must be a list'),
    'no row': (GREET, {'json': {'dataframe_split': {'columns': ['name'], 'data': []}}}, 'data: must not be empty'),
    'a bad cell': (
        GREET,
        {'json': {'dataframe_split': {'columns': ['age', 'name'], 'data': [[1, 'a'], [2, 'b'], [3, 4]]}}},
        "dataframe_split.data[2][1]: 4 is not of type 'string'",
    ),
    'a short row': (
        GREET,
        {'json': {'dataframe_split': {'columns': ['name', 'age'], 'data': [['a']]}}},
        'dataframe_split.data[0]: has 1 values for 2 columns',
    ),
    'a column twice': (
        GREET,
        {'json': {'dataframe_split': {'columns': ['name', 'name'], 'data': [['a', 'b']]}}},
        "Column 'name' appears twice.",
    ),
    'a record that is no object': (
        GREET,
        {'json': {'dataframe_records': ['Leo']}},
        'dataframe_records[0]: must be an object',
    ),
    'a list': (GREET, {'json': [{'name': 'Leo'}]}, 'write {"dataframe_records": …} around the list.'),
    'a frame alone': (
        GREET,
        {'json': {'columns': ['name'], 'data': []}},
        'Write {"dataframe_split": …} around the body.',
    ),
    'a bad record': (
        GREET,
        {'json': {'dataframe_records': [{}]}},
        "dataframe_records[0]: 'name' is a required property",
    ),
    'a column that is missing': (WINE, csv_of('alcohol,ash\n1,2\n3,\n'), "line 2: 'malic_acid' is a required property"),
    'names without a row': (GREET, csv_of('name,age\n'), 'The table has no row.'),
    'a row that is too long': (GREET, csv_of('name\nLeo,Ada\n'), 'line 2: has 2 values for 1 columns'),
    'an open quote': (GREET, csv_of('name\n"Leo'), 'is not CSV'),
    'not UTF-8': (GREET, csv_of(b'name\n\xff'), 'The table is not UTF-8'),
    'no body': (GREET, csv_of(''), 'The table has no row.'),
    'no JSON': (GREET, {'data': '{'}, 'The body is not valid JSON'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_refused(service, name):
    url, options, reason = REFUSED[name]
    answer = service.post(url, **options)
    assert answer.status_code == 400
    assert answer.json()['error_code'] == 'BAD_REQUEST'
    assert reason in answer.json()['message']


def test_null_and_numbers_in_csv(gallery):
    """An empty cell is null, where the schema allows it; a text of digits stays a text where the schema wants one."""
    names = ['text', 'weight', 'missing', 'colour']
    answer = gallery.post('/v1/FormModel/invocations', **csv_of(f'{",".join(names)}\n007,1e0,,red\n'))
    assert answer.json() == {'predictions': [dict(zip(names, ['007', 1.0, None, 'red'], strict=True))]}
    answer = gallery.post('/v1/FormModel/invocations', **csv_of(f'{",".join(names)}\n007,,,red\n'))
    assert answer.json()['message'] == "line 2, column weight: null is not of type 'number'"


def test_no_default_model(service):
    answer = service.post('/invocations', {'instances': ['Leo']})
    assert answer.status_code == 404
    assert answer.json()['error_code'] == 'RESOURCE_DOES_NOT_EXIST'
    assert 'default_model = <name>' in answer.json()['message']
    answer = service.post('/v1/NoModel/invocations', {'instances': ['Leo']})
    assert answer.json()['message'].startswith("There is no model 'NoModel'.")


@pytest.mark.parametrize('environ', [{'MODEL_SERVING_SERVING_DEFAULT_MODEL': 'v1/XXXModel'}, {}])
def test_the_default_model_or_the_only_one(tmp_path, environ):
    routes = ROUTES if environ else [route for route in ROUTES if route.url == '/v1/XXXModel']
    client = create_app(routes, Conf(CONF_FOLDER if environ else tmp_path, environ)).test_client()
    answer = client.post('/invocations', json={'instances': ['Leo']})
    assert answer.json == {'predictions': ['Hello, Leo!']}


def test_health(service):
    assert service.get('/ping').json()['status'] == 'ready'
    assert service.get('/health').json()['status'] == 'ready'
