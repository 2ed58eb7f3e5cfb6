"""A minute of good, bad and hanging calls at once: no good answer is lost."""

import time

import pytest
import requests

from tests.fakes.misbehaving import do, files

SECONDS = 60
CALLERS = 6
GOOD = '/v1/OtherModel'
BAD = '/v1/BadModel'
# What is sent, and the only status that it may get.
WRONG = [
    (b'{"do": ', 400),
    (b'{"value": 1}', 400),
    (b'[' * 1000, 400),
    (b'{"do": "raise"}', 500),
    (b'{"do": "base_exception"}', 500),
    (b'{"do": "too_few"}', 500),
    (b'{"do": "set"}', 500),
    (b'"' + b'x' * 2_000_000 + b'"', 413),
]


def repeat(call, *arguments):
    """Call `call(number, *arguments)` for SECONDS and return what it returned."""
    until, results = time.monotonic() + SECONDS, []
    while time.monotonic() < until:
        results.append(call(len(results), *arguments))
    return results


def is_good(number, service):
    answer = do(service, 'echo', number, GOOD)
    return answer.status_code == 200 and answer.json() == {'result': number}


def is_told(number, service):
    body, expected = WRONG[number % len(WRONG)]
    # Its own neighbours on BadModel may hang just now.
    path = GOOD if expected != 500 or number % 2 else BAD
    answer = requests.post(service.url + path, data=body, headers={'Content-Type': 'application/json'}, timeout=60)
    return answer.status_code == expected or (path == BAD and answer.status_code in (429, 503, 504))


@pytest.mark.long
@pytest.mark.timeout(240)
def test_no_good_answer_is_lost(make_service, threads):
    service = make_service(files(timeout=2), {'WORKERS': '2', 'THREADS': '8'})
    workers = set(service.worker_pids)
    goods, bads = ([threads.submit(repeat, call, service) for _ in range(CALLERS)] for call in (is_good, is_told))
    hangs = repeat(lambda number: do(service, 'hang').status_code)
    answers = [answer for call in goods for answer in call.result()]
    assert len(answers) > SECONDS * CALLERS
    assert all(answers)
    assert all(told for call in bads for told in call.result())
    assert 504 in hangs
    assert set(hangs) <= {429, 503, 504}
    # The hanging workers were replaced meanwhile.
    assert set(service.worker_pids) != workers
    assert service.log.count('BadModel hangs') >= 2
