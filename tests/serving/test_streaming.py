"""Streams of a model, without HTTP."""

import asyncio
import gc
import threading

from model_serving.serving.streaming import Call, Streams
from tests.conftest import run_async


def count_calls() -> int:
    gc.collect()
    return sum(isinstance(each, Call) for each in gc.get_objects())


def test_a_call_that_leaves_the_line_is_forgotten_and_the_others_keep_their_turn():
    gate, begun = threading.Event(), []

    def generate(instance):
        begun.append(instance)
        gate.wait(10)
        yield instance

    async def read(instance):
        return [piece async for piece in streams.stream(instance)]

    async def leave_and_stay():
        tasks = [asyncio.create_task(read(number)) for number in range(103)]
        await asyncio.sleep(0.1)
        for task in tasks[2:102]:
            task.cancel()
        await asyncio.wait(tasks[2:102])
        # Their errors know the calls.
        del tasks[2:102], task
        counts.append(count_calls())
        gate.set()
        return [await task for task in tasks]

    streams, counts, before = Streams('Name', count=1, max_queue=1000), [], count_calls()
    streams.generate = generate
    assert run_async(leave_and_stay()) == [[0], [1], [102]]
    assert counts == [before + 3]
    assert begun == [0, 1, 102]
