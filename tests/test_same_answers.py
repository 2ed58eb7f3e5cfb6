"""One corpus of requests, sent every way that the service can be started: the answers are the same."""

import gzip
import http.client
import json
import subprocess
from contextlib import ExitStack, closing, suppress
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_serving.app import create_app
from model_serving.serving import event_loop
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER, call_asgi, free_port, wait_until
from tests.fakes import handler_resources as handlers

# gunicorn's own command line as in the article, Flask's server, and an ASGI server without gunicorn.
COMMANDS = {
    'stock gunicorn': '.venv/bin/gunicorn -w 2 -b 127.0.0.1:{port} --no-control-socket main:app',
    'development server': '.venv/bin/python main.py --host 127.0.0.1 --port {port}',
    'uvicorn': '.venv/bin/uvicorn main:asgi_app --host 127.0.0.1 --port {port} --no-access-log',
}
MAX_BODY = 4096
# The handlers that generated requests are sent to.
NAMES = ('Async', 'Def', 'Streaming', 'Forced', 'ReadOnly', 'Decorated')
# What the answers are compared by. Each server adds its own name and date.
HEADERS = ('content-type', 'access-control-allow-origin', 'allow', 'retry-after', 'location', 'x-request-id', 'x-model')
JSON = {'Content-Type': 'application/json'}
# A WSGI server has begun the answer when its body fails.
ANSWERS = [kind for kind in handlers.ANSWERS if kind != 'an error whose body fails']


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict
    body: bytes


def post(value=1, body=None, path='/v1/{}Model', **headers):
    body = json.dumps({'value': value}).encode() if body is None else body
    return Asked('POST', path, {**JSON, **{name.replace('_', '-'): text for name, text in headers.items()}}, body)


def other(method, path='/v1/{}Model'):
    return Asked(method, path, {}, None)


CORPUS = {
    'valid': post('范叶亮'),
    'not valid': post(body=b'{"as": 1}'),
    'the model fails': post('fail'),
    'not JSON': post(body=b'{"value": '),
    'NaN': post(body=b'{"value": NaN}'),
    'an integer beyond 64 bits': post(body=b'{"value": 123456789012345678901234567890}'),
    'null': post(body=b'null'),
    'no body': post(body=b''),
    'too deep': post(body=b'[' * 200 + b']' * 200),
    'another type': post(Content_Type='text/plain'),
    'a charset': post('范', Content_Type='application/json; charset=UTF-8'),
    'a charset that it is not': post(body='{"value": "范"}'.encode('gbk'), Content_Type='application/json'),
    'gzip': post(body=gzip.compress(b'{"value": 2}'), Content_Encoding='gzip'),
    'not gzip': post(Content_Encoding='gzip'),
    'an unknown encoding': post(Content_Encoding='br'),
    'in time': post(X_Request_Timeout='5'),
    'not a time': post(X_Request_Timeout='soon'),
    'an odd request id': post(X_Request_ID='a b'),
    'too large': post('x' * MAX_BODY),
    'an unknown URL': post(path='/v1/NoSuchModel'),
    'an unknown URL, too large': post('x' * MAX_BODY, path='/v1/NoSuchModel'),
    'a trailing slash': post(path='/v1/{}Model/'),
    'two slashes': post(path='/v1//{}Model'),
    'GET': other('GET'),
    'HEAD': other('HEAD'),
    'OPTIONS': other('OPTIONS'),
    'DELETE': other('DELETE'),
    'PATCH': other('PATCH'),
    'health': other('GET', '/health/ready'),
    'a page': other('GET', '/'),
    'a page that is not there': other('GET', '/page/nothing.js'),
    'HEAD of a page': other('HEAD', '/'),
} | {f'an answer: {kind}': post(body=json.dumps({'value': 1, 'as': kind}).encode()) for kind in ANSWERS}
ROWS, TENSORS, TABLE = '/v1/models/{}Model:predict', '/v2/models/{}Model/infer', '/v1/{}Model/invocations'
CORPUS |= {
    'rows': post(path=ROWS, body=b'{"instances": [{"value": 1}, {"value": "a"}]}'),
    'a bad row': post(path=ROWS, body=b'{"instances": [{"value": 1}, {"as": 1}]}'),
    'a row that fails': post(path=ROWS, body=b'{"instances": [{"value": 1}, {"value": "fail"}]}'),
    'rows that are not JSON': post(path=ROWS, body=b'{"instances": [', Content_Type='text/plain'),
    'rows of gzip': post(path=ROWS, body=gzip.compress(b'{"instances": [{"value": 1}]}'), Content_Encoding='gzip'),
    'rows, too large': post('x' * MAX_BODY, path=ROWS),
    'GET of rows': other('GET', ROWS),
    'OPTIONS of rows': other('OPTIONS', ROWS),
    'rows of no model': post(path='/v1/models/NoModel:predict'),
    'no tensors': post(path=TENSORS, body=b'{"inputs": []}'),
    'the state of a model': other('GET', '/v2/models/{}Model'),
    'a table': post(path=TABLE, body=b'value,as\n1,\n', Content_Type='text/csv'),
    'a table of one column': post(path=TABLE, body=b'value\n1\na\n', Content_Type='text/csv'),
} | {
    f'rows: {kind}': post(path=ROWS, body=json.dumps({'instances': [{'value': 1}, {'value': 1, 'as': kind}]}).encode())
    for kind in ANSWERS
}


