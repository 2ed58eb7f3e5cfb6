"""Many rows in one call: others are not held up, the rows are predicted in batches, and the memory is bounded."""

import gzip
import json

import pytest

from tests.conftest import entered, takes_less_memory_than, wait_until

PREDICT = '/v1/models/GateModel:predict'


@pytest.fixture(scope='module')
def row():
    return {'image': [[0, 16, 3, 4, 5, 6, 7, 8]] * 8}


def test_another_call_is_in_the_next_batch(make_gates, threads):
    environment = {'MAX_BATCH_SIZE': '4', 'MAX_QUEUE': '9'}
    environment = {f'MODEL_SERVING_GATEMODEL_{name}': value for name, value in environment.items()}
    service = make_gates({'WORKERS': '1', **environment})
    rows = [{'gate': 'first'}] * 8 + [{'gate': 'open'}] * 92
    many = threads.submit(service.post, PREDICT, {'instances': rows})
    wait_until(lambda: entered(service) == 1)
    # Eight rows wait at a time. There is room for one call beside them: the other of these two is refused.
    others, refused = [threads.submit(service.post, '/v1/GateModel', {'gate': 'first'}) for _ in range(2)], []
    wait_until(lambda: refused or refused.extend(other for other in others if other.done()))
    assert refused[0].result().status_code == 429
    (waiting,) = set(others) - set(refused)
    (service.folder / 'first').touch()
    assert waiting.result(20).status_code == 200
    assert not many.done()
    (service.folder / 'open').touch()
    answer = many.result(20)
    assert answer.status_code == 200
    # Each result is the size of its batch.
    assert len(answer.json()['predictions']) == 100
    assert set(answer.json()['predictions']) <= {1, 2, 3, 4}
    assert max(answer.json()['predictions']) > 1


def test_a_call_that_takes_too_long_is_ended_as_a_whole(make_gates):
    service = make_gates({'WORKERS': '1'})
    answer = service.post(PREDICT, {'instances': [{}] * 100}, headers={'X-Request-Timeout': '0.2'})
    assert answer.status_code == 504
    assert answer.json()['error'].startswith('GateModel did not answer within 0.2 s.')
    answer = service.post('/v1/GateModel/invocations', {'instances': [{}]}, headers={'X-Request-Timeout': '0.2'})
    assert answer.json()['error_code'] == 'DEADLINE_EXCEEDED'
    (service.folder / 'open').touch()
    # Its rows do not wait any more.
    assert service.post('/v1/GateModel', {}).json() == {'result': 1}


@pytest.mark.long
def test_ten_thousand_rows(make_service, row):
    service = make_service(environment={'WORKERS': '1'})
    body = json.dumps({'instances': [row] * 10_000}).encode()
    expected = service.post('/v1/DigitsModel', row).json()['result']
    with takes_less_memory_than(128 * 2**20, service):
        answer = service.post('/v1/models/DigitsModel:predict', data=body)
    predictions = answer.json()['predictions']
    assert len(predictions) == 10_000
    assert {prediction['digit'] for prediction in predictions} == {expected['digit']}


@pytest.mark.long
@pytest.mark.parametrize('kind', ['rows', 'csv', 'texts', 'one row of texts'])
def test_the_event_loop_goes_on_meanwhile(make_service, threads, row, kind):
    """The watch of the loop logs each second in which it answers nobody."""
    service = make_service(environment={'WORKERS': '1'})
    headers = {'X-Request-Timeout': '20'}
    if kind == 'rows':
        url, body = '/v1/models/DigitsModel:predict', json.dumps({'instances': [row] * 100_000}).encode()
    elif kind == 'csv':
        url, body, headers['Content-Type'] = '/v1/XXXModel/invocations', b'name\n' + b'1\n' * 2**20, 'text/csv'
    elif kind == 'one row of texts':
        url, body = '/v1/models/XXXModel:predict', json.dumps({'instances': [{'name': [''] * 2**20}]}).encode()
    else:
        url, texts = '/v2/models/XXXModel/infer', bytes(4 * 2**20)
        parameters = {'binary_data_size': len(texts)}
        head = {'name': 'name', 'shape': [2**20], 'datatype': 'BYTES', 'parameters': parameters}
        envelope = json.dumps({'inputs': [head]}).encode()
        headers['Inference-Header-Content-Length'] = str(len(envelope))
        body = envelope + texts
    call = threads.submit(service.post, url, data=body, headers=headers)
    answered = 0
    while not call.done():
        answered += service.get('/health/live').status_code == 200
    assert call.result().status_code in (200, 400, 504), call.result().text
    assert answered
    assert 'The event loop is blocked' not in service.log


def test_more_containers_than_the_memory_is_for(service):
    body = b'{"instances": [' + b'[],' * 2**20 + b'1]}'
    answer = service.post('/v1/models/XXXModel:predict', data=body)
    assert answer.status_code == 400
    assert 'more than 1048576 arrays and objects is not accepted. Send fewer rows.' in answer.json()['error']


@pytest.mark.long
def test_calls_by_flask_leave_threads_for_their_rows(make_gates, threads):
    """A compressed body is read by Flask, in a thread that waits for the handlers of its rows: in other threads."""
    service = make_gates({'WORKERS': '1', 'THREADS': '2'})
    (service.folder / 'open').touch()
    body = gzip.compress(json.dumps({'instances': [{}] * 4}).encode())
    headers = {'Content-Encoding': 'gzip', 'X-Request-Timeout': '20'}
    url = '/v1/models/DefGateModel:predict'
    answers = list(threads.map(lambda _: service.post(url, data=body, headers=headers), range(8)))
    assert [answer.json() for answer in answers] == [{'predictions': ['through'] * 4}] * 8
