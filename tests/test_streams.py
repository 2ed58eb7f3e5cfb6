"""Answers that come piece by piece, from a real service: what a client reads, and when the generator ends."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.conftest import streaming_service, takes_less_memory_than, wait_until
from tests.server.raw_connection import IMPATIENT, post

EVENTS = {'Accept': 'text/event-stream'}
# Answered on the event loop, and by Flask.
URLS = ('/v1/CountModel', '/v1/HookedModel')


@pytest.fixture
def start(make_service):
    """A function that starts such a service for one test: `start(environment, files)`."""

    def start(environment=None, files=None):
        service = streaming_service(partial(make_service, start=False), environment, files)
        service.start()
        return service

    return start


def lines_of(answer) -> list:
    return [json.loads(line) for line in answer.text.splitlines()]


def numbers_of(answer) -> list:
    return [piece['number'] for piece in lines_of(answer)]


def has(service, event, name=''):
    return (service.folder / f'{event}-{name}').exists()


def alive(service):
    return service.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}


@pytest.mark.parametrize('url', [*URLS, '/v1/OwnModel'])
def test_a_line_for_each_piece(streams, url):
    answer = streams.post(url, {'pieces': 4})
    assert numbers_of(answer) == [0, 1, 2, 3]
    assert answer.headers['Content-Type'] == 'application/x-ndjson'
    assert answer.headers['X-Accel-Buffering'] == 'no'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert re.fullmatch('[0-9a-f]{16}', answer.headers['X-Request-ID'])


@pytest.mark.parametrize('url', URLS)
def test_an_event_for_each_piece(streams, url):
    answer = streams.post(url, {'pieces': 2}, headers=EVENTS)
    assert answer.headers['Content-Type'] == 'text/event-stream'
    events = answer.text.split('\n\n')
    assert [json.loads(event.removeprefix('data: '))['number'] for event in events[:-1]] == [0, 1]
    assert events[-1] == ''


@pytest.mark.parametrize(
    'accept, kind',
    [
        ('application/json', 'application/x-ndjson'),
        ('*/*', 'application/x-ndjson'),
        ('text/html, text/event-stream;q=0.5', 'text/event-stream'),
        ('text/event-stream;q=0', 'application/x-ndjson'),
        ('text/event-stream; charset=utf-8', 'text/event-stream'),
        ('text/event-stream; charset=utf-8; q=0', 'application/x-ndjson'),
    ],
)
def test_who_asks_for_events_gets_them(streams, accept, kind):
    assert streams.post('/v1/CountModel', {}, headers={'Accept': accept}).headers['Content-Type'] == kind


@pytest.mark.parametrize('url', URLS)
def test_the_pieces_come_as_they_are_made(streams, gate, url):
    with streams.post(url, {'pieces': 3, 'wait_at': 2, 'gate': gate.name}, stream=True) as answer:
        lines = answer.iter_lines()
        assert [json.loads(next(lines))['number'] for _ in range(2)] == [0, 1]
        gate.touch()
        assert [json.loads(line)['number'] for line in lines] == [2]


def test_a_stream_stays_in_one_thread(streams):
    """So that what belongs to a thread, such as torch.inference_mode, holds from its first piece to its last."""
    with ThreadPoolExecutor(3) as pool:
        instances = [{'pieces': 20, 'pause': 0.01, 'name': str(number)} for number in range(3)]
        answers = list(pool.map(lambda instance: streams.post('/v1/OtherModel', instance), instances))
    threads = [{piece['thread'] for piece in lines_of(answer)} for answer in answers]
    assert [len(each) for each in threads] == [1, 1, 1]
    assert len(set.union(*threads)) == 3


def test_no_pieces_are_an_empty_answer(streams):
    answer = streams.post('/v1/CountModel', {'pieces': 0})
    assert (answer.status_code, answer.text) == (200, '')


FAILED = 'The service failed to answer this request. Its log has the reason under my-id.'


@pytest.mark.parametrize('url', [*URLS, '/v1/OwnModel'])
@pytest.mark.parametrize(
    'kind, status, message', [('exception', 500, FAILED), ('invalid', 400, 'pieces: too many for me')]
)
def test_a_stream_that_fails(streams, url, kind, status, message):
    """Before its first piece it is an ordinary error; later it is the last line, or an event of its own type."""
    failing = {'as': kind, 'pieces': 3}
    headers = {'X-Request-ID': 'my-id'}
    answer = streams.post(url, {**failing, 'fail_at': 0}, headers=headers)
    assert (answer.status_code, answer.json()['message']) == (status, message)
    assert answer.headers['Content-Type'] == 'application/json'
    *pieces, error = lines_of(streams.post(url, {**failing, 'fail_at': 2}, headers=headers))
    assert [piece['number'] for piece in pieces] == [0, 1]
    assert error['message'] == message
    events = streams.post(url, {**failing, 'fail_at': 1}, headers={**headers, **EVENTS}).text.split('\n\n')
    kind, data = events[1].split('\n')
    assert kind == 'event: error'
    assert json.loads(data.removeprefix('data: '))['message'] == message
    assert status != 500 or 'RuntimeError: the model failed' in streams.log
    assert alive(streams)


def test_a_model_that_exits_ends_only_its_stream(streams):
    assert lines_of(streams.post('/v1/CountModel', {'fail_at': 1, 'as': 'exit'}))[-1]['message'].startswith(
        'The service'
    )
    assert numbers_of(streams.post('/v1/CountModel', {'pieces': 2})) == [0, 1]


@pytest.mark.parametrize('url', URLS)
def test_the_deadline_holds_for_each_piece(streams, gate, url):
    headers = {'X-Request-Timeout': '0.5'}
    # Longer than the deadline, but not from piece to piece.
    assert len(numbers_of(streams.post(url, {'pieces': 8, 'pause': 0.1}, headers=headers))) == 8
    *pieces, error = lines_of(streams.post(url, {'wait_at': 1, 'gate': gate.name}, headers=headers))
    assert len(pieces) == 1
    assert '0.5 s' in error['message']


@pytest.mark.parametrize('url', URLS)
def test_the_deadline_holds_for_the_first_piece(streams, gate, url):
    late = streams.post(url, {'wait_at': 0, 'gate': gate.name}, headers={'X-Request-Timeout': '0.5'})
    assert (late.status_code, 'did not answer within 0.5 s' in late.json()['message']) == (504, True)


def test_calls_wait_in_line_within_their_deadline(streams, gate):
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(streams.post, '/v1/CountModel', {'wait_at': 0, 'gate': gate.name, 'name': 'first'})
        wait_until(lambda: has(streams, 'began', 'first'))
        headers = {'X-Request-Timeout': '0.3'}
        late = streams.post('/v1/CountModel', {'name': 'late'}, headers=headers)
        assert late.status_code == 504
        assert late.json()['message'] == (
            'CountModel is busy: for 0.3 s all of its streams (1) were in use. Try again later.'
        )
        second = pool.submit(streams.post, '/v1/CountModel', {'pieces': 2, 'name': 'second'})
        # Another model does not wait for it.
        assert numbers_of(streams.post('/v1/OtherModel', {'pieces': 2})) == [0, 1]
        gate.touch()
        assert numbers_of(second.result()) == [0, 1]
        assert numbers_of(first.result()) == [0, 1, 2]
    # A call whose client had gone was never begun.
    assert not has(streams, 'began', 'late')


def test_too_many_calls_in_line_are_refused(start):
    streams = start({'MODEL_SERVING_COUNTMODEL_MAX_QUEUE': '2'})
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(streams.post, '/v1/CountModel', {'wait_at': 0}) for _ in range(3)]
        wait_until(lambda: any(call.done() for call in made))
        (streams.folder / 'open').touch()
        answers = [call.result() for call in made]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429]
    assert [int(answer.headers['Retry-After']) >= 1 for answer in answers if answer.status_code == 429] == [True]


@pytest.mark.parametrize('url', [*URLS, '/v1/OwnModel'])
def test_a_client_that_leaves_ends_the_generator_within_two_seconds(streams, url):
    name = url.rpartition('/')[2]
    with streams.post(url, {'pieces': 10_000, 'pause': 0.05, 'name': name}, stream=True) as answer:
        next(answer.iter_lines())
    wait_until(lambda: has(streams, 'closed', name), seconds=2)
    # Its thread is free again.
    assert numbers_of(streams.post(url, {'pieces': 2})) == [0, 1]


def test_a_handler_that_goes_on_when_its_client_has_left_is_ended(streams):
    with streams.post('/v1/StubbornModel', {'name': 'left'}, stream=True) as answer:
        next(answer.iter_lines())
    wait_until(lambda: has(streams, 'cancelled', 'left'), seconds=2)
    assert alive(streams)


def test_a_client_of_http_1_0_gets_it_whole(streams, connect):
    request = post(b'{"pieces": 3}', line='POST /v1/CountModel HTTP/1.0')
    head, _, body = connect(streams).exchange(request).partition(b'\r\n\r\n')
    assert b'transfer-encoding' not in head.lower()
    assert [json.loads(line)['number'] for line in body.splitlines()] == [0, 1, 2]
    long = b'{"pieces": 20, "size": 1000000, "name": "long"}'
    head, _, body = connect(streams).exchange(post(long, line='POST /v1/CountModel HTTP/1.0')).partition(b'\r\n\r\n')
    assert b' 505 ' in head.splitlines()[0]
    assert 'Use HTTP/1.1' in json.loads(body)['message']
    wait_until(lambda: has(streams, 'closed', 'long'))


def test_a_stop_lets_streams_end(start):
    streams = start()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(streams.post, '/v1/CountModel', {'pieces': 20, 'pause': 0.1, 'name': 'last'})
        wait_until(lambda: has(streams, 'began', 'last'))
        streams.stop()
        assert numbers_of(call.result()) == list(range(20))


@pytest.mark.parametrize('url', ['/v1/CountModel', pytest.param('/v1/OwnModel', marks=pytest.mark.long)])
def test_a_stop_ends_longer_streams_with_an_error(start, url):
    streams = start({'GUNICORN_CMD_ARGS': '--graceful-timeout 3'})
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(streams.post, url, {'pieces': 10_000, 'pause': 0.1, 'name': 'endless'})
        wait_until(lambda: has(streams, 'began', 'endless'))
        streams.stop()
        *pieces, error = lines_of(call.result())
    assert pieces[-1]['number'] >= 5
    assert error == {'message': 'The service was stopped before the answer was complete. Send the request again.'}


@pytest.mark.long
def test_a_generator_that_hangs_costs_the_worker(start):
    streams = start({'MODEL_SERVING_COUNTMODEL_TIMEOUT': '0.5'})
    (pid,) = streams.worker_pids
    assert streams.post('/v1/CountModel', {'wait_at': 0}).status_code == 504
    wait_until(lambda: streams.worker_pids and streams.worker_pids != [pid])
    assert 'CountModel hangs' in streams.log
    wait_until(lambda: streams.get('/health/ready').status_code == 200)
    assert numbers_of(streams.post('/v1/CountModel', {'pieces': 2})) == [0, 1]


FAULTY = """
from tests.fakes.streams import *

