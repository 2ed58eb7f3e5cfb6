"""Many rows of one request: each is answered as a request of its own would be, several at the same time."""

import asyncio

# After how many rows the event loop turns to others.
ROWS_PER_TURN = 100


async def each(call, count: int, at_once: int) -> list:
    """Return the result of `await call(row)` for each row of `range(count)`, in order.

    At most `at_once` rows run at a time, so that other requests get into the next batch. The first exception cancels
    the rest and is raised.
    """
    results, rows = [None] * count, iter(range(count))

    async def work():
        for row in rows:
            results[row] = await call(row)
            # A handler that awaits nothing would keep the loop.
            if row % ROWS_PER_TURN == 0:
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(work()) for _ in range(min(at_once, count))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return results
