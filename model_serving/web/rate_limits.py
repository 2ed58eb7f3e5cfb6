"""How many requests each caller may send to a model, counted by the package limits."""

import asyncio
import logging
import time
from importlib.util import find_spec
from ipaddress import ip_address, ip_network

from ..serving.errors import RateLimited, RateLimitUnavailable, StartError

LOGGER = logging.getLogger('limits')
NEEDS_REDIS = (
    '[serving] rate_limit_storage is a Redis, which needs the package redis. Get it: .venv/bin/pip install redis==8.1.0'
)
# How long Redis may take, in seconds, and for how long it is not asked again after a failure.
REDIS_TIMEOUT, PAUSE = 0.5, 2.0
# How many requests of a worker ask Redis at the same time; its pool has 100 connections.
MAX_CONNECTIONS = 50
# Of an IPv6 address, the bits that a provider gives to one customer; the customer chooses the others.
PREFIX_LENGTH = 64


class RateLimits:
    """The limits of the models, and what has been counted."""

    # How many processes share the limits that are counted in memory.
    workers = 1

    def __init__(self, servables, storage: str, on_failure: str):
        """`storage` and `on_failure` are the settings of these names. Raises StartError without a package for Redis."""
        self._limits = {each.url: each.settings['rate_limit'] for each in servables if each.settings['rate_limit']}
        self._storage, self._allows_failure = storage, on_failure == 'allow'
        self._counter = None
        if self._limits and storage != 'memory' and find_spec('redis') is None:
            raise StartError(NEEDS_REDIS)

    def has(self, servable) -> bool:
        """Tell whether a model has a limit."""
        return servable.url in self._limits

    async def check(self, servable, key, address: str):
        """Count a request to a model; raises RateLimited, and RateLimitUnavailable if Redis does not answer.

        The caller is the name of its `key`, or without a key its address.
        """
        if self._counter is None:
            is_memory = self._storage == 'memory'
            self._counter = InMemory(self.workers) if is_memory else InRedis(self._storage, self._allows_failure)
        caller = ('key', key.name) if key else ('address', _customer(address))
        for limit in self._limits.get(servable.url, ()):
            seconds = await self._counter.count(limit, servable.url, *caller)
            if seconds is not None:
                raise RateLimited(servable.name, str(limit).replace(' per 1 ', ' per '), seconds)


class InMemory:
    """Counts in this worker, and allows its share of each limit."""

    def __init__(self, workers: int):
        from limits.aio.strategies import FixedWindowRateLimiter

        from .counts_in_memory import CountsInMemory

        self._workers, self._limiter = workers, FixedWindowRateLimiter(CountsInMemory())
        # This worker's share of each limit.
        self._shares = {}

    async def count(self, limit, *caller) -> float | None:
        """Count a request; return None, or beyond the limit how many seconds to wait."""
        share = self._shares.get(limit)
        if share is None:
            share = self._shares[limit] = type(limit)(max(1, limit.amount // self._workers), limit.multiples)
        return await _count(self._limiter, share, *caller)


class InRedis:
    """Counts in a Redis, for all workers and machines together."""

    def __init__(self, url: str, allows_failure: bool):
        from limits.aio.storage import RedisStorage
        from limits.aio.strategies import FixedWindowRateLimiter
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Once more at once, since Redis may have closed an idle connection. By default it waits longer and longer.
        retry = Retry(NoBackoff(), retries=1)
        options = {'socket_timeout': REDIS_TIMEOUT, 'socket_connect_timeout': REDIS_TIMEOUT, 'retry': retry}
        storage = RedisStorage(f'async+{url}', implementation='redispy', **options)
        self._limiter, self._allows_failure = FixedWindowRateLimiter(storage), allows_failure
        # Others wait here, since a pool that has no connection left would look like a Redis that does not answer.
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._answered = self._ask_after = 0.0

    async def count(self, limit, *caller) -> float | None:
        """Count a request; return None, or beyond the limit how many seconds to wait. Raises RateLimitUnavailable."""
        async with self._places:
            asked = time.monotonic()
            if asked >= self._ask_after:
                try:
                    async with asyncio.timeout(2 * REDIS_TIMEOUT):
                        seconds = await _count(self._limiter, limit, *caller)
                    self._answered = time.monotonic()
                    return seconds
                # Whatever an odd answer leads to.
                except Exception as error:
                    self._failed(error, asked)
        if not self._allows_failure:
            raise RateLimitUnavailable(PAUSE)
        return None

    def _failed(self, error, asked):
        # Requests that failed at the same time need no line each. One that was late while others were answered says
        # that this process is busy.
        if self._answered < asked and time.monotonic() >= self._ask_after:
            self._ask_after = time.monotonic() + PAUSE
            consequence = 'Requests are not limited.' if self._allows_failure else 'Requests are refused.'
            LOGGER.warning('The Redis of rate_limit_storage does not answer. %s %r', consequence, error)


async def _count(limiter, limit, *caller):
    """Count a request; return None, or beyond the limit how many seconds to wait."""
    if await limiter.hit(limit, *caller):
        return None
    return (await limiter.get_window_stats(limit, *caller)).reset_time - time.time()


def _customer(address):
    if ':' not in address:
        return address
    found = ip_address(address.partition('%')[0])
    # A server that listens on :: has IPv4 clients as ::ffff:1.2.3.4; all of these would be one customer.
    return str(found.ipv4_mapped or ip_network((found, PREFIX_LENGTH), strict=False))