def stream_text(self, instance):
    return 'text'

def no_numbers(self, instance):
    yield {'number': 1}
    yield {'number': 'two'}

async def asynchronous(self, instance):
    yield 1

def model(stream):
    return type('FaultyModel', (), {'stream': stream})

class ReturningResource(CountResource):
    @validate_json(schema)
    async def post(self, instance):
        return self.stream(instance)

class PlainResource(CountResource):
    @validate_json(schema)
    def post(self, instance):
        yield 1

class ForResource(CountResource):
    @validate_json(schema)
    async def post(self, instance):
        for piece in self.stream(instance):
            yield piece

class AwaitingResource(CountResource):
    @validate_json(schema)
    async def post(self, instance):
        for piece in await self.stream(instance):
            yield piece

def returning(self, instance):
    for number in range(3):
        return {'number': number}
    yield

def own(value):
    class Resource(ModelResource):
        @validate_json(schema)
        async def post(self, instance):
            yield value()

    return Resource
"""
FAULTS = {
    'CountResource, model(no_numbers)': 'piece 1 of the answer to examples[0] does not fit the result schema: number: ',
    'CountResource, model(stream_text)': 'stream must be a generator (yield the pieces), not str',
    'CountResource, model(asynchronous)': 'stream must be a generator (yield the pieces), not async_generator',
    'CountResource, XXXModel': 'has no method stream(instance)',
    'ReturningResource, CountModel': 'Write: async for piece in self.stream(instance): yield piece',
    'ForResource, CountModel': '). Write: async for piece in self.stream(instance): yield piece',
    'AwaitingResource, CountModel': '). Write: async for piece in self.stream(instance): yield piece',
    'CountResource, model(returning)': 'returned a value and yielded nothing. Write `yield` in place of `return`.',
    'own(lambda: {1, 2}), CountModel': 'examples[0]: TypeError: Type is not JSON serializable: set',
    'own(lambda: 1 / 0), CountModel': 'examples[0]: ZeroDivisionError',
}


def test_what_is_wrong_with_a_stream_is_said_at_the_start(start):
    rows = [f"    Route('/v1/Faulty{number}', {values}),\n" for number, values in enumerate(FAULTS)]
    code = f'{FAULTY}\nROUTES = (\n{"".join(rows)})\n'
    streams = start({'MODEL_SERVING_MODEL_ON_ERROR': 'skip'}, {'model_serving/routes.py': code})
    models = streams.get('/health/ready').json()['models']
    for number, said in enumerate(FAULTS.values()):
        assert said in models[f'/v1/Faulty{number}']


def test_a_def_handler_that_yields(make_service):
    code = f"{FAULTY}\nROUTES = (Route('/v1/Faulty', PlainResource, CountModel),)\n"
    service = streaming_service(partial(make_service, start=False), files={'model_serving/routes.py': code})
    finished = service.run('bin/start.sh')
    assert finished.returncode == 1
    assert 'post of PlainResource has a yield, so it must be `async def`' in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize('model', ['OwnModel', 'HookedModel'])
def test_an_answer_by_http_1_0_has_its_deadline_as_a_whole(streams, connect, model):
    request = b'{"pieces": 1000, "pause": 0.1}', 'X-Request-Timeout: 0.5'
    connection = connect(streams)
    connection.send(post(*request, line=f'POST /v1/{model} HTTP/1.0'))
    answer = connection.answer()
    assert answer.status == 504
    assert json.loads(answer.body)['message']


@pytest.mark.long
def test_answers_by_http_1_0_count_as_bodies(start, connect):
    """They are collected in memory, since such a client can't take an answer in chunks."""
    streams = start({'MODEL_SERVING_SERVING_MAX_BODIES': '1 MiB'})
    request = post(b'{"pieces": 100, "size": 100000}', line='POST /v1/CountModel HTTP/1.0')
    connection = connect(streams)
    connection.send(request)
    answer = connection.answer()
    assert (answer.status, answer.headers['retry-after']) == (503, '1')
    assert streams.post('/v1/XXXModel', {'name': 'Leo'}).status_code == 200


