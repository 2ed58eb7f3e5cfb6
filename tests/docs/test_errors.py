"""Each row of docs/errors.md is an answer of the live service: the tables are read from the document."""

import contextlib
import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest
import requests

from tests.conftest import wait_until, with_constants
from tests.fakes.misbehaving import files
from tests.web.nasty_requests import BODY, head, post

DOCUMENT = (Path(__file__).resolve().parents[2] / 'docs' / 'errors.md').read_text(encoding='utf-8')
TABLES = DOCUMENT.split('\n## ')
OURS = re.findall(r'^\| (\d+) \| `(.+?)` \| [^|]+ \| [^|]+ \|$', TABLES[1], re.MULTILINE)
SERVERS = re.findall(r'^\| (\d+) \| [^|]+ \|$', TABLES[2], re.MULTILINE)
PACKED = gzip.compress(BODY)
JSON = {'Content-Type': 'application/json'}
GZIP = {'Content-Encoding': 'gzip'}
BAD = '/v1/BadModel'

# How the rows come about, in the order of the table: method, path, body and further headers.
REQUESTS = [
    ('POST', '/v1/XXXModel', b'', {}),
    ('POST', '/v1/XXXModel', b'{"name": "Leo"', {}),
    ('POST', '/v1/XXXModel', b'[' * 101 + b']' * 101, {}),
    ('POST', '/v1/XXXModel', b'{"name": 18446744073709551616}', {}),
    ('POST', '/v1/XXXModel', b'{}', {}),
    ('POST', BAD, b'{"do":"echo","valeu":1}', {}),
    ('POST', BAD, b'{"do":1}', {}),
    ('POST', BAD, b'{"do":"invalid","value":9}', {}),
    ('POST', BAD, BODY, {'X-Request-Timeout': 'soon'}),
    ('POST', BAD, BODY, GZIP),
    ('POST', BAD, PACKED + b'more', GZIP),
    ('POST', '/v1/XXModel', b'{}', {}),
    ('POST', '/v1/RareModel', b'{}', {}),
    ('PUT', '/v1/XXXModel', b'{}', {}),
    ('DELETE', '/health/live', b'', {}),
    'stops',
    ('POST', BAD, b'x' * 20_000, {}),
    ('POST', BAD, BODY, {'Content-Type': 'text/plain'}),
    ('POST', BAD, BODY, {'Content-Encoding': 'br'}),
    'too many',
    ('POST', BAD, b'{"do":"raise"}', {}),
    ('POST', '/v1/NoFile', b'{}', {}),
    'too many bodies',
    ('GET', '/health/ready', None, {}),
    ('POST', BAD, b'{"do":"sleep","value":1}', {'X-Request-Timeout': '0.2'}),
    'no thread',
]
# What is refused when so many calls come at once: path, how many, and headers.
REFUSED_OF_MANY = {
    'too many': ('/v1/LimitedModel', 3, {}),
    'no thread': ('/v1/CallingModel', 10, {'X-Request-Timeout': '1'}),
}
# A model for want of a package.
RARE = "\nROUTES += (Route('/v1/RareModel', misbehaving.MisbehavingResource, OtherModel, needs='no_such_package'),)\n"
RAW = [
    b'NONSENSE\r\n\r\n',
    head(line='GET / HTTP/1.1', host=None),
    head('Transfer-Encoding: cow') + BODY,
    head(line='BREW / HTTP/1.1'),
    head(f'X-A: {"a" * 200_000}', line='GET / HTTP/1.1'),
]


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """A service with models for all errors, among them one that can't start."""
    conf = {'conf/none.conf': '[model]\nname = NoFile\nfile = data/none.onnx\non_error = skip\n'}
    environment = {
        'WORKERS': '1',
        'THREADS': '8',
        'MODEL_SERVING_LIMITEDMODEL_MAX_QUEUE': '1',
        'MODEL_SERVING_SERVING_MAX_BODIES': '100 KiB',
    }
    served = files(max_body='16 KiB') | conf | with_constants(asgi__SILENCE=1)
    served['model_serving/routes.py'] += RARE
    one = service_class(tmp_path_factory.mktemp('errors'), served, environment)
    one.start()
    yield one
    one.stop()


def answer_to(service, connect, request):
    """Return an answer's status, the text of its body, and whether it has the headers of CORS."""
    if isinstance(request, str) and request in REFUSED_OF_MANY:
        return first_refused(service, *REFUSED_OF_MANY[request])
    if request == 'too many bodies':
        return refused_beside_large_bodies(service, connect)
    if request == 'stops' or isinstance(request, bytes):
        sent = post()[:-1] if request == 'stops' else request
        raw_head, _, body = connect(service).exchange(sent).partition(b'\r\n\r\n')
        return int(raw_head.split()[1]), body.decode(), b'access-control-allow-origin' in raw_head
    method, path, body, headers = request
    answer = requests.request(method, service.url + path, data=body, headers={**JSON, **headers}, timeout=30)
    return answer.status_code, answer.text, 'Access-Control-Allow-Origin' in answer.headers


def first_refused(service, path, count, headers):
    gate = service.folder / f'gate of {path[4:]}'
    with ThreadPoolExecutor(count) as threads, contextlib.ExitStack() as stack:
        stack.callback(gate.touch)
        body = {'do': 'until', 'value': str(gate)}
        calls = [threads.submit(service.post, path, body, headers=headers) for _ in range(count)]
        # Those calls whose handlers had begun are late in their own words.
        answers = (call.result() for call in as_completed(calls))
        refused = next(answer for answer in answers if 'did not answer' not in answer.text)
    assert (refused.status_code == 429) == (int(refused.headers.get('Retry-After', 0)) >= 1)
    return refused.status_code, refused.text, 'Access-Control-Allow-Origin' in refused.headers


def refused_beside_large_bodies(service, connect):
    """Have bodies that are not complete fill what may be held, then send another one."""
    half = post(b'x' * 15_000, length=16_000)
    waiting = [connect(service) for _ in range(6)]
    for connection in waiting:
        connection.socket.sendall(half)
    wait_until(
        lambda: requests.post(service.url + BAD, data=b'x' * 15_000, headers=JSON, timeout=10).status_code == 503
    )
    answer = requests.post(service.url + BAD, data=b'x' * 15_000, headers=JSON, timeout=10)
    return answer.status_code, answer.text, 'Access-Control-Allow-Origin' in answer.headers


@pytest.mark.parametrize('number', range(len(REQUESTS)))
def test_a_row_of_the_service(service, connect, number):
    status, message = OURS[number]
    expected = re.escape(message).replace('…', '.*')
    code, body, has_cors = answer_to(service, connect, REQUESTS[number])
    assert code == int(status)
    assert re.fullmatch(expected, json.loads(body)['message'])
    assert has_cors
    assert len(body) < 8192


@pytest.mark.parametrize('number', range(len(RAW)))
def test_a_row_of_the_server(service, connect, number):
    code, _, has_cors = answer_to(service, connect, RAW[number])
    assert code == int(SERVERS[number])
    assert not has_cors


def test_each_row_has_its_request():
    assert (len(OURS), len(SERVERS)) == (len(REQUESTS), len(RAW))
    assert DOCUMENT.count('\n| ') == len(REQUESTS) + len(RAW) + 2
