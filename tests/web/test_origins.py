"""Which sites' pages may read the answers, the page's security headers, and that no answer names the server."""

from hashlib import sha256
from itertools import count

import pytest
import requests

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.xxx_model_resource import XXXModelResource
from model_serving.serving.route import Route

ROUTES = [Route('/v1/XXXModel', XXXModelResource, XXXModel)]
ALLOWED = ('https://a.example', 'http://b.example:8080')
OTHERS = (
    'https://evil.example', 'http://a.example', 'https://a.example:8443', 'https://a.example.evil.example',
    'https://xa.example', 'http://b.example', 'null', None,
)  # fmt: skip
ASKS = {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,x-api-key'}
CASES = {
    'answer': ({}, {}, 200),
    'invalid': ({'body': b'{}'}, {}, 400),
    'unknown URL': ({'path': '/nothing'}, {}, 404),
    'page': ({'path': '/', 'method': 'GET', 'body': b''}, {}, 200),
    'preflight': ({'method': 'OPTIONS', 'body': b''}, ASKS, 200),
    'preflight of an unknown URL': ({'path': '/nothing', 'method': 'OPTIONS', 'body': b''}, ASKS, 200),
    'without a key': ({}, {'X-API-Key': 'wrong'}, 401),
    'too many': ({}, {}, 429),
}


def cors_of(answer) -> dict:
    """Return the headers by which a browser decides who may read an answer."""
    found = {name: answer.headers.getlist(name) for name in ('Access-Control-Allow-Origin', 'Vary')}
    assert [name for name, values in found.items() if len(values) > 1] == []
    return {name: values[0] for name, values in found.items() if values}


NUMBERS = count()


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    """A file of keys, `0` to `99`."""
    path = tmp_path_factory.mktemp('origins') / 'keys'
    path.write_text(''.join(f'caller-{number} {sha256(b"%d" % number).hexdigest()}\n' for number in range(100)))
    return path


@pytest.fixture
def ask(make_call, keys):
    """A function that asks for one of the cases, as a page of an origin does, where some origins are allowed."""
    settings = {'API_KEYS': str(keys), 'CORS_ORIGINS': ', '.join(ALLOWED)}
    environ = {f'MODEL_SERVING_SERVING_{key}': text for key, text in settings.items()}
    call = make_call(ROUTES, MODEL_SERVING_MODEL_RATE_LIMIT='1/hour', **environ)

    def ask(case, origin):
        options, own, status = CASES[case]
        # Each time another caller, whose limit is untouched.
        headers = {'X-API-Key': str(next(NUMBERS)), **own, **({'Origin': origin} if origin else {})}
        if case == 'too many':
            call(headers=headers)
        answer = call(headers=headers, **options)
        assert answer.status_code == status
        return answer

    return ask


@pytest.mark.parametrize('case', CASES)
def test_an_allowed_site_may_read_every_answer_and_no_other_may(ask, case):
    for origin in ALLOWED:
        answer = ask(case, origin)
        assert cors_of(answer) == {'Access-Control-Allow-Origin': origin, 'Vary': 'Origin'}
        if 'preflight' in case:
            assert answer.headers['Access-Control-Allow-Headers'] == 'content-type, x-api-key'
    assert cors_of(ask(case, OTHERS[0])) == {'Vary': 'Origin'}


def test_what_is_no_allowed_site(ask):
    assert [origin for origin in OTHERS if cors_of(ask('answer', origin)) != {'Vary': 'Origin'}] == []


@pytest.mark.parametrize('setting', ['*', 'https://a.example, *'])
@pytest.mark.parametrize('origin', ['https://evil.example', 'null', None])
def test_with_a_star_every_answer_has_the_same_headers(make_call, setting, origin):
    call = make_call(ROUTES, MODEL_SERVING_SERVING_CORS_ORIGINS=setting)
    for body in (b'{"name": "Leo"}', b'{}'):
        answer = call(body=body, headers={'Origin': origin} if origin else {})
        assert cors_of(answer) == {'Access-Control-Allow-Origin': '*'}


def test_no_site_may_read_the_answers_if_none_is_named(make_call):
    answer = make_call(ROUTES, MODEL_SERVING_SERVING_CORS_ORIGINS='')(headers={'Origin': ALLOWED[0]})
    assert (answer.status_code, cors_of(answer)) == (200, {'Vary': 'Origin'})


@pytest.mark.long
def test_a_browser_lets_only_an_allowed_site_read_an_answer(make_service, service, page):
    """The page of another service, at another port, is the other site."""
    origins = (service.url, 'https://a.example')
    allowing, refusing = (
        make_service(environment={'WORKERS': '1', 'MODEL_SERVING_SERVING_CORS_ORIGINS': origin}) for origin in origins
    )
    page.goto(service.url)
    call = """url => fetch(`${url}/v1/XXXModel`, {
        method: 'POST', body: '{"name": "Leo"}', headers: {'Content-Type': 'application/json', 'X-API-Key': 'a'},
    }).then(answer => answer.json(), error => error.name)"""
    assert page.evaluate(call, allowing.url) == {'result': 'Hello, Leo!'}
    assert page.evaluate(call, refusing.url) == 'TypeError'


SECURITY = {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'SAMEORIGIN',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
}
PAGE = (
    '/',
    '/page/page.js',
    '/page/page.css',
    '/jquery.min.js',
    '/docs/call.md',
    '/README.md',
    '/docs/images/page.png',
)


@pytest.mark.parametrize('path', [*PAGE, '/docs/', '/docs/swagger-ui.css'])
def test_the_page_and_the_guides_have_security_headers(service, path):
    headers = service.get(path).headers
    assert {name: headers[name] for name in SECURITY} == SECURITY
    # Swagger UI's own files are no documents.
    assert ("default-src 'none'" in headers.get('Content-Security-Policy', '')) == (path in (*PAGE, '/docs/'))


@pytest.mark.parametrize('method, path', [('GET', '/'), ('POST', '/v1/XXXModel'), ('GET', '/nothing')])
def test_no_answer_names_the_server(service, method, path):
    assert 'Server' not in requests.request(method, service.url + path, json={}, timeout=30).headers


@pytest.mark.parametrize('line', ['GET / HTTP/1.1', 'no HTTP'])
def test_no_answer_to_what_is_no_request_names_it(service, connect, line):
    answer = connect(service).exchange(f'{line}\r\n\r\n'.encode()).lower()
    assert answer.startswith(b'http/1.1 400')
    assert [word for word in (b'server:', b'uvicorn', b'gunicorn') if word in answer] == []