def test_it_is_described(streams):
    document = streams.get('/openapi.json').json()
    post = document['paths']['/v1/CountModel']['post']
    assert post['x-model']['stream']
    assert post['x-model']['native_only'] == 'its answer is a stream'
    content = post['responses']['200']['content']
    assert list(content) == ['application/x-ndjson', 'text/event-stream']
    assert not document['paths']['/v1/XXXModel']['post']['x-model']['stream']
    assert streams.get('/v1/CountModel').json()['stream'] is True
    assert 'answered by Flask' in next(line for line in streams.log.splitlines() if '/v1/HookedModel' in line)


@pytest.mark.long
def test_a_client_that_does_not_read_is_let_go(start, connect):
    streams = start(files=IMPATIENT)
    with takes_less_memory_than(32 * 2**20, streams):
        for url in (*URLS, '/v1/OwnModel'):
            name = url.rpartition('/')[2]
            instance = {'pieces': 1_000_000, 'size': 100_000, 'name': name}
            connect(streams).send(post(json.dumps(instance).encode(), line=f'POST {url} HTTP/1.1'))
            wait_until(lambda name=name: has(streams, 'closed', name))
            # Its thread is free again.
            assert numbers_of(streams.post(url, {'pieces': 2})) == [0, 1]


@pytest.mark.long
def test_a_hundred_streams_keep_nobody_waiting(start):
    """Neither the calls of other models nor the memory: all streams run at the same time, half of them by threads."""
    streams = start({'MODEL_SERVING_COUNTMODEL_STREAMS': '50'})
    with takes_less_memory_than(64 * 2**20, streams), ThreadPoolExecutor(100) as pool:
        instance = {'pieces': 100, 'pause': 0.1, 'size': 1000}
        made = [pool.submit(streams.post, url, instance) for url in ['/v1/CountModel', '/v1/OwnModel'] * 50]
        slowest = 0
        while not all(call.done() for call in made):
            answer = streams.post('/v1/XXXModel', {'name': 'Leo'})
            assert answer.json() == {'result': 'Hello, Leo!'}
            slowest = max(slowest, answer.elapsed.total_seconds())
        assert [numbers_of(call.result()) for call in made] == [list(range(100))] * 100
    assert slowest < 1
