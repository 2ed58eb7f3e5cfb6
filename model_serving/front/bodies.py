"""The bodies of requests, read before anything is called, within a limit each and one for all."""

import asyncio

from werkzeug.exceptions import ServiceUnavailable

# How long the rest of a body is thrown away after its answer, in seconds, so that the client reads the answer.
DRAIN = 5
TOO_MUCH = 'The service holds too many request bodies at present. Try again in a second.'


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class Bodies:
    """How many bytes a worker holds of bodies that are unfinished or wait for their answers, and how many it may."""

    def __init__(self, most: int):
        self.most = most
        self.held = 0


class Body:
    """The body of one request. `unread` is how many of its bytes are known to follow what was read: 1 for some."""

    def __init__(self, bodies, headers, limit):
        length = headers.get(b'content-length')
        self.unread = int(length) if length is not None and int(length) > limit else 0
        self.is_read = bool(self.unread) or not (length is not None or b'transfer-encoding' in headers)
        self._bodies = bodies
        self._limit = limit
        self._held = 0

    async def read(self, receive, on_piece) -> bytes:
        """Return the body, all of it unless it is too large; `on_piece()` is called when more of it is awaited.

        Raises ClientLeft, and ServiceUnavailable when too many bytes are held.
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
        """Hold it no longer."""
        self._bodies.held -= self._held
        self._held = 0

    async def drain(self, receive):
        """Throw away the rest: if the connection was closed at once, the client might never read its answer."""
        try:
            async with asyncio.timeout(DRAIN):
                while (await receive()).get('more_body', False):
                    pass
        except TimeoutError:
            pass

    def _hold(self, size):
        bodies = self._bodies
        if bodies.held and bodies.held + size > bodies.most:
            # What there is of it is thrown away, so others may come while the rest is drained.
            self.release()
            self.stop(1)
            raise ServiceUnavailable(TOO_MUCH, retry_after=1)
        bodies.held += size
        self._held += size
