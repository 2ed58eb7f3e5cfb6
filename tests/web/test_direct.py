"""The direct lane answers as Flask's way does, or hands on."""

import io
import sys

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_serving.app import create_app
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.web.direct import is_plain
from tests.fakes import context_resources, jsonify_resource, lane_resources

PLAIN = ['Echo', 'Forced', 'HiddenContext', 'Super']
ROUTES = [
    Route(f'/v1/{name}Model', getattr(lane_resources, f'{name}Resource'), lane_resources.EchoModel)
    for name in (*PLAIN, 'Static', 'Partial', 'ReadOnly', 'Decorated', 'InnerDecorated', 'MethodDecorated')
] + [
    Route(f'/v1/{name}Model', getattr(context_resources, f'{name}Resource'), lane_resources.EchoModel)
    for name in ('Context', 'Inheriting')
]
ROUTES.append(Route('/v1/JsonifyModel', jsonify_resource.JsonifyResource, lane_resources.EchoModel))


def application(lane, folder):
    (folder / 'empty.conf').touch()
    conf = Conf(folder, {'MODEL_SERVING_SERVING_DIRECT_LANE': lane, 'MODEL_SERVING_SERVING_MAX_BODY': '4 KiB'})
    return create_app(ROUTES, conf)


@pytest.fixture(scope='module')
def both(tmp_path_factory):
    """The service with the lane, and without it."""
    return [application(lane, tmp_path_factory.mktemp(lane)) for lane in ('on', 'off')]


def call(app, method, path, headers, body):
    """Return status, sorted headers and body of the answer to a WSGI request."""
    environ = {
        'REQUEST_METHOD': method,
        'PATH_INFO': path,
        'SCRIPT_NAME': '',
        'QUERY_STRING': '',
        'SERVER_NAME': 'localhost',
        'SERVER_PORT': '80',
        'SERVER_PROTOCOL': 'HTTP/1.1',
        'HTTP_X_REQUEST_ID': 'the-same',
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(body),
        'wsgi.errors': sys.stderr,
        **headers,
    }
    answer = []
    chunks = app.wsgi_app(environ, lambda *status_and_headers: answer.extend(status_and_headers))
    content = b''.join(chunks)
    if hasattr(chunks, 'close'):
        chunks.close()
    return answer[0], sorted(answer[1]), content


values = st.one_of(
    st.integers(), st.floats(), st.text(), st.none(), st.lists(st.integers()), st.just('fail'), st.binary(max_size=3)
)
instances = st.dictionaries(
    st.sampled_from(['value', 'as', 'other']), st.one_of(values, st.sampled_from(list(lane_resources.ANSWERS)))
)


def as_json(value):
    return orjson.dumps(value, default=lambda something: something.hex(), option=orjson.OPT_NON_STR_KEYS)


def fits(value):
    """orjson writes 64 bits; larger integers come as text in `raw`."""
    try:
        as_json(value)
    except TypeError:
        return False
    return True


bodies = st.one_of(
    instances.filter(fits).map(as_json),
    values.filter(fits).map(as_json),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b'',
            b'null',
            b'{"value": NaN}',
            b'{"value": 123456789012345678901234567890}',
            b'{"value": 1e999}',
            b'{"value": 1, "value": 2}',
            b'[' * 200 + b']' * 200,
            b'{"value": "' + b'x' * 5000 + b'"}',
            '{"value": "范叶亮"}'.encode('gbk'),
            '{"value": "范叶亮"}'.encode(),
        ]
    ),
)
content_types = st.sampled_from(
    ['application/json', 'application/json; charset=UTF-8', 'application/json;charset=gbk', 'text/plain', '', None]
)


def headers_for(body, content_type, length, extra):
    headers = dict(extra)
    if content_type is not None:
        headers['CONTENT_TYPE'] = content_type
    if length is not None:
        headers['CONTENT_LENGTH'] = str(max(0, len(body) + length))
    return headers


extras = st.dictionaries(
    st.sampled_from(['HTTP_ORIGIN', 'HTTP_ACCEPT', 'HTTP_COOKIE', 'HTTP_CONTENT_ENCODING', 'HTTP_X_WORD']),
    st.sampled_from(['null', 'text/html', 'application/json', '*/*', 'a=b', 'identity']),
    max_size=2,
)


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(['POST', 'POST', 'POST', 'GET', 'OPTIONS', 'PUT', 'HEAD', 'BREW']),
    path=st.sampled_from([route.url for route in ROUTES] + ['/v1/EchoModel/', '/v1/echomodel', '/v1/EchoModel\n']),
    content_type=content_types,
    body=bodies,
    length=st.sampled_from([0, 0, 0, 3, -1, None]),
    extra=extras,
)
def test_both_ways_give_the_same_answer(both, method, path, content_type, body, length, extra):
    headers = headers_for(body, content_type, length, extra)
    lane, flask = (call(app, method, path, headers, body) for app in both)
    assert lane == flask


@pytest.mark.parametrize('kind', lane_resources.ANSWERS)
@pytest.mark.parametrize('value', [1, 'fail', '范叶亮', [1, 2.5]])
def test_every_kind_of_result_is_the_same(both, kind, value):
    body = as_json({'value': value, 'as': kind})
    headers = headers_for(body, 'application/json', 0, {})
    lane, flask = (call(app, 'POST', '/v1/EchoModel', headers, body) for app in both)
    assert lane == flask


@pytest.mark.parametrize('url', [route.url for route in ROUTES])
def test_a_good_instance_is_answered_the_same(both, url):
    body = b'{"value": 1}'
    headers = headers_for(body, 'application/json', 0, {})
    lane, flask = (call(app, 'POST', url, headers, body) for app in both)
    assert lane == flask


def test_the_lane_takes_what_is_plain_and_nothing_else():
    assert [route.url for route in ROUTES if is_plain(route.resource)] == [f'/v1/{name}Model' for name in PLAIN]


def test_the_lane_is_in_use(both, monkeypatch):
    """Else the comparison above compares Flask with itself."""
    with_lane, without = both

    def never(environ, start_response):
        raise AssertionError('Flask was asked')

    monkeypatch.setattr(with_lane.wsgi_app._wsgi_app, '_flask', never)
    body = b'{"value": 1}'
    headers = headers_for(body, 'application/json', 0, {})
    assert call(with_lane, 'POST', '/v1/EchoModel', headers, body)[2] == b'{"result":1}\n'
    assert not hasattr(without.wsgi_app._wsgi_app, '_flask')
