"""A minute of good, bad and hanging calls at once: no good answer is lost."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.fakes.misbehaving import files

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


def repeat(function):
    """Call `function(number)` for SECONDS and return what it returned."""
    until, results = time.monotonic() + SECONDS, []
    while time.monotonic() < until:
        results.append(function(len(results)))
    return results


def good(service, number):
    answer = service.post(GOOD, {'do': 'echo', 'value': number})
    return answer.status_code, answer.json().get('result') == number


def bad(service, number):
    body, expected = WRONG[number % len(WRONG)]
    # Its own neighbours on BadModel may hang just now.
    path = GOOD if expected != 500 or number % 2 else BAD
    answer = requests.post(service.url + path, data=body, headers={'Content-Type': 'application/json'}, timeout=60)
    return answer.status_code == expected or (path == BAD and answer.status_code in (429, 503, 504))


def hang(service, number):
    return service.post(BAD, {'do': 'hang'}).status_code


@pytest.mark.long
@pytest.mark.timeout(240)
def test_no_good_answer_is_lost(make_service):
    settings = files(timeout=2)
    service = make_service(settings, {'WORKERS': '2', 'THREADS': '8'})
    workers = set(service.worker_pids)
    with ThreadPoolExecutor(2 * CALLERS + 1) as pool:
        goods = [pool.submit(repeat, lambda number: good(service, number)) for _ in range(CALLERS)]
        bads = [pool.submit(repeat, lambda number: bad(service, number)) for _ in range(CALLERS)]
        hangs = pool.submit(repeat, lambda number: hang(service, number))
        answers = [answer for call in goods for answer in call.result()]
        assert len(answers) > SECONDS * CALLERS
        assert set(answers) == {(200, True)}
        assert {told for call in bads for told in call.result()} == {True}
        assert set(hangs.result()) <= {429, 503, 504}
        assert 504 in hangs.result()
    # The hanging workers were replaced meanwhile.
    assert set(service.worker_pids) != workers
    assert service.log.count('BadModel hangs') >= 2
