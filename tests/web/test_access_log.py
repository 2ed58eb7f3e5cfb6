"""The log has a line for each request, in the one form of all lines."""

import io
import json
import logging
import os
import re
import signal
from datetime import datetime
from functools import partial

import pytest
import requests

from model_serving.web.access_log import LOGGER, AccessLog
from model_serving.web.application import NO_CALL
from tests.conftest import BASE_FOLDER, gates_service, wait_until
from tests.server.test_signals import renew_workers
from tests.web.nasty_requests import head

LINE = re.compile(
    r'\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] - \[INFO\] - \[access\] - '
    r'127\.0\.0\.1 "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<length>\d+|-) \d+\.\d ms (?P<id>\S+)'
)


def access_lines(service):
    return [line for line in service.log.splitlines() if ' - [access] - ' in line]


def test_each_request_has_its_line_by_the_time_the_service_has_stopped(make_service, connect):
    service = make_service()
    for number in range(30):
        service.post('/v1/XXXModel', {'name': 'Leo'}, headers={'X-Request-ID': f'request-{number}'})
    service.post('/v1/XXXModel', {}, headers={'X-Request-ID': 'not-valid'})
    # A path cannot forge a line.
    forged = '/a%0A[2018/10/21%2000:00:00]%0D%C2%85b'
    connect(service).exchange(head('X-Request-ID: forged', line=f'GET {forged} HTTP/1.1'))
    service.stop()
    found = [LINE.fullmatch(line) for line in access_lines(service)]
    assert all(found)
    # Each of the two workers writes its own lines, so their order is not that of the requests.
    answered = {match['id']: (match['request'], match['status']) for match in found}
    assert len(answered) == len(found) == 32
    assert answered.pop('not-valid') == ('POST /v1/XXXModel', '400')
    assert answered.pop('forged') == (f'GET {forged}', '404')
    assert answered == {f'request-{number}': ('POST /v1/XXXModel', '200') for number in range(30)}


def test_a_client_that_leaves_with_the_answer_to_head_has_the_whole_answer(service):
    """It has no body, so the client may close the connection at once."""

    def found():
        return [line for line in access_lines(service) if line.rstrip().rpartition(' ')[2] == 'of-head']

    for _ in range(50):
        head_only = requests.head(f'{service.url}/v1/XXXModel', headers={'X-Request-ID': 'of-head'}, timeout=10)
        assert head_only.status_code == 200
    wait_until(lambda: len(found()) == 50)
    assert all('"HEAD /v1/XXXModel" 200 ' in line for line in found())


def test_an_answer_that_can_not_be_written_down_ends_no_log(monkeypatch):
    log, written = AccessLog(lambda method, path: NO_CALL, logs_health=True), io.StringIO()
    monkeypatch.setattr(LOGGER, 'handlers', [logging.StreamHandler(written)])
    monkeypatch.setattr(LOGGER, 'propagate', False)
    scope = {'client': ('127.0.0.1',), 'method': 'GET', 'path': '/', 'raw_path': b'/'}
    log.answers.append((scope, 200, None, 'no number', 'odd', {}, None))
    log.write()
    log.answers.append((scope, 200, None, 1.0, 'after', {}, None))
    log.write()
    first, second = written.getvalue().splitlines()
    assert first.startswith('1 lines before could not be written: ')
    assert second.endswith(' after')


@pytest.mark.long
def test_it_can_be_off(make_service):
    service = make_service(environment={'MODEL_SERVING_SERVING_ACCESS_LOG': 'off'})
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).headers['X-Request-ID']
    service.stop()
    assert access_lines(service) == []


class Disk(io.StringIO):
    """Takes nothing while it is full."""

    is_full = True

    def write(self, text):
        if self.is_full:
            raise OSError(28, 'No space left on device')
        return super().write(text)


