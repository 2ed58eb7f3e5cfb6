"""API keys in this process, by the front and by Flask alone: who is let in where."""

import base64
import json
import os
import re
from hashlib import sha256

import openapi_spec_validator
import pytest

from model_serving.app import create_app
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving import event_loop
from model_serving.serving.errors import StartError
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.web.keys import Keys
from tests.conftest import call_asgi, wait_until

KEY = 'key-of-all'
# The models that each key is for, as the file has them.
MODELS = {
    'all': '',
    'other': 'OtherModel',
    'named': 'XXXModel',
    'second': 'v2/XXXModel',
    'two': 'v1/XXXModel,OtherModel',
}
WAYS = ('front', 'flask')
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'BREW')
# All that answers without a key; a method that is not allowed there gets its 405.
OPEN = {'/', '/page/page.js', '/jquery.min.js', '/health/live', '/health/ready', '/_ah/warmup'}
# What the parts of URLs are filled with.
NAMES = {
    '<name:name>': 'XXXModel', '<name:version>': '1', '<name:label>': 'stable', '<path:name>': 'page.js',
    '<string:name>': 'call', '<path:path>': 'swagger-ui.css',
}  # fmt: skip
BODY = b'{"name":"Leo"}'


class OptionsResource(XXXModelResource):
    """Answers OPTIONS itself."""

    def options(self):
        return {'ran': True}


ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v2/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/OtherModel', OptionsResource, XXXModel),
)


def line(name, key, models='') -> str:
    return f'{name} {sha256(key.encode()).hexdigest()} {models}\n'


def make_app(**environ):
    """Return an app whose front runs on the process's event loop."""
    environ |= {'MODEL_SERVING_SERVING_DEFAULT_MODEL': 'XXXModel', 'AIP_PREDICT_ROUTE': '/vertex/predict'}
    app = create_app(ROUTES, Conf('nowhere', environ | {'AIP_HEALTH_ROUTE': '/vertex/health'}))
    event_loop.run(app.extensions['front'].start(), 'start', 60)
    return app


@pytest.fixture(scope='module')
def app(tmp_path_factory):
    file = tmp_path_factory.mktemp('keys') / 'keys'
    file.write_text('# Callers\n\n' + ''.join(line(name, f'key-of-{name}', models) for name, models in MODELS.items()))
    return make_app(MODEL_SERVING_SERVING_API_KEYS=str(file))


@pytest.fixture(scope='module')
def open_app():
    """The same app without keys."""
    return make_app()


def ask(app, way, method, path, headers=None, body=BODY):
    """Return status, headers with names in small letters, and body of the answer that comes by `way`, at any time."""
    headers = {'Content-Type': 'application/json', 'X-Request-ID': 'mine', 'Host': 'localhost', **(headers or {})}
    if way == 'front':
        called = call_asgi(app.extensions['front'], method, path, headers, body)
        status, found, data = event_loop.run(called, 'the front', 60)
    else:
        # The test client would take `//v1/Name` for a host.
        environ = {'PATH_INFO': path}
        with app.test_client().open(method=method, headers=headers, data=body, environ_overrides=environ) as response:
            status, found, data = response.status_code, response.headers, response.get_data()
    headers = {name.lower(): value for name, value in found if name.lower() != 'date'}
    return status, headers, b'' if method == 'HEAD' else data


def assert_refused(answer, method='POST', keys=None):
    """The answer is a 401 as a client of any protocol reads it; `keys` are those of its JSON."""
    status, headers, body = answer
    assert status == 401
    assert headers['www-authenticate'].startswith('Bearer ')
    assert headers['access-control-allow-origin'] == '*'
    assert headers['content-type'] == 'application/json'
    if method != 'HEAD':
        assert list(json.loads(body)) in ([keys] if keys else [['message'], ['error'], ['error_code', 'message']])
        assert 'API key' in body.decode()
        assert 'Model' not in body.decode().replace('Model Serving', '')


