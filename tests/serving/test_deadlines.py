from time import perf_counter

import pytest

from model_serving.serving import deadlines


def test_without_a_request_it_counts_from_now():
    before = perf_counter()
    since, timeout = deadlines.of_call(5)
    assert before <= since <= perf_counter()
    assert timeout == 5


@pytest.mark.parametrize('allowed, timeout', [(None, 5), (2, 2), (60, 5)])
def test_it_counts_from_when_the_request_came_in(allowed, timeout):
    token = deadlines.begin(100.0, allowed)
    try:
        assert deadlines.of_call(5) == (100.0, timeout)
    finally:
        deadlines.end(token)
    assert deadlines.of_call(5)[0] != 100.0


@pytest.mark.parametrize('text, seconds', [('1', 1), ('0.25', 0.25), ('086400', 86400)])
def test_seconds_of_a_client(text, seconds):
    assert deadlines.read(text) == seconds


@pytest.mark.parametrize('text', ['', '0', '0.0', '-1', '+1', '1e3', '.5', '1.', 'nan', 'inf', '1 s', '１', '9' * 10])
def test_what_is_no_number_of_seconds(text):
    with pytest.raises(ValueError, match='must be a number of seconds above 0'):
        deadlines.read(text)
