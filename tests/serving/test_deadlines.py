import pytest

from model_serving.serving import deadlines


@pytest.mark.parametrize('text, seconds', [(None, 86400), ('1', 1), ('0.25', 0.25), ('999999', 86400)])
def test_a_client_may_ask_for_less(text, seconds):
    assert deadlines.of_header(text and text.encode(), timeout=86400) == seconds


@pytest.mark.parametrize('text', ['', '0', '0.0', '-1', '+1', '1e3', '.5', '1.', 'nan', 'inf', '1 s', '１', '9' * 10])
def test_anything_but_a_number_of_seconds_is_not_valid(text):
    assert not deadlines.is_valid(text.encode())
    assert deadlines.of_header(text.encode(), timeout=5) == 5
