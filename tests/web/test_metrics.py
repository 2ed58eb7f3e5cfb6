"""GET /metrics: what is counted, by which names and labels."""

import random
import re
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from functools import partial

import pytest
import requests
from prometheus_client.openmetrics import parser as openmetrics

from model_serving import __version__
from model_serving.app import create_app
from model_serving.web.metrics import Metrics
from model_serving.web.metrics_table import METRICS
from tests.conftest import entered, gate_in, gates_service, wait_until
from tests.server.raw_connection import RawConnection
from tests.web.nasty_requests import head, post
from tests.web.scraping import assert_soon, calls, counted, samples

LEO = {'name': 'Leo'}
BROKEN = '[model]\nname = BrokenModel\nfile = data/broken.onnx\non_error = skip\n'


@pytest.fixture(scope='module')
def gates(service_class, tmp_path_factory):
    """A service with one worker, of one thread for each model, whose models wait at gates; shared by these tests."""
    settings = {'THREADS': '1', 'MODEL_SERVING_GATEMODEL_MAX_QUEUE': '4', 'SLOW_TO_LOAD': '0.2'}
    make = partial(service_class, tmp_path_factory.mktemp('metrics') / 'model serving')
    files = {'conf/broken_model.conf': BROKEN, 'data/broken.onnx': 'broken'}
    with gates_service(make, {'WORKERS': '1', **settings}, files) as service:
        yield service


@pytest.fixture
def gate(gates):
    """A file that models wait for if a call names it; it is there after the test."""
    yield from gate_in(gates)


@pytest.fixture
def hold(gates, gate, threads):
    """A function that calls a model so many times, the gate being closed; returns when all calls have come in."""

    def call(model, times):
        before = counted(gates, 'requests_in_flight', 'model')[(model,)]
        made = [threads.submit(gates.post, f'/v1/{model}', {'gate': gate.name}) for _ in range(times)]
        wait_until(lambda: counted(gates, 'requests_in_flight', 'model')[(model,)] == before + times)
        return made

    return call


def refused(service) -> Counter:
    """Return how many requests were refused, by model and reason."""
    return counted(service, 'refused_requests_total', 'model', 'reason')


def of_model(service, name, model) -> float:
    return counted(service, name, 'model')[(model,)]


def test_each_call_is_counted_by_model_protocol_and_status(gates):
    before = calls(gates)
    tensor = {'name': 'name', 'datatype': 'BYTES', 'shape': [1], 'data': ['Leo']}
    gates.post('/v1/XXXModel', LEO)
    gates.post('/v1/XXXModel', {})
    gates.post('/v1/XXXModel', data='Leo', headers={'Content-Type': 'text/plain'})
    gates.post('/v1/XXXModel', {'name': 'x' * 2**21})
    gates.post('/v1/ExitingModel', {})
    gates.post('/v2/models/XXXModel/infer', {'inputs': [tensor]})
    gates.post('/v2/models/XXXModel/infer', {'inputs': []})
    # Of many rows, it is one request.
    gates.post('/v1/models/XXXModel:predict', {'instances': [LEO] * 5})
    gates.post('/v1/models/XXXModel/versions/1:predict', {'instances': LEO})
    gates.post('/v1/XXXModel/invocations', {'dataframe_records': [LEO]})
    gates.post('/v1/BrokenModel', {})
    assert_soon(
        lambda: calls(gates) - before,
        {
            ('XXXModel', 'native', '200'): 1,
            ('XXXModel', 'native', '400'): 1,
            ('XXXModel', 'native', '413'): 1,
            ('XXXModel', 'native', '415'): 1,
            ('ExitingModel', 'native', '500'): 1,
            ('XXXModel', 'open_inference', '200'): 1,
            ('XXXModel', 'open_inference', '400'): 1,
            ('XXXModel', 'tensorflow_serving', '200'): 1,
            ('XXXModel', 'tensorflow_serving', '400'): 1,
            ('XXXModel', 'mlflow', '200'): 1,
            ('BrokenModel', 'native', '503'): 1,
        },
    )


