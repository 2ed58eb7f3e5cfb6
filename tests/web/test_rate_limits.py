"""Rate limits: how many requests each caller may send to a model. Those that Redis counts: test_redis.py."""

from collections import Counter
from functools import partial
from hashlib import sha256

import pytest

from model_serving.app import create_app
from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.errors import StartError
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER, wait_until
from tests.web.conftest import by_front, message_of
from tests.web.scraping import counted

URLS = ('/v1/XXXModel', '/v1/OtherModel', '/v2/XXXModel')
ROUTES = tuple(Route(url, XXXModelResource, XXXModel) for url in URLS)
REDIS = 'redis://:TopSecret@127.0.0.1:1/0'


@pytest.fixture
def limited(make_call):
    """A function that returns how to call models with a rate limit: `limited('3/minute')`."""
    return lambda limit, **environ: make_call(ROUTES, MODEL_SERVING_MODEL_RATE_LIMIT=limit, **environ)


def statuses(call, times, **options) -> list:
    return [call(**options).status_code for _ in range(times)]


def test_one_request_too_many_is_told_the_limit_and_when_to_come_back(limited):
    call = limited('3/minute')
    assert statuses(call, 3) == [200] * 3
    refused = call()
    seconds = int(refused.headers['Retry-After'])
    assert 50 < seconds <= 60
    expected = f'The rate limit of XXXModel is 3 per minute for each caller. Try again in {seconds} s.'
    assert message_of(refused, 429) == expected


@pytest.mark.parametrize(
    'other',
    [{'address': '10.0.0.2'}, {'path': '/v1/OtherModel'}, {'path': '/v2/XXXModel'}],
    ids=['another caller', 'another model', 'another version'],
)
def test_others_are_not_limited_by_it(limited, other):
    call = limited('2/minute')
    assert statuses(call, 3) == [200, 200, 429]
    assert statuses(call, 3, **other) == [200, 200, 429]


def test_behind_a_proxy_the_caller_is_its_client(limited):
    call = limited('2/minute', MODEL_SERVING_SERVING_TRUSTED_PROXIES='1')
    for client in ('198.51.100.1', '198.51.100.2'):
        # What the client itself claims comes before what the proxy appends.
        headers = [{'X-Forwarded-For': f'203.0.113.{number}, {client}'} for number in range(3)]
        assert [call(headers=each).status_code for each in headers] == [200, 200, 429]


