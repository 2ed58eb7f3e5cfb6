"""A model that hangs: its callers are answered on time, the others go on, and the worker is replaced."""

import time
from itertools import count, takewhile

import pytest
import requests

from tests.conftest import wait_until, with_constants
from tests.fakes.misbehaving import do, files
from tests.web.conftest import message_of

HINT = 'Send less, or wait longer.'
# Long before the calls have their deadline.
HANGS_SOON = with_constants(serving__servable__HANGS_AFTER=0.075)


@pytest.fixture
def gate(tmp_path):
    """A file that lets go who waits for it; it is made after the test at the latest."""
    path = tmp_path / 'open'
    yield path
    path.touch()


def test_callers_get_504_on_time_and_others_an_answer_at_once(misbehaving, threads, gate):
    slow = threads.submit(do, misbehaving, 'until', str(gate))
    late = [threads.submit(do, misbehaving, 'echo', 'unseen', **{'X-Request-Timeout': '0.3'}) for _ in range(2)]
    assert do(misbehaving, 'echo', 1, '/v1/OtherModel').status_code == 200
    assert_late(slow.result(), 2)
    assert {call.result().status_code for call in late} <= {200, 504}
    assert_late(do(misbehaving, 'echo', 'not predicted', **{'X-Request-Timeout': '0.3'}), 0.3)
    gate.touch()
    wait_until(lambda: do(misbehaving, 'predicted').status_code == 200)
    assert 'not predicted' not in do(misbehaving, 'predicted').json()['result']


def assert_late(answer, seconds):
    assert message_of(answer, 504) == f'BadModel did not answer within {seconds} s. {HINT}'


