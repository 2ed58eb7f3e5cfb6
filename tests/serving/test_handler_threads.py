"""The threads of `def` handlers: whatever a function does, its caller gets an answer."""

import pytest

from model_serving.serving.handler_threads import HandlerThreads
from tests.conftest import run_async


@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration])
def test_a_caller_gets_an_error_when_its_function_ends_in_an_unusual_way(error):
    def function():
        raise error

    with pytest.raises(RuntimeError, match=f'It raised {error.__name__}'):
        run_async(HandlerThreads('Odd', 1, 1).run(function))
