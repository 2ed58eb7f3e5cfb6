"""Every error is JSON that tells the fix, with CORS, on every path."""

import json

import pytest
import requests

JSON = {'Content-Type': 'application/json'}


def send(service, body=b'{}', path='/v1/XXXModel', method='POST', **headers):
    return requests.request(method, service.url + path, data=body, headers={**JSON, **headers}, timeout=30)


def test_all_errors_have_message_cors_and_request_id(misbehaving):
    answers = [
        send(misbehaving, b''),
        send(misbehaving, b'{'),
        send(misbehaving, b'{}'),
        send(misbehaving, path='/nowhere'),
        send(misbehaving, method='PUT'),
        send(misbehaving, b'x' * 2**20 + b'x'),
        send(misbehaving, **{'Content-Type': 'text/plain'}),
        send(misbehaving, b'{"do":"raise"}', '/v1/BadModel'),
        send(misbehaving, b'{"do":"sleep","value":0.5}', '/v1/BadModel', **{'X-Request-Timeout': '0.1'}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 404, 405, 413, 415, 500, 504]
    for answer in answers:
        assert answer.headers['Content-Type'] == 'application/json'
        assert answer.headers['Access-Control-Allow-Origin'] == '*'
        assert 'X-Request-ID' in answer.headers['Access-Control-Expose-Headers']
        assert answer.headers['X-Request-ID']
        assert isinstance(answer.json()['message'], str)
        assert len(answer.content) < 8192


@pytest.mark.parametrize('origin', ['null', 'https://example.com', 'http://localhost:8000'])
def test_a_preflight_from_any_origin_passes(misbehaving, origin):
    asked = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}
    answer = send(misbehaving, b'', method='OPTIONS', Origin=origin, **asked)
    assert answer.status_code == 200
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert answer.headers['Access-Control-Allow-Headers'].lower() == 'content-type'
    assert 'POST' in answer.headers['Access-Control-Allow-Methods']


@pytest.mark.parametrize('body', [b'', b'null', b' null\n'])
def test_no_object(misbehaving, body):
    answer = send(misbehaving, body)
    assert (answer.status_code, answer.json()['message']) == (400, 'No JSON object')
    assert answer.json()['example'] == {'name': 'Leo'}


@pytest.mark.parametrize(
    'body, message',
    [
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
        (b'[' * 10_000, 'nested deeper than 100 levels'),
        (b'[' * 10_000 + b']' * 10_000, 'nested deeper than 100 levels'),
        (b'{"a":' * 101 + b'1' + b'}' * 101, 'nested deeper than 100 levels'),
        (b' ', 'empty'),
        (b'{"name": "Leo"}{}', 'line 1, column 16'),
    ],
)
def test_what_is_no_json_is_told_with_its_place(misbehaving, body, message):
    answer = send(misbehaving, body)
    assert answer.status_code == 400
    assert message in answer.json()['message']
    assert answer.json()['example'] == {'name': 'Leo'}


@pytest.mark.parametrize(
    'body, result',
    [
        (b'{"do":"echo","value":18446744073709551615}', 18446744073709551615),
        (b'{"do":"echo","value":-9223372036854775808}', -9223372036854775808),
        (b'{"do":"echo","value":123456789012345678901234567890.5}', 123456789012345678901234567890.5),
        (b'{"do":"echo","value":"12345678901234567890123"}', '12345678901234567890123'),
        (b'{"do":"echo","value":1,"value":2}', 2),
        (b'{"do":"echo","value":"' + b'[{' * 200 + b'"}', '[{' * 200),
        (b'{"do":"echo","value":"\\"' + b'[' * 200 + b'"}', '"' + '[' * 200),
        (b'{"do":"echo","value":' + b'[' * 99 + b']' * 99 + b'}', json.loads('[' * 99 + ']' * 99)),
        ('{"do":"echo","value":"范叶亮 \\u0000 \\ud83d\\ude00"}'.encode(), '范叶亮 \0 😀'),
    ],
)
def test_what_is_odd_but_json_comes_back_as_it_went(misbehaving, body, result):
    answer = send(misbehaving, body, '/v1/OtherModel')
    assert (answer.status_code, answer.json()) == (200, {'result': result})


@pytest.mark.parametrize('content_type', ['application/json', 'application/json; charset=UTF-8', 'application/ld+json'])
def test_types_that_are_json(misbehaving, content_type):
    assert send(misbehaving, b'{"name": "Leo"}', **{'Content-Type': content_type}).status_code == 200


@pytest.mark.parametrize(
    'content_type',
    ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '', 'x/' + 'y' * 4000],
)
def test_other_types_are_told_the_header(misbehaving, content_type):
    answer = send(misbehaving, b'{"name": "Leo"}', **{'Content-Type': content_type})
    assert answer.status_code == 415
    assert 'Content-Type: application/json' in answer.json()['message']
    assert answer.json()['example'] == {'name': 'Leo'}
    assert len(answer.content) < 1000


