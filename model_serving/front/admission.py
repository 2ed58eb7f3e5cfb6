"""What is decided on a request before its body is read: where it comes from, and whether its caller may call."""

import asyncio
import contextlib

from werkzeug.exceptions import HTTPException

from ..serving.errors import CallError
from ..web import access, proxies

# A body up to this size, in bytes, is read before a refusal, so that the connection can be kept, for so many seconds.
SHORT, PATIENCE = 64 * 1024, 1


def normalized(scope: dict, trusted) -> dict:
    """Return the scope of a request as Flask would see it.

    It has the client and the scheme that `trusted` proxies tell, and the path `/v1/Name` for `//v1/Name`, since calls
    of either count for the limits of the model.
    """
    if scope['path'].startswith('//'):
        scope = {**scope, 'path': '/' + scope['path'].lstrip('/')}
    if not trusted:
        return scope
    sent = {b'x-forwarded-for': [], b'x-forwarded-proto': []}
    for name, value in scope['headers']:
        if name in sent:
            sent[name].append(value.decode('latin-1'))
    peer, port = scope.get('client') or ('', 0)
    client, scheme = proxies.client_and_scheme(
        trusted, peer, scope['scheme'], *(','.join(values) for values in sent.values())
    )
    return {**scope, 'client': (client, port if client == peer else 0), 'scheme': scheme}


async def admit(exchange):
    """Check the key of a request, and count it for the rate limit of its model.

    Raises Unauthorized, Forbidden, RateLimited and RateLimitUnavailable.
    """
    app, scope, servable = exchange.front.app, exchange.scope, exchange.endpoint.servable
    try:
        if app.keys.is_on:
            headers = exchange.headers
            sent = headers.get(b'x-api-key'), headers.get(b'authorization')
            exchange.key = app.keys.find(*sent)
            access.authorize(app, exchange.key, scope['method'], scope['path'], sent)
            # What needs no key needs no body, either.
            if exchange.key is None and (b'content-length' in headers or b'transfer-encoding' in headers):
                await _discard_body(exchange)
        if exchange.endpoint.is_limited and scope['method'] != 'OPTIONS':
            await app.rate_limits.check(servable, exchange.key, (scope.get('client') or ('',))[0])
    except (HTTPException, CallError):
        await _discard_body(exchange)
        raise


async def _discard_body(exchange):
    """Read a short body without keeping it; a longer or a slow one is thrown away after the answer.

    A client that asks whether to send its body, by `Expect`, is told only the answer.
    """
    headers = exchange.headers
    may_be_short = not {b'transfer-encoding', b'expect'} & headers.keys()
    exchange.is_read, exchange.unread = True, 1
    if may_be_short and int(headers.get(b'content-length', 0)) <= SHORT:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (await exchange.receive()).get('more_body', False):
                    pass
                exchange.unread = 0