def test_nobody_gets_a_new_limit_by_claiming_an_address(limited):
    call = limited('2/minute')
    answers = [call(headers={'X-Forwarded-For': f'10.0.0.{number}'}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize(
    'one, other, are_one',
    [
        ('2001:db8:0:1::1', '2001:db8:0:1:ffff::2', True),
        ('2001:db8:0:3::1', '2001:db8:0:4::1', False),
        ('fe80::1%eth0', 'fe80::2%eth1', True),
        # A server that listens on :: has IPv4 clients like this.
        ('::ffff:10.0.0.1', '::ffff:10.0.0.2', False),
        ('::ffff:10.0.0.3', '10.0.0.3', True),
        ('10.0.0.4', '10.0.0.5', False),
    ],
)
def test_who_is_one_caller(limited, one, other, are_one):
    call = limited('1/minute')
    assert statuses(call, 2, address=one) == [200, 429]
    assert call(address=other).status_code == (429 if are_one else 200)


def test_a_caller_with_a_key_is_its_name_wherever_it_is(limited, tmp_path):
    lines = [f'{name} {sha256(secret.encode()).hexdigest()}\n' for name, secret in (('shop', 'one'), ('app', 'two'))]
    (tmp_path / 'keys').write_text(''.join(lines))
    call = limited('2/minute', MODEL_SERVING_SERVING_API_KEYS=str(tmp_path / 'keys'))
    shop, app = {'X-API-Key': 'one'}, {'Authorization': 'Bearer two'}
    found = [call(address=f'10.0.0.{number}', headers=shop).status_code for number in range(3)]
    assert found == [200, 200, 429]
    # Who has no valid key is refused for that, and costs nobody a request.
    assert statuses(call, 3, headers={'X-API-Key': 'three'}) == [401] * 3
    assert statuses(call, 3, headers=app) == [200, 200, 429]


PROTOCOLS = {
    '/v1/models/XXXModel:predict': ['error'],
    '/v1/models/XXXModel/versions/1:predict': ['error'],
    '/v2/models/XXXModel/infer': ['error'],
    '/v1/XXXModel/invocations': ['error_code', 'message'],
    '/v1/XXXModel': ['message'],
}


@pytest.mark.parametrize('path, keys', PROTOCOLS.items())
def test_other_protocols_count_too_and_have_their_own_errors(make_call, path, keys):
    # One version, so that it is the one that URLs without a version call.
    call = make_call(ROUTES[:1], MODEL_SERVING_MODEL_RATE_LIMIT=f'{len(PROTOCOLS)}/minute')
    assert 429 not in [call(each, b'{"instances": [{"name": "Leo"}]}').status_code for each in PROTOCOLS]
    refused = call(path)
    assert (refused.status_code, list(refused.json())) == (429, keys)
    assert int(refused.headers['Retry-After']) > 0
    assert refused.headers['Access-Control-Allow-Origin'] == '*'


@pytest.mark.parametrize(
    'request_of, expected',
    [
        ({'body': b'{}'}, 400),
        ({'body': b'{"name": '}, 400),
        ({'body': b'x' * 2**21}, 413),
        ({'method': 'GET', 'body': b''}, 200),
        ({'method': 'DELETE'}, 405),
        ({'headers': {'X-Request-Timeout': 'soon'}}, 400),
    ],
    ids=['invalid', 'not JSON', 'too large', 'GET', 'another method', 'not a time'],
)
def test_every_request_to_the_model_counts(limited, request_of, expected):
    call = limited('2/minute')
    assert statuses(call, 2, **request_of) == [expected] * 2
    assert call().status_code == 429
    assert call(**request_of).status_code == 429


@pytest.mark.parametrize(
    'request_of',
    [
        {'method': 'OPTIONS', 'path': '/v1/XXXModel'},
        {'method': 'OPTIONS', 'path': '/v1/models/XXXModel:predict'},
        *(
            {'method': 'GET', 'path': path, 'body': b''}
            for path in ('/openapi.json', '/v1', '/health/ready', '/metrics', '/', '/v2/models/OtherModel/ready')
        ),
    ],
    ids=lambda request_of: '{method} {path}'.format(**request_of),
)
def test_what_calls_no_model_does_not_count(limited, request_of):
    call = limited('1/minute')
    assert statuses(call, 3, **request_of) == [200] * 3
    assert statuses(call, 2) == [200, 429]
    assert statuses(call, 1, **request_of) == [200]


@pytest.mark.parametrize(
    'limits, general, own',
    [
        ({'MODEL_SERVING_MODEL_RATE_LIMIT': '1/minute', 'MODEL_SERVING_XXXMODEL_RATE_LIMIT': '3/hour'}, 1, 3),
        ({'MODEL_SERVING_MODEL_RATE_LIMIT': '1/minute', 'MODEL_SERVING_XXXMODEL_RATE_LIMIT': 'none'}, 1, 5),
        ({'MODEL_SERVING_XXXMODEL_RATE_LIMIT': '2 per day'}, 5, 2),
    ],
)
def test_a_model_may_have_a_limit_of_its_own_or_none(make_call, limits, general, own):
    call = make_call(ROUTES, **limits)
    for path, amount in (('/v1/OtherModel', general), ('/v1/XXXModel', own)):
        assert statuses(call, 5, path=path) == [200] * amount + [429] * (5 - amount)


@pytest.mark.parametrize('limits, first', [('2/minute, 5/hour', '2 per minute'), ('5/minute;2/hour', '2 per hour')])
def test_of_several_limits_each_one_holds(limited, limits, first):
    call = limited(limits)
    assert statuses(call, 2) == [200, 200]
    assert f' is {first} for each caller.' in message_of(call(), 429)


def test_the_end_of_its_time_lets_the_caller_in_again(limited):
    call = limited('1/second')
    wait_until(lambda: call().status_code == 429)
    wait_until(lambda: call().status_code == 200)


def test_of_many_requests_at_once_as_many_as_allowed_pass(limited, threads):
    call = limited('50/minute')
    answers = list(threads.map(lambda _: call().status_code, range(200)))
    assert Counter(answers) == {200: 50, 429: 150}


@pytest.mark.parametrize(
    'text', ['0/minute', 'x', '10/fortnight', '-1/second', '5', '5/second,', '1.5/minute', '∞/day']
)
def test_what_is_no_limit_is_told_what_is(text):
    with pytest.raises(StartError) as error:
        create_app(ROUTES, Conf('nowhere', {'MODEL_SERVING_XXXMODEL_RATE_LIMIT': text}))
    assert str(error.value) == (
        f'MODEL_SERVING_XXXMODEL_RATE_LIMIT = {text!r}: it must be none, or numbers of requests per second, '
        'minute, hour or day, such as 100/minute or 5/second, 1000/day.'
    )


@pytest.mark.long
def test_each_worker_allows_its_share(make_service):
    """And the metrics say why a request was refused."""
    service = make_service(environment={'WORKERS': '2', 'MODEL_SERVING_XXXMODEL_RATE_LIMIT': '5/hour'})

    def passes(count):
        # Each call has a connection of its own, and the workers take turns by chance.
        return sum(service.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200 for _ in range(count))

    passed = 0
    while passed < 4:
        passed += passes(1)
    assert passes(100) == 0
    assert service.post('/v1/DigitsModel', {}).status_code == 400
    refused = partial(counted, service, 'refused_requests_total', 'model', 'reason')
    wait_until(lambda: refused()['XXXModel', 'rate_limit'] >= 100)


def test_redis_without_its_package_is_told_how_to_get_it():
    environ = {'MODEL_SERVING_MODEL_RATE_LIMIT': '3/minute', 'MODEL_SERVING_SERVING_RATE_LIMIT_STORAGE': REDIS}
    with pytest.raises(StartError) as error:
        create_app(ROUTES, Conf('nowhere', environ))
    needed = (BASE_FOLDER / 'tests' / 'requirements' / 'redis.txt').read_text().splitlines()[-1]
    assert str(error.value) == (
        '[serving] rate_limit_storage is a Redis, which needs the package redis. '
        f'Get it: .venv/bin/pip install {needed}'
    )


@pytest.mark.long
@pytest.mark.parametrize(
    'url, reason',
    [
        (REDIS, 'which needs the package redis. Get it: .venv/bin/pip install redis==8.1.0'),
        (REDIS.removeprefix('redis:'), 'it must be memory, or the URL of a Redis'),
    ],
)
def test_no_start_shows_the_password_of_redis(make_service, url, reason):
    environment = {'MODEL_SERVING_MODEL_RATE_LIMIT': '3/minute', 'MODEL_SERVING_SERVING_RATE_LIMIT_STORAGE': url}
    service = make_service(environment=environment, start=False)
    finished = service.run('bin/start.sh')
    assert finished.returncode == 1
    said = finished.stdout + finished.stderr
    assert reason in said
    assert 'TopSecret' not in said + service.log


def test_without_a_limit_redis_is_not_needed():
    app = create_app(ROUTES, Conf('nowhere', {'MODEL_SERVING_SERVING_RATE_LIMIT_STORAGE': REDIS}))
    headers = {'Content-Type': 'application/json'}
    assert by_front(app, 'POST', '/v1/XXXModel', headers, b'{"name": "Leo"}', '10.0.0.1').status_code == 200