@pytest.fixture(scope='module')
def ways(tmp_path_factory, service_class):
    """Servers of the same copy, by their names: their ports."""
    files = {'model_serving/routes.py': (BASE_FOLDER / 'tests/fakes/handler_routes.py').read_text(encoding='utf-8')}
    environment = {'PYTHONPATH': str(BASE_FOLDER), 'MODEL_SERVING_MODEL_MAX_BODY': str(MAX_BODY)}
    environment['MODEL_SERVING_SERVING_MAX_BODY'] = str(MAX_BODY)
    service = service_class(tmp_path_factory.mktemp('ways') / 'model serving', files, environment)
    with service.without_models(), ExitStack() as stack:
        ports = {'our worker': service.port} | {name: free_port() for name in COMMANDS}
        for name, command in COMMANDS.items():
            log = stack.enter_context(open(service.folder / f'{name}.log', 'w'))
            command = command.format(port=ports[name]).split()
            process = subprocess.Popen(command, cwd=service.folder, env=service.environment, stdout=log, stderr=log)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        for port in ports.values():
            wait_until(lambda port=port: answers_at_all(port))
        yield ports


def answers_at_all(port):
    with suppress(OSError):
        return ask(port, other('GET', '/health/live'))[0] == 200


def ask(port, asked):
    """Return status, the headers that are compared, and the body."""
    with closing(http.client.HTTPConnection('127.0.0.1', port, timeout=30)) as connection:
        connection.request(asked.method, asked.path, asked.body, {'X-Request-ID': 'the-same', **asked.headers})
        response = connection.getresponse()
        return comparable(response.status, response.getheaders(), response.read(), 'X-Request-ID' in asked.headers)


def comparable(status, headers, body, has_own_id=False):
    found = {name.lower(): value for name, value in headers if name.lower() in HEADERS}
    if status == 304:
        found.pop('content-type', None)  # there is no content
    if 'allow' in found:
        found['allow'] = sorted(found['allow'].split(', '))
    if has_own_id:
        assert len(found.pop('x-request-id')) == 16
    return status, found, body


@pytest.mark.parametrize('kind', ['Async', 'Def'])
@pytest.mark.parametrize('name', CORPUS)
def test_every_way_gives_the_same_answer(ways, name, kind):
    asked = CORPUS[name]._replace(path=CORPUS[name].path.format(kind))
    answers = {way: ask(port, asked) for way, port in ways.items()}
    ours = answers.pop('our worker')
    assert ours[1]['access-control-allow-origin'] == '*'
    assert answers == dict.fromkeys(answers, ours)


@pytest.mark.parametrize('accept', ['*/*', 'text/event-stream'])
@pytest.mark.parametrize('body', [{'value': 1}, {'value': 'fail'}, {'value': 1, 'as': 'invalid'}, {}])
def test_every_way_gives_the_same_stream(ways, body, accept):
    asked = post(body=json.dumps(body).encode(), path='/v1/StreamingModel', Accept=accept)
    answers = {way: ask(port, asked) for way, port in ways.items()}
    assert answers == dict.fromkeys(answers, answers['our worker'])
    assert (b'message' in answers['our worker'][2]) == (body != {'value': 1})


@pytest.mark.parametrize('way', ['our worker', 'uvicorn'])
def test_an_error_whose_body_fails_is_still_an_answer_in_json(ways, way):
    body = b'{"value": 1, "as": "an error whose body fails"}'
    status, headers, body = ask(ways[way], post(body=body, path='/v1/AsyncModel'))
    assert (status, headers['content-type']) == (500, 'application/json')
    assert 'the-same' in json.loads(body)['message']


