"""API keys of the real service: bin/new-key.sh, a file that changes, odd requests, bodies, the log and the metrics."""

import json
import os
import re
import signal
from hashlib import sha256

import pytest
import requests

from tests.conftest import memory, wait_until
from tests.server.raw_connection import RawConnection
from tests.web.nasty_requests import CHUNKED, JSON, MIB, head, post
from tests.web.test_access_log import access_lines

KEY = 'key-of-shop'
SHOP = f'shop {sha256(KEY.encode()).hexdigest()}\nwines {sha256(b"key-of-wines").hexdigest()} WineModel\n'
FILE = 'conf/api_keys'
LEO = {'name': 'Leo'}
LINE = 'POST /v1/XXXModel HTTP/1.1'


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """Two workers, and keys for all models and for one; each test leaves the keys as they were."""
    environment = {'MODEL_SERVING_SERVING_LOG_FORMAT': 'json', 'WORKERS': '2'}
    with service_class(tmp_path_factory.mktemp('keys') / 'model serving', {FILE: SHOP}, environment) as running:
        yield running


def statuses(service, key) -> set:
    """Return the statuses of calls with a key, on connections of their own: they come to both workers."""
    return {service.post('/v1/XXXModel', LEO, headers={'X-API-Key': key}).status_code for _ in range(8)}


def new_key(service, *arguments) -> str:
    finished = service.run('bin/new-key.sh', *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.rstrip('\n')


def test_a_key_made_while_the_service_runs_works_within_two_seconds_and_one_removed_no_longer(service):
    file = service.folder / FILE
    assert statuses(service, KEY) == {200}
    key = new_key(service, 'late')
    wait_until(lambda: statuses(service, key) == {200}, 2)
    assert statuses(service, KEY) == {200}
    # It is printed once, and only its hash is kept.
    assert re.fullmatch('[0-9a-f]{48}', key)
    assert file.read_text() == f'{SHOP}late {sha256(key.encode()).hexdigest()}\n'
    file.write_text(SHOP)
    wait_until(lambda: statuses(service, key) == {401}, 2)


@pytest.mark.long
def test_a_mistake_in_the_file_or_its_absence_lets_nobody_in_and_the_log_says_so(service):
    file = service.folder / FILE
    file.write_text(f'{SHOP}late {sha256(b"late").hexdigest()}\nlate 12\n')
    wait_until(lambda: service.log.count(f'{FILE}, line 4: this is not a valid line.') == 2)
    assert [statuses(service, key) for key in ('late', KEY, '')] == [{401}, {200}, {401}]
    file.unlink()
    wait_until(lambda: service.log.count(f'{FILE} could not be read: ') == 2)
    assert 'The keys stay as they were.' in service.log
    assert [statuses(service, key) for key in (KEY, '')] == [{200}, {401}]
    file.write_text(SHOP)


def renewed(service):
    """Kill the only worker, and wait for the next one."""
    (before,) = service.worker_pids
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: service.worker_pids not in ([], [before]))
    wait_until(lambda: is_there(service))


def is_there(service):
    try:
        return service.get('/health/live').ok
    except requests.ConnectionError:
        return False


@pytest.mark.long
def test_keys_appear_where_there_were_none_and_a_later_worker_lets_nobody_in_without_the_file(make_service):
    service = make_service(environment={'WORKERS': '1'})
    assert statuses(service, '') == {200}
    key = new_key(service, 'first')
    wait_until(lambda: statuses(service, '') == {401}, 2)
    assert statuses(service, key) == {200}
    renewed(service)
    assert (statuses(service, ''), statuses(service, key)) == ({401}, {200})
    (service.folder / FILE).write_text('bad key')
    renewed(service)
    assert (statuses(service, ''), statuses(service, key)) == ({401}, {401})
    (service.folder / FILE).unlink()
    renewed(service)
    assert (statuses(service, ''), statuses(service, key)) == ({401}, {401})
    key = new_key(service, 'second')
    wait_until(lambda: statuses(service, key) == {200}, 2)


