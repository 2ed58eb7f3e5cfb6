"""Each row of docs/errors.md is an answer of the live service: the tables are read from the document."""

import contextlib
import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from hashlib import sha256

import pytest
import requests

from model_serving.app import create_app
from model_serving.utils.conf_utils import Conf
from tests.conftest import BASE_FOLDER, wait_until, with_constants
from tests.docs.following import text_of
from tests.fakes.misbehaving import files
from tests.web.nasty_requests import BODY, head, post

DOCUMENT = text_of('docs/errors.md')
TABLES = DOCUMENT.split('\n## ')
OURS = re.findall(r'^\| (\d+) \| `(.+?)` \| [^|]+ \| [^|]+ \|$', TABLES[1], re.MULTILINE)
SERVERS = re.findall(r'^\| (\d+) \| [^|]+ \|$', TABLES[2], re.MULTILINE)
JSON = {'Content-Type': 'application/json'}
GZIP = {'Content-Encoding': 'gzip'}
XXX, BAD, FILE = '/v1/XXXModel', '/v1/BadModel', '/v1/PictureModel'
FORM_TYPE = {'Content-Type': 'multipart/form-data; boundary=b'}
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nAAAA\r\n'
FORM = PART % b'image"; filename="a' + PART % b'note' + b'--b--\r\n'
# A model for want of a package, and one for want of its file.
STREAM = '\nfrom tests.fakes import streams, uploads\nROUTES += (streams.ROUTES[1], uploads.PICTURE)\n'
RARE = "\nROUTES += (Route('/v1/RareModel', misbehaving.MisbehavingResource, OtherModel, needs='no_such_package'),)\n"
NO_FILE = {'conf/none.conf': '[model]\nname = NoFile\nfile = data/none.onnx\non_error = skip\n'}


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """A service with models for all errors, among them ones that can't start."""
    limits = {'MODEL_SERVING_LIMITEDMODEL_MAX_QUEUE': '1', 'MODEL_SERVING_SERVING_MAX_BODIES': '100 KiB'}
    served = files(max_body='16 KiB') | NO_FILE | with_constants(front__failures__SILENCE=1)
    served['model_serving/routes.py'] += RARE + STREAM
    folder = tmp_path_factory.mktemp('errors')
    environment = {'WORKERS': '1', 'THREADS': '8', 'PYTHONPATH': str(BASE_FOLDER), **limits}
    one = service_class(folder, served, environment)
    one.start()
    yield one
    one.stop()


def seen(answer):
    """Return an answer's status, the text of its body, and whether it has the headers of CORS."""
    return answer.status_code, answer.text, 'Access-Control-Allow-Origin' in answer.headers


def answer_to(service, connect, request):
    """Return what is seen of the answer to a row's request: a function brings it about, bytes are sent as they are."""
    if callable(request):
        return request(service, connect)
    if isinstance(request, bytes):
        raw_head, _, body = connect(service).exchange(request).partition(b'\r\n\r\n')
        return int(raw_head.split()[1]), body.decode(), b'access-control-allow-origin' in raw_head
    method, path, body, headers = request
    return seen(requests.request(method, service.url + path, data=body, headers={**JSON, **headers}, timeout=30))


def first_refused(service, connect, path, count, headers=None):
    """Have many calls come at once; what is seen of the first that is not let in."""
    gate = service.folder / f'gate of {path[4:]}'
    with ThreadPoolExecutor(count) as threads, contextlib.ExitStack() as stack:
        stack.callback(gate.touch)
        is_stream = path == '/v1/CountModel'
        body = {'wait_at': 0, 'gate': str(gate)} if is_stream else {'do': 'until', 'value': str(gate)}
        calls = [threads.submit(service.post, path, body, headers=headers) for _ in range(count)]
        # Those calls whose handlers had begun are late in their own words.
        answers = (call.result() for call in as_completed(calls))
        refused = next(answer for answer in answers if 'did not answer' not in answer.text)
    assert (refused.status_code == 429) == (int(refused.headers.get('Retry-After', 0)) >= 1)
    return seen(refused)


def beside_large_bodies(service, connect):
    """Have bodies that are not complete fill what may be held, then send another one."""
    another = 'POST', BAD, b'x' * 15_000, {}
    for _ in range(6):
        connect(service).socket.sendall(post(b'x' * 15_000, length=16_000))
    wait_until(lambda: answer_to(service, connect, another)[0] == 503)
    return answer_to(service, connect, another)