def test_unknown_property_suggests_the_nearest(misbehaving):
    answer = send(misbehaving, b'{"do":"echo","valeu":1}', '/v1/BadModel')
    message = "Additional properties are not allowed ('valeu' was unexpected). Did you mean 'value'?"
    assert answer.json() == {
        'message': message,
        'errors': [{'path': '', 'message': message}],
        'example': {'do': 'echo', 'value': 1},
    }


def test_unknown_url_suggests_the_nearest_and_names_all(misbehaving):
    answer = send(misbehaving, path='/v1/XXModel')
    assert answer.status_code == 404
    assert "Did you mean '/v1/XXXModel'?" in answer.json()['message']
    assert '/v1/OtherModel' in answer.json()['message']
    assert 'Did you mean' not in send(misbehaving, path='/quite/else').json()['message']


@pytest.mark.parametrize('path', ['/v1//XXXModel', '/v1/XXXModel/', '/v1/../v1/XXXModel', '/v1/xxxmodel'])
def test_urls_are_taken_as_they_are(misbehaving, connect, path):
    head = f'POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n'
    answer = connect(misbehaving).exchange(head.encode() + b'{"name":"Leo"}')
    assert answer.startswith(b'HTTP/1.1 404 ')


def test_a_wrong_method_is_told_the_right_one(misbehaving):
    answer = send(misbehaving, method='GET')
    assert answer.status_code == 405
    assert set(answer.headers['Allow'].split(', ')) == {'OPTIONS', 'POST'}
    assert 'POST JSON' in answer.json()['message']
    assert 'GET' in send(misbehaving, path='/health/live', method='DELETE').json()['message']


def test_a_failing_model_is_told_the_request_id_and_nothing_else(misbehaving):
    answer = send(misbehaving, b'{"do":"raise","value":"password"}', '/v1/BadModel', **{'X-Request-ID': 'my-id-1'})
    assert answer.status_code == 500
    assert 'my-id-1' in answer.json()['message']
    assert 'password' not in answer.text
    assert 'Traceback' not in answer.text
    log = misbehaving.log
    assert 'my-id-1' in log
    assert 'ValueError: secret password' in log


def test_an_instance_that_the_model_refuses(misbehaving):
    answer = send(misbehaving, b'{"do":"invalid","value":9}', '/v1/BadModel')
    assert answer.status_code == 400
    assert answer.json() == {
        'message': 'value[0]: 9 was refused by the model.',
        'errors': [{'path': 'value[0]', 'message': '9 was refused by the model.'}],
        'example': {'do': 'echo', 'value': 1},
    }


@pytest.mark.parametrize(
    'body',
    [
        json.dumps({'do': 'x' * 12_000 + '!'}),
        json.dumps({'do': '\0' * 2000}),
        json.dumps({'\0' * 100 + str(number): 1 for number in range(20)}),
        json.dumps({'😀' * 300 + str(number): '😀' for number in range(10)}, ensure_ascii=False),
        json.dumps([['x'] * 1000] * 3),
        json.dumps('x' * 15_000),
    ],
)
def test_answers_stay_small(misbehaving, body):
    answer = send(misbehaving, body.encode(), '/v1/BadModel')
    assert answer.status_code == 400
    assert answer.json()['errors']
    assert len(answer.content) < 8192


def test_large_bodies_are_explained_too(misbehaving):
    answer = send(misbehaving, json.dumps({'do': 1, 'value': ['x' * 100] * 5000}).encode(), '/v1/OtherModel')
    assert answer.status_code == 400
    assert answer.json()['message'] == 'do: 1 is not of type "string"'


@pytest.mark.parametrize('timeout', ['0', '-1', 'soon', '1e3', 'nan', '', '1,5', '1' * 50])
def test_a_timeout_that_is_none_is_refused(misbehaving, timeout):
    answer = send(misbehaving, b'{"name": "Leo"}', **{'X-Request-Timeout': timeout})
    assert answer.status_code == 400
    assert 'X-Request-Timeout must be a number of seconds' in answer.json()['message']


def test_what_is_not_there_is_answered_with_what_is(service):
    answer = service.post('/v1/xxxmodel', {})
    assert answer.status_code == 404
    message = answer.json()['message']
    assert message.startswith("Nothing is served at /v1/xxxmodel. Did you mean '/v1/XXXModel'? There are: /, ")
    assert {'/v1/DigitsModel', '/v1/WineModel', '/v1/XXXModel'} <= set(message.split(', '))
    # No patterns of URLs, only such as can be called.
    assert '<' not in message