def test_lines_that_can_not_be_written_are_counted_and_the_next_are_written(monkeypatch):
    disk, log = Disk(), AccessLog(lambda method, path: NO_CALL, logs_health=True)
    monkeypatch.setattr(LOGGER, 'handlers', [logging.StreamHandler(disk)])
    monkeypatch.setattr(LOGGER, 'propagate', False)
    scope = {'client': ('127.0.0.1',), 'method': 'GET', 'path': '/', 'raw_path': b'/', 'query_string': b''}
    for disk.is_full, request_id in ((True, 'lost'), (False, 'after')):
        log.answers.append((scope, 200, None, 1.0, request_id, {}, None))
        log.write()
    first, second = disk.getvalue().splitlines()
    assert first == '1 lines before could not be written: [Errno 28] No space left on device'
    assert second.endswith(' after')


def logged_by(service) -> list:
    """Return the requests in the log as `GET /path 200`, after the service has stopped."""
    service.stop()
    matches = [LINE.fullmatch(line) for line in access_lines(service)]
    return [f'{match["request"]} {match["status"]}' for match in matches]


HEALTH = ('/health/live', '/health/ready', '/health', '/_ah/warmup', '/ping', '/v2/health/live', '/v2/health/ready',
          '/v2/models/XXXModel/ready', '/v2/models/XXXModel/versions/1/ready', '/metrics')  # fmt: skip
BROKEN = {
    'conf/broken_model.conf': '[model]\nname = BrokenModel\nfile = data/broken.onnx\non_error = skip\n',
    'data/broken.onnx': 'broken',
}


