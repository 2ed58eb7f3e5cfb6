"""A storage for the package limits, imported only if there is a limit: counts in the memory of this process."""

import time
from collections import defaultdict

from limits.aio.storage import Storage


class CountsInMemory(Storage):
    """Counts requests on the event loop, in windows of fixed lengths.

    The two storages for memory in limits look through the counts of all callers, with each request or all the time.
    """

    STORAGE_SCHEME = ()
    base_exceptions = ()

    def __init__(self):
        super().__init__()
        # By the length of a window and by caller: the count, and when the window ends. The first one ends first.
        self._windows = defaultdict(dict)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request; return how many the window of `key` has, of `expiry` seconds."""
        windows, now = self._windows[expiry], time.time()
        # Two for each request: more are never added than removed.
        for _ in range(2):
            first = next(iter(windows), None)
            if first is not None and windows[first][1] <= now:
                del windows[first]
        count, end = windows.get(key, (0, 0))
        if end <= now:
            windows.pop(key, None)
            count, end = 0, now + expiry
        windows[key] = count + amount, end
        return count + amount

    async def get(self, key: str) -> int:
        """Return the count of a key."""
        return self._window(key)[0]

    async def get_expiry(self, key: str) -> float:
        """Return when the window of a key ends, in seconds of the epoch."""
        return self._window(key)[1]

    def _window(self, key):
        now = time.time()
        found = [windows[key] for windows in self._windows.values() if key in windows]
        return next((window for window in found if window[1] > now), (0, now))

    async def check(self) -> bool:
        """Tell that counting works."""
        return True

    async def reset(self):
        """Forget all counts."""
        self._windows.clear()

    async def clear(self, key: str):
        """Forget the count of a key."""
        for windows in self._windows.values():
            windows.pop(key, None)
