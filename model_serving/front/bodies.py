"""The bodies of requests: read before a handler is called, within a limit for each and a budget for all."""

import asyncio

from werkzeug.exceptions import ServiceUnavailable

# After an early answer the rest of the body is read and thrown away for so long, in seconds.
DRAIN = 5
TOO_MUCH = 'The service holds too many request bodies at present. Try again in a second.'


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class Bodies:
    """The budget of a worker: how many bytes of bodies it holds, unfinished or waiting, and how many it may hold."""

    def __init__(self, budget: int):
        self.budget = budget
        self.held = 0


class Body:
    """The body of one request. `unread` is how many bytes are known to follow what was read: 1 if it is not known."""

    def __init__(self, bodies, headers, limit):
        length = headers.get(b'content-length')
        self.unread = int(length) if length is not None and int(length) > limit else 0
        self.is_read = bool(self.unread) or not (length is not None or b'transfer-encoding' in headers)
        self._bodies = bodies
        self._limit = limit
        self._held = 0

    async def read(self, receive, on_piece) -> bytes:
        """Return the body, or the beginning of one that is too large; calls `on_piece()` before it waits for more.

        Raises ClientLeft, and ServiceUnavailable when the budget is spent.
        """
        pieces = []
        while not self.is_read:
            message = await receive()
            if message['type'] != 'http.request':
                raise ClientLeft
            pieces.append(message.get('body', b''))
            self._hold(len(pieces[-1]))
            self.is_read = not message.get('more_body', False)
            if not self.is_read:
                on_piece()
                if self._held > self._limit:
                    self.stop(1)
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    def stop(self, unread):
        """Read no more of it: at least `unread` bytes follow."""
        self.is_read, self.unread = True, self.unread or unread

    def release(self):
        """Give its bytes back to the budget."""
        self._bodies.held -= self._held
        self._held = 0

    async def drain(self, receive):
        """Throw the rest away: a client whose connection is closed while it sends may never read its answer."""
        try:
            async with asyncio.timeout(DRAIN):
                while (await receive()).get('more_body', False):
                    pass
        except TimeoutError:
            pass

    def _hold(self, size):
        bodies = self._bodies
        if bodies.held and bodies.held + size > bodies.budget:
            # Others may use its bytes while the rest is drained.
            self.release()
            self.stop(1)
            raise ServiceUnavailable(TOO_MUCH, retry_after=1)
        bodies.held += size
        self._held += size