def test_after_an_answer_without_a_body_the_connection_goes_on(ways):
    expected = {'no content': (204, b''), 'not modified': (304, b''), 'result': (200, b'{"result":2}\n')}
    with closing(http.client.HTTPConnection('127.0.0.1', ways['our worker'], timeout=30)) as connection:
        for kind, answer in expected.items():
            connection.request('POST', '/v1/AsyncModel', json.dumps({'value': 2, 'as': kind}), JSON)
            response = connection.getresponse()
            assert (response.status, response.read()) == answer


@pytest.mark.parametrize(
    'names, status',
    [
        (('Async', 'Def', 'Forced', 'Request', 'Static', 'Partial'), 200),
        # A guard around a handler is never skipped.
        (('Decorated', 'InnerDecorated', 'MethodDecorated', 'Dispatching'), 418),
    ],
)
def test_handlers_of_every_kind_are_called(ways, names, status):
    for name in names:
        answers = [ask(port, post(path=f'/v1/{name}Model')) for port in ways.values()]
        assert {status for status, *_ in answers} == {status}, name
        assert len({body for *_, body in answers}) == 1


def test_where_it_is_forced_a_body_of_any_type_is_read(ways):
    for port in ways.values():
        status, _, body = ask(port, post(path='/v1/ForcedModel', Content_Type='text/plain'))
        assert (status, json.loads(body)) == (200, {'result': 1})
        status, _, body = ask(port, post(path='/v1/ForcedModel', body=b'', Content_Type='text/plain'))
        assert (status, json.loads(body)['message']) == (400, 'No JSON object')


@pytest.fixture(scope='module')
def app():
    """An app whose front runs on the process's event loop."""
    routes = [Route(f'/v1/{name}Model', getattr(handlers, f'{name}Resource'), handlers.EchoModel) for name in NAMES]
    started = create_app(routes, Conf('nowhere', {'MODEL_SERVING_SERVING_MAX_BODY': '4 KiB'}))
    event_loop.run(started.extensions['front'].start(), 'start', 60)
    return started


values = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.none(), st.lists(st.integers(0, 9)),
    st.just('fail'), st.sampled_from(sorted(set(ANSWERS) - {'stream'})),
)  # fmt: skip
instances = st.dictionaries(st.sampled_from(['value', 'as', 'other']), values)
rows = st.lists(st.one_of(instances, values), max_size=3)
bodies = st.one_of(
    st.fixed_dictionaries({'instances': rows}).map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)),
    st.one_of(instances, values).map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)),
    st.binary(max_size=40),
    st.sampled_from([b'', b'null', b'{"value": 1e999}', b'{"value": 1, "value": 2}', b'"' + b'x' * 5000 + b'"']),
)
TYPES = ['application/json', 'application/json; charset=UTF-8', 'application/json;charset=gbk', 'text/plain', '']
PATHS = [f'/v1/{name}Model' for name in ('Async', *NAMES)]
PATHS += [url.format(name) for url in (ROWS, TENSORS, TABLE) for name in ('Async', 'Def')]


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(['POST', 'POST', 'POST', 'GET', 'OPTIONS', 'PUT', 'HEAD', 'BREW']),
    path=st.sampled_from([*PATHS, '/v1/AsyncModel/', '/v1/asyncmodel', '/nothing']),
    content_type=st.sampled_from(TYPES),
    body=bodies,
    extra=st.dictionaries(
        st.sampled_from(['Origin', 'Accept', 'Cookie', 'Content-Encoding', 'X-Word']),
        st.sampled_from(['null', 'text/html', 'text/event-stream', 'application/json', '*/*', 'a=b', 'identity']),
        max_size=2,
    ),
)
def test_the_front_answers_generated_requests_as_flask_alone(app, method, path, content_type, body, extra):
    headers = {'Content-Type': content_type, 'X-Request-ID': 'the-same', 'Host': 'localhost', **extra}
    response = app.test_client().open(path, method=method, headers=headers, data=body)
    flask = comparable(response.status_code, list(response.headers), response.get_data())
    called = call_asgi(app.extensions['front'], method, path, headers, body)
    status, found, data = event_loop.run(called, 'the front', 60)
    assert comparable(status, found, b'' if method == 'HEAD' else data) == flask
