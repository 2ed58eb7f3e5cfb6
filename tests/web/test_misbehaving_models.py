"""What a model does wrong is answered to the caller whom it concerns, and to nobody else."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.fakes.misbehaving import do, files
from tests.web.conftest import message_of

# What a model may do wrong, and what the log says of it.
FAILURES = {
    'raise': 'ValueError: secret 3',
    'raise_without_words': 'ValueError',
    'base_exception': 'OddError: odd',
    'interrupt': 'It raised KeyboardInterrupt',
    'exit': 'It raised SystemExit',
    'set': 'Type is not JSON serializable: set',
    'bytes': 'Type is not JSON serializable: bytes',
    'object': 'Type is not JSON serializable: object',
    'deep': 'limit',
    'circular': 'limit',
    'surrogate': 'surrogates',
    'large_integer': '64-bit',
    'too_few': 'BadModel: predict must return a result for each instance, but returned 0 for 1',
    'too_many': 'BadModel: predict must return a result for each instance, but returned 2 for 1',
    'miscounted': 'BadModel: predict must return a result for each instance, but returned 2 for 1',
    'no_list': 'BadModel: predict must return a list, not NoneType',
    'dict': 'BadModel: predict must return a list, not dict',
    'generator': 'BadModel: predict must return a list, not generator',
}


@pytest.mark.parametrize('what', FAILURES)
def test_a_failure_is_a_500_with_the_request_id_and_the_log_has_its_reason(misbehaving, what):
    pid = do(misbehaving, 'pid').json()
    request_id = f'id-of-{what}'
    answer = do(misbehaving, what, 3, **{'X-Request-ID': request_id})
    assert request_id in message_of(answer, 500)
    assert not re.search('secret|Traceback', answer.text)
    _, reason = misbehaving.log.split(f'POST /v1/BadModel failed, request id {request_id}')
    assert FAILURES[what] in reason
    assert do(misbehaving, 'pid').json() == pid


def test_nan_is_null(misbehaving):
    assert do(misbehaving, 'nan').json() == {'result': [None, None, None]}


def test_a_large_result_comes_whole(misbehaving):
    answer = do(misbehaving, 'large', 20 * 2**20)
    assert answer.json() == {'result': 'x' * 20 * 2**20}


@pytest.mark.parametrize('path', ['/v1/ExitingModel', '/v1/ExitingFlaskModel'])
def test_a_handler_that_exits_ends_nothing(misbehaving, path):
    pid = do(misbehaving, 'pid').json()
    answer = misbehaving.post(path, {'do': 'exit', 'value': 3})
    assert answer.headers['X-Request-ID'] in message_of(answer, 500)
    assert 'SystemExit' in misbehaving.log
    assert do(misbehaving, 'pid').json() == pid


def test_only_those_who_sent_what_fails_get_a_500(misbehaving):
    """In batches: they wait while the first call sleeps."""
    bad = {1: 'raise', 4: 'exit', 5: 'set', 6: 'invalid'}
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(do, misbehaving, 'sleep', 0.5)
        answers = list(threads.map(lambda number: do(misbehaving, bad.get(number, 'echo'), number), range(7)))
    assert first.result().status_code == 200
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200, 500, 500, 400]
    assert [answers[number].json() for number in (0, 2, 3)] == [{'result': number} for number in (0, 2, 3)]


@pytest.mark.long
def test_a_library_that_ends_the_worker_does_not_end_the_service(make_service):
    service = make_service(files(), {'WORKERS': '1'})
    for status in (1, 5):
        with pytest.raises(requests.ConnectionError):
            do(service, 'leave', status)
        assert do(service, 'echo', status).json() == {'result': status}
        assert f'exited with code {status}' in service.log


@pytest.mark.long
def test_a_killed_worker_takes_its_own_requests_with_it_and_no_other(make_service):
    """SIGKILL is what the system does to a process that takes too much memory."""
    service = make_service(files(), {'WORKERS': '2', 'THREADS': '4'})
    before = set(service.worker_pids)

    def call(number):
        try:
            answer = do(service, 'kill' if number == 20 else 'echo', number)
        except requests.RequestException:
            return None
        return answer.json()['result'] == number

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(call, range(60)))
    assert False not in answers
    # The killing call itself, and what was in its worker's four threads.
    assert 1 <= answers.count(None) <= 8
    assert all(call(number) for number in range(30, 60))
    after = set(service.worker_pids)
    assert len(after) == 2
    assert len(before & after) == 1