def test_a_full_queue_is_429(misbehaving, threads, gate):
    calls = [threads.submit(do, misbehaving, 'until', str(gate), '/v1/LimitedModel') for _ in range(6)]
    wait_until(lambda: sum(call.done() for call in calls) == 4)
    gate.touch()
    answers = sorted((call.result() for call in calls), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    for answer in answers[2:]:
        again = f'calls wait for LimitedModel already. Try again in {answer.headers["Retry-After"]} s.'
        assert message_of(answer, 429).endswith(again)


@pytest.mark.long
def test_hanging_workers_are_replaced_one_after_the_other(make_service, threads):
    service = make_service({**files(timeout=20), **HANGS_SOON}, {'WORKERS': '2', 'THREADS': '8'})
    before, neighbours = service.worker_pids, set()
    # Each call goes to either worker: enough of them for both to hang.
    hanging = [threads.submit(do, service, 'hang') for _ in range(12)]

    def are_replaced():
        neighbours.add(do(service, 'echo', 1, '/v1/OtherModel').status_code)
        return not set(before) & set(service.worker_pids)

    wait_until(are_replaced)
    wait_until(lambda: do(service, 'echo', 1).status_code == 200)
    assert neighbours == {200}
    answers = [call.result() for call in hanging]
    assert {answer.status_code for answer in answers} <= {429, 503}
    ended = {answer.json()['message'] for answer in answers if answer.status_code == 503}
    assert ended == {'BadModel is not ready: it hangs, and its worker is being replaced. Send the request again.'}
    log = service.log
    assert log.count('BadModel hangs: a call of it has been running for') == 2
    assert log.count('misbehaving_model.py') >= 2
    # The second one waited until the first was replaced.
    first, second = sorted(log.index(f'Worker {pid} ends') for pid in before)
    assert 'Booting worker' in log[first:second]


@pytest.mark.long
def test_handlers_that_hang_leave_the_others_alone_and_their_worker_is_replaced(make_service, threads):
    """More of them than threads, in a `def` handler that calls the model itself."""
    settings = {'MODEL_SERVING_CALLINGMODEL_TIMEOUT': '1'}
    service = make_service(files(), {'WORKERS': '1', 'THREADS': '2', **settings})
    before = service.worker_pids
    hanging = [threads.submit(do, service, 'hang', path='/v1/CallingModel') for _ in range(6)]
    answers = [call.result() for call in hanging]
    assert [answer.status_code for answer in answers] == [504] * 6
    begun = f'CallingModel did not answer within 1 s. {HINT}'
    waited = 'CallingModel is busy: for 1 s all of its threads (2) were in use. Try again later.'
    assert sorted(answer.json()['message'] for answer in answers) == [begun] * 2 + [waited] * 4
    for _ in range(20):
        assert service.post('/v1/XXXModel', {'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
        assert do(service, 'echo', 1).json() == {'result': 1}
    # Who waits for a thread when the worker ends is told so.
    wait_until(lambda: do(service, 'echo', 3, '/v1/CallingModel').status_code == 503)
    wait_until(lambda: service.worker_pids not in (before, []))
    assert 'CallingModel hangs: a call of it has been running for' in service.log
    assert do(service, 'echo', 2, '/v1/CallingModel').json() == {'result': 2}


@pytest.mark.long
def test_a_model_that_holds_the_interpreter_is_ended_by_gunicorn(make_service, threads):
    """Nothing in the process runs then, so gunicorn's own watch takes it; the log says where it stood."""
    service = make_service(files(), {'WORKERS': '2', 'GUNICORN_CMD_ARGS': '--timeout 2'})
    before = set(service.worker_pids)
    with pytest.raises(requests.RequestException):
        do(service, 'hold_gil')
    wait_until(lambda: len(set(service.worker_pids) - before) == 1 and len(service.worker_pids) == 2)
    assert do(service, 'echo', 5).json() == {'result': 5}
    assert 'WORKER TIMEOUT' in service.log
    assert 'misbehaving_model.py' in service.log


@pytest.mark.long
def test_an_ending_worker_gives_its_other_requests_five_seconds(make_service, threads, gate):
    """By default a batch hangs after three times the time-out; then what ends soon is answered, the rest cut off."""
    service = make_service(files(timeout=1), {'WORKERS': '1', 'THREADS': '8'})
    soon = threads.submit(do, service, 'until', str(gate), '/v1/OtherModel')
    never = threads.submit(do, service, 'hang', None, '/v1/LimitedModel')
    began = time.monotonic()
    assert do(service, 'hang').status_code == 504
    wait_until(lambda: 'BadModel hangs' in service.log)
    assert time.monotonic() - began >= 3
    gate.touch()
    assert soon.result().json() == {'result': None}
    with pytest.raises(requests.ConnectionError):
        never.result()
    assert 7 < time.monotonic() - began < 20


# What is sent beside the good calls, and its status.
WRONG = {
    b'{"do": ': 400,
    b'[' * 1000: 400,
    b'{"do": "raise"}': 500,
    b'{"do": "base_exception"}': 500,
    b'{"do": "set"}': 500,
    b'"' + b'x' * 2_000_000 + b'"': 413,
}


@pytest.mark.long
@pytest.mark.timeout(240)
def test_in_a_minute_of_good_bad_and_hanging_calls_no_answer_is_lost(make_service, threads):
    service = make_service(files(timeout=2), {'WORKERS': '2', 'THREADS': '8'})
    workers = set(service.worker_pids)
    end = time.monotonic() + 60

    def repeat(call):
        return [call(number) for number in takewhile(lambda _: time.monotonic() < end, count())]

    def is_echoed(number):
        return do(service, 'echo', number, '/v1/OtherModel').json() == {'result': number}

    def is_told(number):
        body, status = list(WRONG.items())[number % len(WRONG)]
        headers = {'Content-Type': 'application/json'}
        return requests.post(f'{service.url}/v1/OtherModel', body, headers=headers, timeout=60).status_code == status

    calls = [threads.submit(repeat, call) for call in [is_echoed, is_told] * 6]
    hangs = repeat(lambda number: do(service, 'hang').status_code)
    assert all(all(call.result()) for call in calls)
    assert 504 in hangs
    assert set(hangs) <= {429, 503, 504}
    # The hanging workers were replaced meanwhile.
    assert set(service.worker_pids) != workers
    assert service.log.count('BadModel hangs') >= 2