@pytest.mark.long
def test_a_key_that_was_removed_is_not_known_to_a_later_worker_that_can_not_read_the_file(make_service):
    """It is forked from a process that read the file at its start."""
    service = make_service({FILE: SHOP}, {'WORKERS': '1'})
    service.write({FILE: f'other {sha256(b"other").hexdigest()}\n'})
    wait_until(lambda: statuses(service, KEY) == {401}, 2)
    service.write({FILE: 'bad key'})
    wait_until(lambda: 'line 1: this is not a valid line' in service.log)
    assert statuses(service, 'other') == {200}
    renewed(service)
    assert statuses(service, KEY) == {401}


@pytest.mark.long
def test_a_file_that_appears_with_a_mistake_lets_nobody_in(make_service):
    service = make_service(environment={'WORKERS': '1'})
    service.write({FILE: 'shop key-of-shop\n'})
    wait_until(lambda: statuses(service, '') == {401}, 2)
    assert f'{FILE}, line 1: this is not a valid line.' in service.log
    service.write({FILE: SHOP})
    wait_until(lambda: statuses(service, KEY) == {200}, 2)


@pytest.fixture(scope='module')
def tree(service_class, tmp_path_factory):
    """A copy of the tree; nothing runs in it."""
    return service_class(tmp_path_factory.mktemp('new key') / 'model serving')


@pytest.mark.long
def test_new_key_makes_a_key_for_models(tree):
    finished = tree.run('bin/new-key.sh', 'shop', 'WineModel', 'v1/XXXModel,DigitsModel')
    assert re.fullmatch('[0-9a-f]{48}\n', finished.stdout)
    key = finished.stdout.strip()
    assert key not in finished.stderr
    expected = f'shop {sha256(key.encode()).hexdigest()} WineModel,v1/XXXModel,DigitsModel\n'
    assert (tree.folder / FILE).read_text() == expected


@pytest.mark.long
@pytest.mark.parametrize(
    'arguments, told',
    [
        ([], 'Usage: bin/new-key.sh NAME [MODEL …]'),
        (['--help'], 'Usage: bin/new-key.sh NAME [MODEL …]'),
        (['a b'], "No key was made. The name 'a b' is not allowed: it must be up to"),
        (['x' * 65], 'letters, digits and any of . _ @ -, such as shop'),
        (['shop'], 'line 2: shop has the name or the hash of another line.'),
        (['b', 'XXModel'], "line 2: there is no model XXModel. Did you mean 'XXXModel'? There are: XXXModel, v1/XXX"),
    ],
)
def test_new_key_tells_what_is_wrong_and_changes_nothing(tree, arguments, told):
    with tree.changed({FILE: f'shop {sha256(b"a").hexdigest()}\n'}):
        before = (tree.folder / FILE).read_bytes()
        finished = tree.run('bin/new-key.sh', *arguments)
        assert (finished.returncode, finished.stdout) == (1, '')
        assert told in finished.stderr
        assert (tree.folder / FILE).read_bytes() == before


@pytest.mark.long
@pytest.mark.parametrize('before', ['', '# Callers', f'shop {sha256(b"a").hexdigest()}', '\ufeff# Callers\r\n'])
def test_new_key_adds_a_line_of_its_own_to_a_file_that_the_environment_names(tree, tmp_path, before):
    file = tmp_path / 'callers'
    file.write_text(before)
    path = {'MODEL_SERVING_SERVING_API_KEYS': str(file)}
    finished = tree.run('bin/new-key.sh', 'mine', env=tree.environment | path)
    assert finished.returncode == 0, finished.stderr
    line = f'mine {sha256(finished.stdout.strip().encode()).hexdigest()}'
    assert file.read_text().splitlines() == [*before.splitlines(), line]


