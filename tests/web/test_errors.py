"""Every error is JSON that tells the fix, with CORS, on every path."""

import json

import pytest
import requests
from flask_restful import Resource, reqparse, request

from model_serving.app import create_app
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.text_utils import MANY_ROWS
from tests.web.conftest import message_of

LEO = b'{"name":"Leo"}'


def send(service, body=b'{}', path='/v1/XXXModel', method='POST', **headers):
    headers = {'Content-Type': 'application/json', **headers}
    return requests.request(method, service.url + path, data=body, headers=headers, timeout=30)


@pytest.mark.parametrize('path', ['/v1/XXXModel', '/v1/NoSuchModel', '/v1/OCRModel', '/nothing/here'])
@pytest.mark.parametrize('origin', ['null', 'https://example.com', 'http://localhost:8000'])
def test_a_preflight_from_any_origin_passes(misbehaving, origin, path):
    asked = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}
    asked['Access-Control-Request-Private-Network'] = 'true'
    answer = send(misbehaving, b'', path, method='OPTIONS', Origin=origin, **asked)
    assert answer.status_code == 200
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert answer.headers['Access-Control-Allow-Private-Network'] == 'true'
    assert answer.headers['Access-Control-Allow-Headers'].lower() == 'content-type'
    assert 'POST' in answer.headers['Access-Control-Allow-Methods']


@pytest.mark.parametrize(
    'body, message',
    [
        (b'', 'No JSON object'),
        (b'null', 'No JSON object'),
        (b'{"name": "Leo"', 'line 1, column 15'),
        (b'{\n "name": Leo}', 'line 2, column 10'),
        (b'{"name": "Leo",}', 'line 1, column 15'),
        (b"{'name': 'Leo'}", 'line 1, column 2'),
        (b'{"name": NaN}', 'line 1, column 10'),
        (b'{"name": -Infinity}', 'line 1, column 11'),
        (b'{"name": 1e400}', 'infinity'),
        (b'{"name": "\xff"}', 'the byte 0xff is not UTF-8 (line 1, column 11)'),
        ('{"é":\n"é'.encode() + b'\xc3"}', 'the byte 0xc3 is not UTF-8 (line 2, column 3)'),
        ('{"name": "范叶亮"}'.encode('utf-16'), 'is not UTF-8'),
        (b'\xef\xbb\xbf{"name": "Leo"}', 'byte order mark'),
        (b'{"name": 18446744073709551616}', 'does not fit in 64 bits'),
        (b'{"name": -9223372036854775809}', 'does not fit in 64 bits'),
        (b'9' * 5000, 'infinity'),
        (b'[' * 10_000 + b']' * 10_000, 'nested deeper than 100 levels'),
        (b'{"a":' * 101 + b'1' + b'}' * 101, 'nested deeper than 100 levels'),
        (b' ', 'empty'),
        (b'{"name": "Leo"}{}', 'line 1, column 16'),
    ],
)
def test_what_is_no_json_object_is_told_with_its_place(misbehaving, body, message):
    answer = send(misbehaving, body)
    assert message in message_of(answer, 400)
    assert answer.json()['example'] == {'name': 'Leo'}


@pytest.mark.parametrize(
    'value, result',
    [
        ('18446744073709551615', 2**64 - 1),
        ('-9223372036854775808', -(2**63)),
        ('123456789012345678901234567890.5', 123456789012345678901234567890.5),
        ('"12345678901234567890123"', '12345678901234567890123'),
        ('1,"value":2', 2),
        (f'"{"[{" * 200}"', '[{' * 200),
        (rf'"\"{"[" * 200}"', '"' + '[' * 200),
        ('[' * 99 + ']' * 99, json.loads('[' * 99 + ']' * 99)),
        (r'"范叶亮 \u0000 \ud83d\ude00"', '范叶亮 \0 😀'),
    ],
)
def test_what_is_odd_but_json_comes_back_as_it_went(misbehaving, value, result):
    answer = send(misbehaving, f'{{"do":"echo","value":{value}}}'.encode(), '/v1/OtherModel')
    assert (answer.status_code, answer.json()) == (200, {'result': result})


