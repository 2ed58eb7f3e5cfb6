"""Requests by MLServer's codecs are understood, and its codecs understand the answers."""

import pytest

from tests.clients.files import EXPECTED
from tests.clients.running import assert_same, run_client

pytestmark = pytest.mark.mlserver


@pytest.fixture(scope='module')
def answers(service):
    return run_client('mlserver', 'mlserver_client.py', service)


def test_a_data_frame(answers, expected):
    wines = answers['wines']
    assert wines['head'] == ['mlserver-pandas', 'WineModel', '1']
    assert_same(wines['pandas'], expected['WineModel'])
    assert wines['frame'] == {'label': expected['WineModel']['label']}
    assert answers['names']['pandas'] == expected['XXXModel']


def test_an_array_as_a_table(answers, expected):
    assert_same(answers['wines']['numpy'], expected['WineModel'])


def test_an_array_as_an_input(answers, expected):
    assert_same(answers['digits']['named'], expected['DigitsModel'])
    assert answers['digits']['refusal'] == [
        400,
        {'error': "inputs[0].name: 'a' is not an input of the model. There are: image"},
    ]


def test_texts(answers, expected):
    assert answers['names']['named'] == expected['XXXModel']


def test_a_request_that_is_one_value(answers, expected):
    """NumpyRequestCodec and StringRequestCodec give their only input a name that no model knows."""
    assert_same(answers['digits']['unnamed'], expected['DigitsModel'])
    assert answers['names']['unnamed'] == expected['XXXModel']['result']


def test_files_in_base64(files_service):
    assert run_client('mlserver', 'mlserver_files.py', files_service) == EXPECTED