@pytest.mark.parametrize(
    'method, path, status', [('POST', '/v1/NoModel', '404'), ('PUT', '/v1/XXXModel', '405'), ('GET', '/v1', '200')]
)
def test_what_is_no_call_has_no_model(gates, method, path, status):
    def no_calls():
        return counted(gates, 'request_duration_seconds_count', 'model', 'protocol', 'status')[('', '', status)]

    before, of_models = no_calls(), calls(gates)
    assert requests.request(method, gates.url + path, timeout=10).status_code == int(status)
    # /metrics itself is one of them.
    assert_soon(lambda: no_calls() > before, True)
    assert calls(gates) == of_models


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'OPTIONS'])
def test_a_request_at_the_url_of_a_model_that_is_no_post_is_no_call(gates, method):
    before = calls(gates)
    for path in ('/v1/XXXModel', '/v2/models/XXXModel', '/v1/models/XXXModel'):
        assert requests.request(method, gates.url + path, timeout=10).status_code == 200
    assert calls(gates) == before


REFUSED = {
    'invalid': ('/v1/XXXModel', {'json': {}}, 400),
    'too_large': ('/v1/XXXModel', {'json': {'name': 'x' * 2**21}}, 413),
    'media_type': ('/v1/XXXModel', {'data': 'Leo', 'headers': {'Content-Type': 'text/plain'}}, 415),
    'deadline': ('/v1/PatientModel', {'json': {}, 'headers': {'X-Request-Timeout': '0.1'}}, 504),
    'not_ready': ('/v1/BrokenModel', {'json': {}}, 503),
}


@pytest.mark.parametrize('reason', REFUSED)
def test_a_refused_request_is_counted_by_its_reason(gates, reason):
    path, options, status = REFUSED[reason]
    before = refused(gates)
    assert gates.post(path, **options).status_code == status
    assert_soon(lambda: refused(gates) - before, {(path.removeprefix('/v1/'), reason): 1})


def test_a_request_of_another_protocol_is_refused_for_the_same_reasons(gates):
    before = refused(gates)
    assert gates.post('/v1/models/XXXModel:predict', {'instances': [{'name': 1}]}).status_code == 400
    assert gates.post('/v2/models/XXXModel/infer', data='{').status_code == 400
    assert_soon(lambda: refused(gates) - before, {('XXXModel', 'invalid'): 2})


def test_a_body_that_does_not_come_is_refused_as_slow(gates, connect):
    before, answered = refused(gates), calls(gates)
    request = post(b'{', 'X-Request-Timeout: 0.1', length=9, line='POST /v1/XXXModel HTTP/1.1')
    connection = connect(gates)
    assert connection.call(request).status == 408
    connection.close()
    assert_soon(lambda: refused(gates) - before, {('XXXModel', 'slow_body'): 1})
    assert_soon(lambda: calls(gates) - answered, {('XXXModel', 'native', '408'): 1})


def test_what_is_too_much_for_a_model_is_refused(gates, hold, gate):
    before, answered = refused(gates), calls(gates)
    held = hold('GateModel', 4) + hold('DefGateModel', 1)
    assert gates.post('/v1/GateModel', {}).status_code == 429
    assert gates.post('/v1/DefGateModel', {}, headers={'X-Request-Timeout': '0.1'}).status_code == 504
    gate.touch()
    assert [call.result().status_code for call in held] == [200] * 5
    assert_soon(lambda: refused(gates) - before, {('GateModel', 'queue_full'): 1, ('DefGateModel', 'busy'): 1})
    expected = {
        ('GateModel', 'native', '200'): 4,
        ('GateModel', 'native', '429'): 1,
        ('DefGateModel', 'native', '200'): 1,
        ('DefGateModel', 'native', '504'): 1,
    }
    assert_soon(lambda: calls(gates) - answered, expected)