@pytest.mark.parametrize('content_type', ['application/json', 'application/json; charset=UTF-8', 'application/ld+json'])
def test_types_that_are_json(misbehaving, content_type):
    assert send(misbehaving, LEO, **{'Content-Type': content_type}).status_code == 200


@pytest.mark.parametrize('content_type', ['text/plain', 'multipart/form-data; boundary=x', '', 'x/' + 'y' * 4000])
def test_other_types_are_told_the_header(misbehaving, content_type):
    answer = send(misbehaving, LEO, **{'Content-Type': content_type})
    assert 'Content-Type: application/json' in message_of(answer, 415)
    assert answer.json()['example'] == {'name': 'Leo'}
    assert len(answer.content) < 1000


UNKNOWN = "Additional properties are not allowed ('valeu' was unexpected). Did you mean 'value'?"
LARGE = json.dumps({'do': 1, 'value': ['x' * 100] * 5000}).encode()
ROWS = json.dumps([1] * 40_000).encode()


@pytest.mark.parametrize(
    'body, path, message',
    [
        (b'{"do":"echo","valeu":1}', '', UNKNOWN),
        (b'{"do":"invalid","value":9}', 'value[0]', '9 was refused by the model.'),
        (LARGE, 'do', '1 is not of type "string"'),
        (b'[{"do":"echo"}]', '', f"[{{'do': 'echo'}}] is not of type 'object'{MANY_ROWS}"),
        (ROWS, '', f'[{"1," * 59}1 … 1{",1" * 47}] is not of type "object"{MANY_ROWS}'),
    ],
)
def test_what_the_schema_or_the_model_refuses_is_told_with_its_place(misbehaving, body, path, message):
    answer = send(misbehaving, body, '/v1/OtherModel')
    assert message_of(answer, 400) == (f'{path}: {message}' if path else message)
    assert answer.json()['errors'] == [{'path': path, 'message': message}]
    assert answer.json()['example'] == {'do': 'echo', 'value': 1}


def test_an_unknown_url_suggests_the_nearest_and_names_what_can_be_called(service):
    message = message_of(service.post('/v1/xxxmodel', {}), 404)
    assert message.startswith(
        "Nothing is served at /v1/xxxmodel. Did you mean '/v1/XXXModel'? There are: /v1/XXXModel, "
    )
    assert message.endswith(', /, /docs/, /openapi.json, /health/ready, /health/live. GET /v1 lists the models.')
    assert {'/v1/DigitsModel', '/v1/WineModel'} <= set(message.split(', '))
    # No patterns of URLs.
    assert '<' not in message
    assert 'Did you mean' not in message_of(service.post('/quite/else', {}), 404)


def test_a_wrong_method_is_told_the_right_one(misbehaving):
    message = 'DELETE is not allowed here. Allowed: GET, HEAD, OPTIONS'
    for path in ('/health/live', '/v1'):
        assert message_of(send(misbehaving, path=path, method='DELETE'), 405) == message


def test_a_body_that_is_too_large_is_told_the_limit(misbehaving):
    assert '1048576 bytes' in message_of(send(misbehaving, b'x' * 2**20 + b'x'), 413)


@pytest.mark.parametrize('timeout', ['0', '-1', 'soon', '1e3', 'nan', '', '1,5', '1' * 50])
def test_a_timeout_that_is_none_is_refused(misbehaving, timeout):
    message = message_of(send(misbehaving, LEO, **{'X-Request-Timeout': timeout}), 400)
    assert 'X-Request-Timeout must be a number of seconds' in message


def test_a_resource_of_ones_own_reads_a_large_form_and_the_query():
    class FormResource(Resource):
        def post(self):
            return {'length': len(request.form['text'])}

        def get(self):
            parser = reqparse.RequestParser()
            parser.add_argument('word')
            return parser.parse_args()

    client = create_app([Route('/v1/FormModel', FormResource)], Conf('nowhere', {})).test_client()
    assert client.post('/v1/FormModel', data={'text': 'x' * 600_000}).json == {'length': 600_000}
    assert client.get('/v1/FormModel?word=a').json == {'word': 'a'}
    too_large = client.post('/v1/FormModel', data={'text': 'x' * 2**20})
    assert (too_large.status_code, 'max_body' in too_large.json['message']) == (413, True)
