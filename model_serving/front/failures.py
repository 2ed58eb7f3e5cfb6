"""What is answered when a request fails: its body, its deadline, its handler."""

import asyncio
import contextlib
import logging
from time import perf_counter

from werkzeug.exceptions import RequestTimeout
from werkzeug.wrappers import Response

from ..serving.errors import Busy, DeadlineExceeded, LatePiece, Stopped, TooManyBodies
from ..utils.text_utils import printable
from ..web.errors import answer_to
from ..web.protocols.urls import dialect_of
from .wsgi import by_response, encoded, with_constant

LOGGER = logging.getLogger('server')
# How long a client may pause in a body, in seconds; on servers other than ours also how long it may read a piece.
SILENCE = 30
# The shortest delay between two looks at the deadline, in seconds: a loop takes a tiny one for none at all.
TICK = 0.05
# For how long a handler may clean up after its deadline before it is cancelled again, in seconds.
GRACE = 5
# For how long the rest of a body is read after an early answer, in seconds.
DRAIN = 5
# Statuses whose answers have no body; the client would take it for its next answer.
WITHOUT_BODY = {204, 304}
# The status in the access log when the client left before the end of its answer, as in nginx's log, and when the
# deadline cut it off.
CLIENT_LEFT, LATE = 499, 504
TOO_SLOW = 'The rest of the body did not arrive in time. Send it without a pause.'


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


def expire(exchange):
    """Cancel the task at its deadline, or when the client pauses in the middle of its body; else look again."""
    end = exchange.end if exchange.is_read else min(exchange.end, exchange.heard + SILENCE)
    left = end - perf_counter()
    delay = min(left, max(exchange.seconds, TICK))
    if left <= 0:
        exchange.is_expired = True
        exchange.task.cancel()
        delay = GRACE  # a handler may catch this and wait for something else
    exchange.timer = asyncio.get_running_loop().call_later(delay, expire, exchange)


def may_read_on(exchange, more: bool) -> bool:
    """Tell whether to read `more` of a body: not if it is too large. Raises TooManyBodies beyond the budget."""
    exchange.heard = perf_counter()
    if exchange.front.held > max(exchange.front.max_bodies, exchange.held):
        # Others may use its bytes while the rest is thrown away.
        exchange.front.held -= exchange.held
        exchange.held, exchange.is_read, exchange.unread = 0, True, int(more)
        raise TooManyBodies
    if more and exchange.held > exchange.endpoint.max_body:
        exchange.unread = 1
    return more and not exchange.unread


async def throw_away_rest(exchange):
    """Read the rest of a body: a client whose connection is closed while it sends may never read its answer."""
    exchange.timer.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN):
            while (await exchange.receive()).get('more_body', False):
                pass


def told(exchange, error: BaseException, is_late=False) -> BaseException:
    """Return what the client is told of an exception; raise it again when nobody waits for an answer.

    `is_late`: the answer has begun.
    """
    task, connection = exchange.task, exchange.connection
    # A GeneratorExit that a handler raises is an error like any other. If the loop has ended, nobody can be answered.
    is_closed = isinstance(error, GeneratorExit) and asyncio.current_task(task.get_loop()) is not task
    if is_closed or isinstance(error, ClientLeft):
        raise error
    if isinstance(error, asyncio.CancelledError) and exchange.is_expired:
        task.uncancel()
        return _timeout(exchange, error, is_late)
    # Otherwise the handler cancelled itself, or the server stops and its graceful time is over.
    if isinstance(error, asyncio.CancelledError) and task.cancelling():
        if connection is None or not connection.is_ending or connection.transport.is_closing():
            raise error
        task.uncancel()
        return Stopped()
    return error


async def answer(exchange, error: BaseException):
    """Return status, headers and body of the answer to an exception; raise it again when nobody waits for one."""
    error = told(exchange, error)
    exchange.abandon()
    response = getattr(error, 'response', None)
    if isinstance(response, Response):
        try:
            return await by_response(exchange, response)
        except BaseException as failure:
            return await answer(exchange, failure)
    dialect, servable = dialect_of(exchange.front.app, exchange.scope['path']), exchange.endpoint.servable
    error_body = dialect and dialect.error
    body, status, headers = answer_to(error, call_of(exchange), exchange.request_id, servable, error_body)
    return status, with_constant(encoded(headers.items()), exchange.answer_headers), body


def cut_off(exchange, error):
    """Note how an answer ended that was cut off; raise `error` again if another server than ours cancelled it.

    Ours does it when the connection is lost, or when it stops.
    """
    # An early answer is complete; only the rest of the body was still to come.
    is_cut = not exchange.unread
    if is_cut:
        exchange.status = LATE if exchange.is_expired else CLIENT_LEFT
    if is_cut and exchange.is_expired:
        LOGGER.warning('%s was cut off at its deadline, request id %s', call_of(exchange), exchange.request_id)
    elif exchange.connection is None and not exchange.is_expired:
        raise error


def call_of(exchange) -> str:
    """Return how the log names a request, as `POST /v1/XXXModel`."""
    return printable(f'{exchange.scope["method"]} {exchange.scope["path"]}')


def _timeout(exchange, error, is_late):
    if not exchange.is_read:
        exchange.is_read, exchange.unread = True, 1
        return RequestTimeout(TOO_SLOW)
    servable, threads = exchange.endpoint.servable, exchange.endpoint.threads
    name = exchange.request.late_model or (servable.name if servable else 'The service')
    waited_for = getattr(error, 'waited_for', None)
    if waited_for:
        return Busy(name, exchange.seconds, waited_for, 'streams')
    if exchange.rest is not None and not exchange.rest.has_begun:
        return Busy(name, exchange.seconds, threads.count)
    return (LatePiece if is_late else DeadlineExceeded)(name, exchange.seconds)