def test_no_value_is_lost_or_counted_twice_when_threads_add_up_at_the_same_time(monkeypatch, threads):
    monkeypatch.delenv('PROMETHEUS_MULTIPROC_DIR', raising=False)
    metrics = Metrics(create_app())
    metrics.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def note(_):
        for _ in range(2000):
            metrics.others[404].append(1)
            metrics.flush()

    try:
        assert list(threads.map(note, range(8))) == [None] * 8
    finally:
        sys.setswitchinterval(interval)
    text, _ = metrics.text('')
    assert b'_count{model="",protocol="",status="404",version=""} 16000.0' in text


def test_a_client_that_leaves_counts_as_499(gates, gate):
    before = calls(gates)
    come = entered(gates)
    body = b'{"gate": "%s"}' % gate.name.encode()
    leaving = RawConnection(gates, post(body, line='POST /v1/GateModel HTTP/1.1'))
    wait_until(lambda: entered(gates) == come + 1)
    leaving.close()
    assert_soon(lambda: calls(gates) - before, {('GateModel', 'native', '499'): 1})


def test_the_calls_that_are_being_answered_and_those_that_wait_are_shown(gates, hold, gate):
    def now():
        return {
            name: of_model(gates, name, model)
            for model in ('GateModel', 'DefGateModel')
            for name in ('requests_in_flight', 'calls_waiting')
        }

    come = entered(gates)
    held = hold('GateModel', 1)
    wait_until(lambda: entered(gates) == come + 1)
    held += hold('GateModel', 2)
    assert of_model(gates, 'requests_in_flight', 'GateModel') == 3
    # One is being predicted.
    assert_soon(lambda: of_model(gates, 'calls_waiting', 'GateModel'), 2)
    held += hold('DefGateModel', 4)
    assert of_model(gates, 'requests_in_flight', 'DefGateModel') == 4
    assert of_model(gates, 'calls_waiting', 'DefGateModel') == 3
    # The scrape is no call.
    assert counted(gates, 'requests_in_flight', 'model')[('',)] == 1
    gate.touch()
    assert [call.result().status_code for call in held] == [200] * 7
    assert_soon(now, {'requests_in_flight': 0, 'calls_waiting': 0})


def test_a_batch_is_measured_once(gates, hold, gate):
    names = ('batch_size_count', 'batch_size_sum', 'queue_duration_seconds_count', 'predict_duration_seconds_count')

    def measured():
        return Counter({name: of_model(gates, name, 'GateModel') for name in names})

    before, waited = measured(), of_model(gates, 'queue_duration_seconds_sum', 'GateModel')
    predicted = of_model(gates, 'predict_duration_seconds_sum', 'GateModel')
    come = entered(gates)
    held = hold('GateModel', 1)
    wait_until(lambda: entered(gates) == come + 1)
    held += hold('GateModel', 3)
    started = time.perf_counter()
    threading.Event().wait(0.2)
    least = time.perf_counter() - started
    gate.touch()
    assert sorted(call.result().json()['result'] for call in held) == [1, 3, 3, 3]
    # The first call alone, then those that came meanwhile.
    expected = dict(zip(names, (2, 4, 2, 2), strict=True))
    assert_soon(lambda: measured() - before, expected)
    assert of_model(gates, 'queue_duration_seconds_sum', 'GateModel') - waited >= least
    assert of_model(gates, 'predict_duration_seconds_sum', 'GateModel') - predicted >= least


def test_a_blocked_event_loop_shows(gates):
    def late():
        found = counted(gates, 'event_loop_lag_seconds_bucket', 'le')
        return found[('+Inf',)] - found[('0.25',)]

    before = late()
    gates.post('/v1/BlockingModel', {'seconds': 0.6})
    assert_soon(lambda: late() > before, True)


def test_it_says_what_runs_how_long_models_took_to_load_and_what_memory_the_worker_has(gates):
    (build,) = [sample for sample in samples(gates) if sample.name == 'model_serving_build_info']
    assert build.value == 1
    assert build.labels['version'] == __version__
    assert of_model(gates, 'model_load_duration_seconds', 'SlowModel') >= 0.2
    memory = counted(gates, 'worker_resident_memory_bytes', 'pid')
    assert memory.keys() == {(str(pid),) for pid in gates.worker_pids}
    assert min(memory.values()) > 10 * 2**20