def urls_of(app) -> set:
    return {re.sub(r'<.+?>', lambda part: NAMES[part[0]], str(rule)) for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize('way', WAYS)
def test_every_url_and_method_needs_a_key_but_the_open_ones(app, way):
    assert {method for rule in app.url_map.iter_rules() for method in rule.methods} <= {*METHODS, 'OPTIONS'}
    answered = set()
    for path in urls_of(app):
        for method in METHODS:
            answer = ask(app, way, method, path)
            if answer[0] == 401:
                assert_refused(answer, method)
            else:
                answered.add((path, method))
        assert ask(app, way, 'OPTIONS', path)[0] == 200
    assert answered == {(path, method) for path in OPEN for method in METHODS}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize(
    'path, keys',
    [
        ('/v1/XXXModel', ['message']),
        ('/v1/NoModel', ['message']),
        ('/nothing', ['message']),
        ('/v2/models/XXXModel/infer', ['error']),
        ('/v1/models/XXXModel:predict', ['error']),
        ('/v1/models/NoModel:predict', ['error']),
        ('/vertex/predict', ['error']),
        ('/invocations', ['error_code', 'message']),
    ],
)
def test_the_refusal_has_the_form_of_the_protocol(app, way, path, keys):
    assert_refused(ask(app, way, 'POST', path), keys=keys)


ODD = ['//v1/XXXModel', '/v1/../health/live', '/health/live/', '/HEALTH/LIVE', '/health/live;x', '/page',
       '/health//live', '/jquery.min.js/', '/_ah/warmup\0', '/health/live\n', '/v1/XXXModel/', '/v1/XXXModel;x',
       '/v1//XXXModel', '*', '/./page/page.js', '/health/live?']  # fmt: skip


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('path', ODD)
def test_an_odd_spelling_opens_nothing(app, way, path):
    assert_refused(ask(app, way, 'GET', path))


INSIDE_PAGE = ['/page/', '/page//', '/page/a\nb', '/page/../v1', '/page/../v1/XXXModel', '/page/../openapi.json',
               '/page/../../conf/api_keys', '/page/nothing']  # fmt: skip


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('path', INSIDE_PAGE)
def test_below_the_page_is_nothing_else(app, way, path):
    """Nor is there told what the models are."""
    for method in METHODS:
        status, _, body = ask(app, way, method, path)
        assert status in (404, 405)
        assert 'Model' not in body.decode()


def basic(text):
    return {'Authorization': 'Basic ' + base64.b64encode(text.encode()).decode()}


WRONG = [{'X-API-Key': 'wrong'}, {'X-API-Key': KEY + 'x'}, {'X-API-Key': KEY.upper()}, {'X-API-Key': 'all'},
         {'X-API-Key': sha256(KEY.encode()).hexdigest()}, {'X-API-Key': f'Bearer {KEY}'}, {'X-API-Key': 'é'},
         {'Authorization': f'Bearer {KEY}, Bearer x'}, {'Authorization': 'bearer wrong'}]  # fmt: skip
NONE = [
    {},
    {'X-API-Key': ''},
    *({'Authorization': text} for text in ('', KEY, f'Token {KEY}', f'Bearer{KEY}', 'Bearer')),
    basic(KEY),
    basic(f'{KEY}:{KEY}'),
    {'X-Key': KEY},
    {'Cookie': f'X-API-Key={KEY}'},
    {'X_API_Key': KEY},
]


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('headers', [*WRONG, *NONE], ids=str)
def test_anything_but_a_key_is_refused(app, way, headers):
    if way == 'flask' and 'X_API_Key' in headers:
        pytest.skip('WSGI can not tell _ from -; gunicorn drops such a header.')
    for path in ('/v1/XXXModel', '/nothing'):
        answer = ask(app, way, 'POST', path, headers)
        assert_refused(answer)
        # A client that has sent none is not told that it is invalid: RFC 6750, section 3.
        assert ('error=invalid_token' in answer[1]['www-authenticate']) == (headers in WRONG)


LET_IN = [{'X-API-Key': KEY}, {'x-api-key': KEY}, {'Authorization': f'Bearer {KEY}'},
          {'authorization': f'bearer {KEY}'}, {'Authorization': f'BEARER  {KEY} '}, {'X-API-Key': KEY, **basic('a:b')},
          {'X-API-Key': 'wrong', 'Authorization': f'Bearer {KEY}'}]  # fmt: skip


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('headers', LET_IN, ids=str)
def test_a_key_is_taken_from_either_header(app, way, headers):
    status, _, body = ask(app, way, 'POST', '/v1/XXXModel', headers)
    assert (status, body) == (200, b'{"result":"Hello, Leo!"}\n')


@pytest.mark.parametrize('way', WAYS)
def test_with_a_key_the_answers_are_those_without_keys(app, open_app, way):
    """But for the description, which tells of keys, and the metrics."""
    for path in [*(urls_of(app) - {'/openapi.json', '/metrics'}), '/v1/NoModel', '/nothing', '/page/', '//v1/XXXModel']:
        for method in ('GET', 'POST'):
            headers = {'X-API-Key': KEY}
            without_keys = ask(open_app, way, method, path, headers)
            assert ask(app, way, method, path, headers) == without_keys, (method, path)


TENSORS = {'inputs': [{'name': 'name', 'shape': [1], 'datatype': 'BYTES', 'data': ['Leo']}]}
# The URLs of a model that name its version; those that do not are the same without it.
URLS = {
    '/v{1}/{0}': ('POST', {'name': 'Leo'}),
    '/v1/models/{0}/versions/{1}:predict': ('POST', {'instances': [{'name': 'Leo'}]}),
    '/v2/models/{0}/versions/{1}/infer': ('POST', TENSORS),
    '/v{1}/{0}/invocations': ('POST', {'instances': [{'name': 'Leo'}]}),
    '/v{1}/{0} ': ('GET', None),
    '/v1/models/{0}/versions/{1}': ('GET', None),
    '/v1/models/{0}/versions/{1}/metadata': ('GET', None),
    '/v2/models/{0}/versions/{1}': ('GET', None),
    '/v2/models/{0}/versions/{1}/ready': ('GET', None),
    '//v{1}/{0}': ('GET', None),
}
LABELLED = {
    '/v1/models/{0}/labels/stable:predict': ('POST', {'instances': [{'name': 'Leo'}]}),
    '/v1/models/{0}/labels/stable/metadata': ('GET', None),
}
DEFAULTS = {
    '/invocations': ('POST', {'inputs': {'name': ['Leo']}}),
    '/vertex/predict': ('POST', {'instances': [{'name': 'Leo'}]}),
}


def calls_of(name, version, is_highest):
    """Return how a model is reached: method, path and body."""
    rows = dict(URLS)
    if is_highest:
        rows |= {url.replace('/versions/{1}', ''): row for url, row in URLS.items()} | LABELLED
    if (name, is_highest) == ('XXXModel', True):
        rows |= DEFAULTS
    for url, (method, body) in rows.items():
        yield method, url.format(name, version).strip(), b'' if body is None else json.dumps(body).encode()


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize(
    'name, may_call',
    [
        ('all', ['/v1/XXXModel', '/v2/XXXModel', '/v1/OtherModel']),
        ('other', ['/v1/OtherModel']),
        ('named', ['/v1/XXXModel', '/v2/XXXModel']),
        ('second', ['/v2/XXXModel']),
        ('two', ['/v1/XXXModel', '/v1/OtherModel']),
    ],
)
def test_a_key_for_models_is_for_all_their_urls_and_for_no_others(app, way, name, may_call):
    for model, version, is_highest in (('XXXModel', 1, False), ('XXXModel', 2, True), ('OtherModel', 1, True)):
        for method, path, body in calls_of(model, version, is_highest):
            status, headers, data = ask(app, way, method, path, {'X-API-Key': f'key-of-{name}'}, body)
            expected = 200 if f'/v{version}/{model}' in may_call else 403
            assert status == expected, (method, path, data)
            if status == 403:
                assert headers['access-control-allow-origin'] == '*'
                answer = json.loads(data)
                told = answer.get('message') or answer['error']
                its = MODELS[name].replace(',', ', ')
                assert told == f'The key {name} is not for {model}. It is for: {its}.'


@pytest.mark.parametrize('way', WAYS)
def test_a_preflight_allows_both_headers_and_runs_no_method_of_a_resource(app, open_app, way):
    asked = {'Origin': 'https://a.example', 'Access-Control-Request-Method': 'POST'}
    asked['Access-Control-Request-Headers'] = 'authorization,x-api-key'
    for path in (*urls_of(app), '/v1/NoModel', '/nothing'):
        status, headers, body = ask(app, way, 'OPTIONS', path, asked, b'')
        assert (status, body) == (200, b'')
        assert headers['access-control-allow-origin'] == '*'
        assert set(headers['access-control-allow-headers'].split(', ')) == {'authorization', 'x-api-key'}
    # Nor with a key, which may be for another model.
    assert ask(app, way, 'OPTIONS', '/v1/OtherModel', {'X-API-Key': KEY}, b'')[2] == b''
    assert ask(open_app, way, 'OPTIONS', '/v1/OtherModel', {}, b'')[2] == b'{"ran":true}\n'


@pytest.mark.parametrize('way', WAYS)
def test_a_call_by_an_odd_spelling_is_counted_for_the_rate_limit(way):
    app = make_app(MODEL_SERVING_MODEL_RATE_LIMIT='2/minute')
    paths = ('/v1/XXXModel', '//v1/XXXModel', '///v1/XXXModel', '/v1/XXXModel')
    assert [ask(app, way, 'POST', path)[0] for path in paths] == [200, 200, 429, 429]


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('path', ['/health/ready', '/_ah/warmup'])
@pytest.mark.parametrize('problem, status', [(None, 'ready'), ('its file is broken', 'not ready')])
def test_without_a_key_health_tells_only_the_status(app, monkeypatch, way, path, problem, status):
    monkeypatch.setattr(app.servables['/v1/OtherModel'], 'problem', problem)
    code, _, body = ask(app, way, 'GET', path)
    assert code == (503 if problem else 200)
    told = json.loads(body)
    assert told.pop('status') == status
    assert list(told) == (['message'] if problem else [])
    assert b'Model' not in body
    _, _, body = ask(app, way, 'GET', path, {'X-API-Key': KEY})
    assert json.loads(body)['models']['/v1/OtherModel'] == (problem or 'ready')


@pytest.mark.parametrize('make', [lambda path: path.symlink_to('/nowhere'), os.mkfifo, lambda path: path.mkdir()])
def test_what_is_no_file_is_told(tmp_path, make):
    """A link to a secret that is not mounted must not turn keys off, and a pipe must not be waited for."""
    path = tmp_path / 'keys'
    make(path)
    with pytest.raises(StartError, match=re.escape(str(path))):
        Keys(path, [])


def test_a_secret_that_kubernetes_replaces_is_read_again(tmp_path):
    """The file is a link into a folder that is a link itself, and that link is swapped."""
    for number, names in enumerate((['shop'], ['shop', 'bank'])):
        folder = tmp_path / f'..{number}'
        folder.mkdir()
        (folder / 'api_keys').write_text(''.join(line(name, name) for name in names))
    (tmp_path / '..data').symlink_to('..0')
    (tmp_path / 'api_keys').symlink_to('..data/api_keys')
    keys = Keys(tmp_path / 'api_keys', [])
    assert (keys.find(b'shop', None).name, keys.find(b'bank', None)) == ('shop', None)
    (tmp_path / 'new').symlink_to('..1')
    (tmp_path / 'new').rename(tmp_path / '..data')

    def is_read():
        keys.refresh()
        return keys.count == 2

    wait_until(is_read, 5)
    assert keys.find(b'bank', None).name == 'bank'


@pytest.mark.parametrize('model', ['/v1/XXXModel', '/v1/NoModel'])
def test_without_a_key_health_does_not_tell_which_models_there_are(app, model):
    answer = app.test_client().get(f'/health/ready?model={model}')
    assert (answer.status_code, answer.json) == (200, {'status': 'ready'})


def test_the_description_tells_of_keys_only_where_they_are_on(app, open_app):
    document = app.test_client().get('/openapi.json', headers={'X-API-Key': KEY}).json
    openapi_spec_validator.validate(document)
    assert document['security'] == [{'X-API-Key': []}, {'Bearer': []}]
    assert set(document['components'].pop('securitySchemes')) == {'X-API-Key', 'Bearer'}
    document.pop('security')
    assert document == open_app.test_client().get('/openapi.json').json


HASH = sha256(b'a').hexdigest()


@pytest.mark.parametrize(
    'text, told',
    [
        ('shop', 'line 1: this is not a valid line. It must be the name of a key, its SHA-256'),
        (f'# good\nshop {HASH}\n\nbad key\n', 'line 4: this is not a valid line.'),
        (f'shop {HASH[1:]}', 'line 1: this is not a valid line.'),
        (f'shop {HASH[2:]}', 'line 1: this is not a valid line.'),
        (f'shop {HASH}00', 'line 1: this is not a valid line.'),
        (f'sh/op {HASH}', 'line 1: this is not a valid line.'),
        (f'{HASH} shop', 'line 1: this is not a valid line.'),
        # Or the second line would give a key of some models all of them.
        (f'shop {HASH} XXXModel\nother {HASH}', 'line 2: other has the name or the hash of another line.'),
        (f'shop {HASH}\nshop {sha256(b"b").hexdigest()}', 'line 2: shop has the name or the hash of another line.'),
        (
            f'shop {HASH} XXModel',
            "line 1: there is no model XXModel. Did you mean 'XXXModel'? There are: XXXModel, v1/XXX",
        ),
        (f'shop {HASH} v3/XXXModel', 'line 1: there is no model v3/XXXModel.'),
        (f'shop {HASH} OtherModel, XXXModel,None', 'line 1: there is no model None.'),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line_at_the_start(tmp_path, text, told):
    file = tmp_path / 'keys'
    file.write_text(text)
    with pytest.raises(StartError) as raised:
        make_app(MODEL_SERVING_SERVING_API_KEYS=str(file))
    assert str(raised.value).startswith(f'{file}, {told}')


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path):
    """By default there may be none, but a mistake in a path would let everybody in."""
    with pytest.raises(StartError, match=r'^\[serving\] api_keys: there is no file .*/none\. Make it: bin/new-key\.sh'):
        make_app(MODEL_SERVING_SERVING_API_KEYS=str(tmp_path / 'none'))


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig'])
def test_a_file_of_comments_lets_nobody_in_and_an_editor_may_have_written_it(tmp_path, encoding):
    file = tmp_path / 'keys'
    for text, status in (('# none yet\r\n', 401), (f'  shop\t{HASH.upper()}  v1/OtherModel , XXXModel\r\n', 200)):
        file.write_text(text, encoding=encoding)
        app = make_app(MODEL_SERVING_SERVING_API_KEYS=str(file))
        assert ask(app, 'flask', 'POST', '/v1/XXXModel', {'X-API-Key': 'a'})[0] == status