ODD = [
    '/v1/XXXModel', '/v1/%58XXModel', '/%76%31/XXXModel', '/v1%2fXXXModel', '//v1/XXXModel', '/v1/../v1/XXXModel',
    '/page/../v1/XXXModel', '/page/%2e%2e/v1/XXXModel', '/page/%2e%2e/openapi.json', '/page/..%2fopenapi.json',
    '/page/%2e%2e%2fopenapi.json', '/page/..%5copenapi.json', '/page/', '/page//openapi.json', '/page/%0a',
    '/v1/XXXModel/', '/v1/XXXModel;x', '/v1/XXXModel?x', f'/v1/XXXModel?key={KEY}', f'/v1/XXXModel?X-API-Key={KEY}',
    '/v1/XXXModel#/', '/health/live/../../openapi.json', '/health/live%2f..%2f..%2fopenapi.json',
    '/health/live;/openapi.json', 'http://a/v1/XXXModel', 'http://a//v1/XXXModel', 'http://a/page/../openapi.json',
    'HTTP://A/V1/XXXMODEL', '/V1/XXXMODEL', '/v1/XXXModel%00', '/health/live%00/v1/XXXModel', '/openapi.json%3fx',
    '/OpenAPI.json', '*', '/v1/XXXModel%20', '/docs', '/docs/', '/docs/call.md', '/README.md', '/metrics', '/v1',
]  # fmt: skip
SECRET = re.compile(rb'Hello|XXXModel"|"openapi"|predict|<title>|model_serving_')


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_no_spelling_of_a_url_leads_to_anything_behind_the_key(service, connect, method):
    connection = connect(service)
    for url in ODD:
        answer = connection.call(post(b'{"name":"Leo"}', line=f'{method} {url} HTTP/1.1'))
        assert answer.status == 401 or (answer.status in (404, 405) and '/page/' in url), url
        assert not SECRET.search(answer.body), url


@pytest.mark.parametrize('field', ['X-API-Key', 'X-API-KEY', 'Authorization: Bearer', 'authorization: bearer'])
def test_a_key_comes_in_its_header_only(service, connect, field):
    named = field if ':' in field else f'{field}:'
    request = post(b'{"name":"Leo"}', f'{named} {KEY}', line=LINE)
    assert connect(service).call(request).status == 200
    assert connect(service).call(post(b'{"name":"Leo"}', f'{named.replace("-", "_")} {KEY}', line=LINE)).status == (
        401 if '-' in named else 200
    )


@pytest.mark.parametrize(
    'start',
    [
        pytest.param(post(b'{', JSON, length=10**12, line=LINE), id='a large body'),
        pytest.param(head(JSON, CHUNKED, line=LINE) + b'10000\r\n', id='chunks'),
        pytest.param(post(b'', 'Expect: 100-continue', length=10**6, line=LINE), id='a large body, if it may come'),
        pytest.param(post(b'', 'Expect: 100-continue', length=10, line=LINE), id='a short body, if it may come'),
    ],
)
def test_a_refused_caller_has_its_answer_before_its_body_is_read(service, connect, start):
    answer = connect(service).call(start)
    assert answer.status == 401
    assert answer.headers['connection'] == 'close'


@pytest.mark.long
def test_a_refused_caller_has_its_answer_without_the_rest_of_a_short_body(service, connect):
    """It takes a second, in which the rest may come."""
    answer = connect(service).call(post(b'x', length=1000, line=LINE))
    assert answer.status == 401
    assert answer.headers['connection'] == 'close'


def test_a_refused_caller_keeps_its_connection_after_a_short_body(service, connect):
    connection = connect(service)
    connection.send(post(b'x' * 1000, line=LINE)[:-500])
    connection.send(b'x' * 500 + post(b'{"name":"Leo"}', f'X-API-Key: {KEY}', line=LINE))
    assert [connection.answer().status for _ in range(2)] == [401, 200]


@pytest.mark.long
@pytest.mark.parametrize(
    'line, status',
    [
        (LINE, 401),
        ('POST / HTTP/1.1', 405),
        ('GET /health/live HTTP/1.1', 200),
        ('OPTIONS /v1/XXXModel HTTP/1.1', 200),
    ],
)
def test_bodies_without_a_key_hold_no_memory_and_nothing_of_max_bodies(make_service, line, status):
    """Others are answered, where so many bodies of callers with a key would take all there is."""
    few = {'WORKERS': '1', 'MODEL_SERVING_SERVING_MAX_BODIES': '1 MiB'}
    service = make_service({FILE: SHOP}, few)
    (worker,) = service.worker_pids
    before = memory(worker)
    connections = [RawConnection(service) for _ in range(40)]
    for connection in connections:
        connection.send(head(JSON, CHUNKED, line=line) + b'%x\r\n' % MIB + b'x' * MIB)
        assert connection.answer().status == status
        assert service.post('/v1/XXXModel', LEO, headers={'X-API-Key': KEY}).status_code == 200
    assert memory(worker) - before < 16 * MIB
    for connection in connections:
        connection.close()