@pytest.mark.parametrize('logs_all', [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_health_check_has_no_line_unless_it_fails_or_all_are_to_be_logged(make_service, logs_all):
    setting = {'MODEL_SERVING_SERVING_LOG_HEALTH_CHECKS': 'on'} if logs_all else {}
    service = make_service(BROKEN, {'WORKERS': '1', **setting})
    successful = [f'GET {path} 200' for path in HEALTH if service.get(path).status_code == 200]
    assert len(successful) >= 8
    for method, path in (('HEAD', '/health/live'), ('GET', '/health/ready?model=/v1/XXXModel')):
        assert requests.request(method, service.url + path, timeout=10).status_code == 200
        successful.append(f'{method} {path.partition("?")[0]} 200')
    for path, status in (('/health/ready?model=/v1/BrokenModel', 503), ('/health/ready?model=/v1/NoModel', 404)):
        assert service.get(path).status_code == status
    assert service.post('/metrics', {}).status_code == 405
    service.get('/v1')
    found = logged_by(service)
    others = ['GET /health/ready 503', 'GET /health/ready 404', 'POST /metrics 405', 'GET /v1 200']
    assert [line for line in found if line not in successful] == others
    # bin/start.sh asks for none, so those are all.
    assert [line for line in found if line in successful] == (successful if logs_all else [])


SECRET = 'hf_TopSecret"ü\'42'
LOUD = """
import logging

LOGGER = logging.getLogger('LoudModel')


class LoudModel:
    def __init__(self, token: str):
        self._token = token
        LOGGER.info('with %s', token)

    def predict(self, instances):
        LOGGER.warning('"two"\\nlines\\\\')
        raise ValueError(f'{self._token} was refused', {'token': self._token})
"""


@pytest.fixture(scope='module')
def in_json(service_class, tmp_path_factory):
    """A service with one worker that logs JSON; LoudModel logs a secret and fails, other models wait at gates."""
    routes = (BASE_FOLDER / 'tests' / 'fakes' / 'gate_routes.py').read_text(encoding='utf-8')
    files = {
        'model_serving/routes.py': f'{routes}\nfrom .models.loud_model import LoudModel\n\n'
        "ROUTES += (Route('/v1/LoudModel', gate.GateResource, LoudModel),)\n",
        'model_serving/models/loud_model.py': LOUD,
        'conf/loud_model.conf': '[model]\nname = LoudModel\n[params]\ntoken = ${LOUD_TOKEN}\n',
    }
    environment = {'WORKERS': '1', 'MODEL_SERVING_SERVING_LOG_FORMAT': 'json', 'LOUD_TOKEN': SECRET}
    make = partial(service_class, tmp_path_factory.mktemp('json') / 'model serving')
    with gates_service(make, environment, files) as service:
        yield service


def objects_of(service) -> list:
    """Return all lines of the log; each is a JSON object."""
    # A line may be half written.
    lines = [json.loads(line) for line in service.log.split('\n')[:-1]]
    assert all(isinstance(line, dict) for line in lines)
    return lines


def line_of(service, request_id) -> dict:
    """Return the line of a request in the access log."""

    def found():
        return [line for line in objects_of(service) if line.get('request_id') == request_id]

    wait_until(found)
    (line,) = found()
    return line


def test_every_line_of_the_log_is_a_json_object(make_service):
    """Those of the start, of signals, of workers that end and of the end."""
    service = make_service(environment={'WORKERS': '2', 'MODEL_SERVING_SERVING_LOG_FORMAT': 'json'})
    service.post('/v1/XXXModel', {'name': 'Leo'})
    renew_workers(service)
    workers = service.worker_pids
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: len(service.worker_pids) == 2 and workers[0] not in service.worker_pids)
    service.post('/v1/XXXModel', {'name': 'Leo'})
    service.stop()
    lines = objects_of(service)
    for line in lines:
        assert list(line)[:3] == ['time', 'level', 'logger']
        assert list(line)[-1] == 'message'
        assert datetime.fromisoformat(line['time']).tzinfo is not None
    assert {'access', 'gunicorn.error', 'start'} <= {line['logger'] for line in lines}
    assert sum(line['logger'] == 'access' for line in lines) == 2


def test_the_line_of_a_call_says_what_was_called(in_json):
    answer = in_json.post('/v1/XXXModel?key=secret', {'name': 'Leo'}, headers={'X-Request-ID': 'one-call'})
    line = line_of(in_json, 'one-call')
    assert line.pop('ms') > 0
    assert line.pop('time')
    assert line == {
        'message': 'POST /v1/XXXModel',
        'level': 'INFO',
        'logger': 'access',
        'request_id': 'one-call',
        'client': '127.0.0.1',
        'key': None,
        'method': 'POST',
        'path': '/v1/XXXModel',
        'model': 'XXXModel',
        'version': '1',
        'protocol': 'native',
        'status': 200,
        'bytes': len(answer.content),
        # Its handler needs no batch.
        'queue_ms': None,
        'predict_ms': None,
    }


def test_what_is_no_call_has_no_model(in_json):
    in_json.get('/nothing', headers={'X-Request-ID': 'no-call'})
    line = line_of(in_json, 'no-call')
    assert (line['model'], line['version'], line['protocol']) == ('', '', '')
    assert line['status'] == 404
    assert line['queue_ms'] is line['predict_ms'] is None


def test_the_time_of_a_call_has_its_wait_and_its_prediction(in_json, threads):
    """The second call waits until the first one is through its gate."""

    def call(name):
        return threads.submit(in_json.post, '/v1/GateModel', {'gate': name}, headers={'X-Request-ID': name})

    first = call('a-gate')
    wait_until(lambda: list(in_json.folder.glob('entered-*')))
    second = call('b-gate')
    wait_until(lambda: 'calls_waiting{model="GateModel",version="1"} 1.0' in in_json.get('/metrics').text)
    for name, answer in (('a-gate', first), ('b-gate', second)):
        (in_json.folder / name).touch()
        assert answer.result().status_code == 200
    lines = [line_of(in_json, name) for name in ('a-gate', 'b-gate')]
    for line in lines:
        assert 0 <= line['queue_ms'] <= line['queue_ms'] + line['predict_ms'] <= line['ms']
    assert lines[0]['predict_ms'] > lines[0]['queue_ms']
    assert lines[1]['queue_ms'] > 0


def test_a_request_of_many_rows_has_the_time_of_all_its_batches(in_json):
    (in_json.folder / 'many').touch()
    rows = {'instances': [{'gate': 'many'}] * 100}
    answer = in_json.post('/v1/models/GateModel:predict', rows, headers={'X-Request-ID': 'many-rows'})
    assert len(answer.json()['predictions']) == 100
    line = line_of(in_json, 'many-rows')
    assert (line['model'], line['version'], line['protocol']) == ('GateModel', '1', 'tensorflow_serving')
    assert line['path'] == '/v1/models/GateModel:predict'
    assert 0 < line['predict_ms'] <= line['ms']
    assert line['queue_ms'] > 0


def test_a_model_that_fails_has_its_traceback_in_one_line_and_no_secret_is_shown(in_json):
    assert in_json.post('/v1/LoudModel', {}, headers={'X-Request-ID': 'failing'}).status_code == 500
    line_of(in_json, 'failing')
    lines = objects_of(in_json)
    (failure,) = [line for line in lines if 'request id failing' in line['message']]
    assert (failure['level'], failure['logger']) == ('ERROR', 'errors')
    assert failure['message'].startswith('POST /v1/LoudModel failed')
    assert failure['traceback'].startswith('Traceback (most recent call last):\n')
    assert "ValueError: ('***" in failure['traceback']
    said = [line['message'] for line in lines if line['logger'] == 'LoudModel']
    assert said == ['with ***', '"two"\nlines\\']
    assert 'TopSecret' not in in_json.log


FORGED = [b'/a%0A{"time":"2018"}', b'/"}', b'/\\"', b'/a\x85b', '/范'.encode(), b'/a%E2%80%A8b', b'/a?"}%0A{"a":1}']


@pytest.mark.parametrize('path', FORGED)
def test_a_path_can_not_forge_a_line(in_json, connect, path):
    """Nor can it end the text in which it stands."""
    request_id = f'path-{FORGED.index(path)}'
    request = head(f'X-Request-ID: {request_id}', line='GET / HTTP/1.1').replace(b'GET /', b'GET ' + path, 1)
    # What is no URL at all is refused before there is a request.
    if connect(in_json).call(request).status == 404:
        line = line_of(in_json, request_id)
        assert line['status'] == 404
        assert line['path'].isprintable()
        assert '?' not in line['path']
    assert objects_of(in_json)


def test_neither_query_nor_body_nor_header_is_logged(in_json):
    headers = {'X-Request-ID': 'discreet', 'Authorization': 'Bearer of-header', 'X-Key': 'of-header'}
    in_json.post('/v1/XXXModel?key=of-query', {'name': 'of-body'}, headers=headers)
    in_json.get('/nothing?key=of-query', headers=headers | {'X-Request-ID': 'discreet-2'})
    in_json.post('/v1/XXXModel?key=of-query', {'nam': 'of-body'}, headers=headers | {'X-Request-ID': 'discreet-3'})
    assert line_of(in_json, 'discreet')['path'] == '/v1/XXXModel'
    assert line_of(in_json, 'discreet-2')['path'] == '/nothing'
    assert line_of(in_json, 'discreet-3')['status'] == 400
    assert not re.search('of-(query|body|header)', in_json.log)


@pytest.mark.long
def test_the_reason_of_a_failed_start_is_told_as_with_lines_of_text(make_service):
    told = []
    for log_format in ('text', 'json'):
        files = {'model_serving/routes.py': 'raise ValueError(\'the "weights" \\\\ are odd\')\n'}
        service = make_service(files, {'MODEL_SERVING_SERVING_LOG_FORMAT': log_format}, start=False)
        finished = service.run('bin/start.sh')
        assert finished.returncode == 1
        told.append(finished.stderr)
    assert told[0] == told[1]
    assert 'the "weights" \\ are odd' in told[0]