def kept_out(service, connect, key=None, path=XXX, count=1):
    """Call a service with a key for DigitsModel, and a rate limit of one request; what is seen of the last answer."""
    keys = service.folder / 'keys'
    keys.write_text(f'shop {sha256(b"secret").hexdigest()} DigitsModel\n')
    environment = {'MODEL_SERVING_SERVING_API_KEYS': str(keys), 'MODEL_SERVING_MODEL_RATE_LIMIT': '1/minute'}
    client = create_app(conf=Conf(environ=environment)).test_client()
    headers = {'X-API-Key': key} if key else {}
    return [seen(client.post(path, json={}, headers=headers)) for _ in range(count)][-1]


# How the rows come about, in the order of the tables: method, path, body and further headers, or as in answer_to.
REQUESTS = [
    ('POST', XXX, b'', {}),
    ('POST', XXX, b'{"name": "Leo"', {}),
    ('POST', XXX, b'[' * 101 + b']' * 101, {}),
    ('POST', XXX, b'{"name": 18446744073709551616}', {}),
    ('POST', XXX, b'{}', {}),
    ('POST', BAD, b'{"do":"echo","valeu":1}', {}),
    ('POST', XXX, b'[{"name":"Leo"}]', {}),
    ('POST', BAD, b'{"do":1}', {}),
    ('POST', BAD, b'{"do":"invalid","value":9}', {}),
    ('POST', BAD, BODY, {'X-Request-Timeout': 'soon'}),
    ('POST', BAD, BODY, GZIP),
    ('POST', BAD, gzip.compress(BODY) + b'more', GZIP),
    ('POST', FILE, FORM, {'Content-Type': 'multipart/form-data'}),
    ('POST', FILE, FORM[:-9], FORM_TYPE),
    ('POST', FILE, FORM, {'Content-Type': 'image/png; boundary=b'}),
    ('POST', FILE, FORM.replace(b'; filename="a"', b''), FORM_TYPE),
    ('POST', FILE, FORM.replace(b'"note"', b'"nite"'), FORM_TYPE),
    ('POST', FILE, FORM.replace(b'"note"', b'"image"; filename="b"'), FORM_TYPE),
    kept_out,
    partial(kept_out, key='wrong'),
    partial(kept_out, key='secret'),
    ('POST', '/v1/XXModel', b'{}', {}),
    ('GET', '/v7', None, {}),
    ('GET', '/docs/none.md', None, {}),
    ('POST', '/v1/RareModel', b'{}', {}),
    ('PUT', XXX, b'{}', {}),
    ('DELETE', '/health/live', b'', {}),
    post()[:-1],
    ('POST', BAD, b'x' * 20_000, {}),
    ('POST', BAD, BODY, {'Content-Type': 'text/plain'}),
    ('POST', FILE, BODY, {'Content-Type': 'text/csv'}),
    ('POST', BAD, BODY, {'Content-Encoding': 'br'}),
    partial(first_refused, path='/v1/LimitedModel', count=3),
    partial(kept_out, key='secret', path='/v1/DigitsModel', count=2),
    ('POST', BAD, b'{"do":"raise"}', {}),
    ('POST', '/v1/NoFile', b'{}', {}),
    beside_large_bodies,
    ('GET', '/health/ready?model=/v1/NoFile', None, {}),
    ('POST', BAD, b'{"do":"sleep","value":1}', {'X-Request-Timeout': '0.2'}),
    partial(first_refused, path='/v1/CallingModel', count=10, headers={'X-Request-Timeout': '1'}),
    partial(first_refused, path='/v1/CountModel', count=2, headers={'X-Request-Timeout': '1'}),
]
RAW = [
    b'NONSENSE\r\n\r\n',
    head(line='GET / HTTP/1.1', host=None),
    head('Transfer-Encoding: cow') + BODY,
    head(line='BREW / HTTP/1.1'),
    head(f'X-A: {"a" * 200_000}', line='GET / HTTP/1.1'),
]


def test_each_row_has_its_request():
    assert (len(OURS), len(SERVERS)) == (len(REQUESTS), len(RAW))
    assert DOCUMENT.count('\n| ') == len(REQUESTS) + len(RAW) + 2


@pytest.mark.parametrize('number', range(len(REQUESTS)))
def test_a_row_of_the_service(service, connect, number):
    status, message = OURS[number]
    code, body, has_cors = answer_to(service, connect, REQUESTS[number])
    assert (code, has_cors) == (int(status), True)
    assert re.fullmatch(re.escape(message).replace('…', '.*'), json.loads(body)['message'])
    assert len(body) < 8192


@pytest.mark.parametrize('number', range(len(RAW)))
def test_a_row_of_the_server(service, connect, number):
    code, _, has_cors = answer_to(service, connect, RAW[number])
    assert (code, has_cors) == (int(SERVERS[number]), False)


def test_troubleshooting_has_each_status():
    rows = re.findall(r'^\| (\d{3})\b', text_of('docs/troubleshooting.md'), re.MULTILINE)
    assert {status for status, _ in OURS} <= set(rows)