def test_the_log_has_the_name_of_a_key_and_never_a_key(service):
    sent = {
        'with': {'X-API-Key': KEY}, 'bearer': {'Authorization': f'Bearer {KEY}'}, 'none': {},
        'wrong': {'X-API-Key': 'not-a-key'}, 'basic': {'Authorization': 'Basic not-a-key'},
        'other': {'X-API-Key': 'key-of-wines'},
    }  # fmt: skip
    for name, headers in sent.items():
        headers['X-Request-ID'] = name
        service.post(f'/v1/XXXModel?key={KEY}&other=not-a-key', LEO, headers=headers)
    wait_until(lambda: set(sent) <= {line.get('request_id') for line in json_lines(service)})
    found = {line['request_id']: (line['key'], line['status']) for line in json_lines(service) if 'request_id' in line}
    assert {name: found[name] for name in sent} == {
        'with': ('shop', 200), 'bearer': ('shop', 200), 'wrong': (None, 401), 'basic': (None, 401),
        'other': ('wines', 403), 'none': (None, 401),
    }  # fmt: skip
    assert not re.search(f'{KEY}|not-a-key|key-of-wines', service.log)


def json_lines(service):
    return [json.loads(line) for line in service.log.split('\n')[:-1]]


@pytest.mark.long
@pytest.mark.parametrize('host', ['x' * 70, 'a..b'])
def test_nobody_writes_a_line_of_the_log(make_service, connect, host):
    """With names that DNS does not allow, so that Flask can't tell the URL, and with line breaks in a path."""
    service = make_service({FILE: SHOP}, {'WORKERS': '1'})
    forged = '[2030/01/01 00:00:00] - [INFO] - [access] - nobody'
    path = '/x%0A' + forged.replace(' ', '%20') + '%0A'
    for method, status in (('OPTIONS', 200), ('GET', 401)):
        answer = connect(service).call(head(line=f'{method} {path} HTTP/1.1', host=f'Host: {host}'))
        assert answer.status == status
    service.stop()
    assert not [line for line in service.log.splitlines() if line.startswith('[2030')]


@pytest.mark.long
def test_a_log_of_text_has_it_too(make_service):
    service = make_service({FILE: SHOP}, {'WORKERS': '1'})
    for number, key in enumerate((KEY, 'not-a-key', 'key-of-wines')):
        service.post(f'/v1/XXXModel?key={KEY}', LEO, headers={'X-API-Key': key, 'X-Request-ID': f'n{number}'})
    service.stop()
    told = [
        re.search(r'127\.0\.0\.1 (\S* ?)"POST /v1/XXXModel" (\d+)', line).groups() for line in access_lines(service)
    ]
    assert told == [('shop ', '200'), ('', '401'), ('wines ', '403')]
    assert not re.search(f'{KEY}|not-a-key|key-of-wines', service.log)


def test_the_metrics_count_who_was_refused(service):
    def count(reason):
        row = f'model_serving_refused_requests_total{{model="XXXModel",reason="{reason}",version="1"}} '
        lines = service.get('/metrics', headers={'X-API-Key': KEY}).text.splitlines()
        return float(next(line for line in lines if line.startswith(row)).removeprefix(row))

    before = [count('unauthorized'), count('forbidden')]
    for headers in ({}, {'X-API-Key': 'wrong'}, {'X-API-Key': 'key-of-wines'}):
        service.post('/v1/models/XXXModel:predict', {'instances': [LEO]}, headers=headers)
    assert [count('unauthorized'), count('forbidden')] == [before[0] + 2, before[1] + 1]