def test_every_metric_is_served_by_a_name_that_prometheus_recommends(gates):
    gates.post('/v1/XXXModel', LEO)
    gates.post('/v1/XXXModel', {})
    text = gates.get('/metrics').text
    kinds = dict(re.findall(r'^# TYPE (\S+) (\S+)$', text, re.MULTILINE))
    expected = {f'model_serving_{name}': row.kind for name, row in METRICS.items()}
    assert {name.removesuffix('_total') for name in kinds} == expected.keys()
    for name, kind in kinds.items():
        assert kind == expected[name.removesuffix('_total')].__name__.lower()
        assert (kind == 'counter') == name.endswith('_total')
        # The base units of Prometheus; what has none is a number of things.
        assert not re.search('milli|minutes|_ms|kilo|mega|_mb', name)
        assert ('duration' in name or 'lag' in name) == name.endswith('_seconds')
        assert ('memory' in name) == name.endswith('_bytes')
        assert f'# HELP {name} {METRICS[name.removeprefix("model_serving_").removesuffix("_total")].text}\n' in text
    for sample in samples(gates):
        assert sample.name.startswith('model_serving_')


@pytest.mark.parametrize('version', ['x', '1.0.0é', '9' * 5000])
def test_any_version_may_be_asked_for(gates, version):
    accept = f'application/openmetrics-text;version={version}'.encode()
    assert gates.get('/metrics', headers={'Accept': accept}).status_code == 200


def test_it_speaks_openmetrics_to_those_who_ask_for_it(gates):
    answer = gates.get('/metrics', headers={'Accept': 'application/openmetrics-text; version=1.0.0'})
    assert answer.headers['Content-Type'].startswith('application/openmetrics-text')
    names = {family.name for family in openmetrics.text_string_to_metric_families(answer.text)}
    assert {'model_serving_request_duration_seconds', 'model_serving_refused_requests'} <= names


def test_it_is_read_by_get_and_head_alone(gates):
    answer = gates.get('/metrics')
    assert answer.headers['Content-Type'].startswith('text/plain; version=')
    head_only = requests.head(f'{gates.url}/metrics', timeout=10)
    assert (head_only.status_code, head_only.content) == (200, b'')
    assert head_only.headers['Content-Type'] == answer.headers['Content-Type']
    assert gates.post('/metrics', {}).status_code == 405


def series(service) -> set:
    return {(sample.name, *sample.labels.items()) for sample in samples(service)}


def send_noise(service, seed):
    """Send what a client may choose: methods, paths, queries, headers, models, versions."""
    chosen = random.Random(seed)

    def word():
        return ''.join(chosen.choices('abcdefghijklmnopqrstuvwxyz', k=8))

    places = ('/{}', '/v1/{}', '/{}/XXXModel', '/v2/models/{}/infer', '/v1/models/{}:predict', '/v1/XXXModel?{}')
    for place in places * 2:
        headers = {'X-Request-ID': word(), word(): word(), 'User-Agent': word(), 'Content-Type': f'text/{word()}'}
        service.post(place.format(word()), data=word(), headers=headers)
    for line in (f'{word().upper()} / HTTP/1.1', f'GET /metrics?{word()} HTTP/1.1', f'{word()} /v1/XXXModel HTTP/1.1'):
        with closing(RawConnection(service)) as connection:
            assert connection.call(head(line=line))


def test_a_client_can_not_make_the_metrics_grow(gates):
    send_noise(gates, seed=1)
    before = series(gates)
    for seed in range(2, 4):
        send_noise(gates, seed)
    assert series(gates) == before


@pytest.mark.long
def test_they_can_be_off(make_service):
    service = make_service(environment={'MODEL_SERVING_SERVING_METRICS': 'off', 'WORKERS': '1'})
    assert service.get('/metrics').status_code == 404
    assert service.post('/v1/XXXModel', LEO).json() == {'result': 'Hello, Leo!'}
    assert service.post('/v1/XXXModel', {}).status_code == 400
    assert 'Traceback' not in service.log
