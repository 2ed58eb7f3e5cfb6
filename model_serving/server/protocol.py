"""uvicorn's HTTP protocol with limits: for heads in bytes and time, for writing in time, for pipelining in memory."""

import logging
import resource
from collections import deque
from contextvars import Context

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .addresses import plain
from .flow_control import MAX_PIPELINED, BoundedFlowControl

LOGGER = logging.getLogger('server')
# How much is parsed at a time, and how large the rest of a request's head may be, in bytes.
PART = 16 * 1024
MAX_HEAD = 64 * 1024
# How long a client may take to send a head, or may stop reading an answer, in seconds.
SILENCE = 30
# The same, for idle connections too, once a worker has so many connections that it may run out of open files.
SHORT_SILENCE = 1
MANY = resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 3 // 4
# How long an idle connection stays open when the worker ends, in seconds: a request may be on its way.
LINGER = 1
# The longest reason for a request that is not HTTP, in characters.
MAX_REASON = 150
# The key in the scope for the connection, of which asgi.py sets the `task`.
CONNECTION = 'model_serving.connection'
# Discards the trailers of a chunked body, which nobody reads.
TRAILERS = deque(maxlen=0)


class Protocol(HttpToolsProtocol):
    """One connection. The worker sets the class's attributes, and calls `sweep` once a second."""

    is_ending = False
    # How many of the next requests are answered with `Connection: close`, so that their clients reconnect elsewhere.
    excess = 0

    def connection_made(self, transport):
        super().connection_made(transport)
        self.server, self.client = plain(self.server), plain(self.client)
        self.flow = BoundedFlowControl(transport, self.pipeline)
        # The request that is being answered, which is not always the newest, and its task. When the client leaves,
        # the first is marked as disconnected and the second is cancelled.
        self.answering = self.task = None
        self.is_in_head, self.has_begun, self.is_broken = True, False, False
        self.unparsed = b''
        self.head_size, self.head_since = 0, self.loop.time()
        self.unwritten, self.unwritten_since = 0, 0.0
        if self.is_ending:
            self.shutdown()

    def connection_lost(self, exc):
        self._stop_timer()
        super().connection_lost(exc)
        if self.answering is not None:
            self.answering.disconnected = True
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data):
        if self.is_broken:
            return
        self._stop_timer()
        self._parse(self.unparsed + data)

    def _stop_timer(self):
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _parse(self, data):
        """Parse data unless many requests wait. A head that comes in several parts may take at most MAX_HEAD bytes."""
        # A view, since a large body would be copied with every part.
        data = memoryview(data)
        while data and not self.is_broken and len(self.pipeline) < MAX_PIPELINED:
            part, data = data[:PART], data[PART:]
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as upgrade:
                data = memoryview(self._without_upgrade(bytes(part[upgrade.args[0] :])) + bytes(data))
            except httptools.HttpParserError as error:
                self.send_400_response(str(error.__context__ or error)[:MAX_REASON])
            else:
                self.head_size += len(part) if self.is_in_head else 0
                if self.head_size > MAX_HEAD:
                    self.send_400_response(f'The head of a request is limited to {MAX_HEAD} bytes.')
        self.unparsed = bytes(data)

    def _without_upgrade(self, rest):
        """Return the request without its upgrade to HTTP/2, which Java's HttpClient asks for; it is parsed again."""
        line = b'%s %s HTTP/%s' % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = [header for header in self.headers if header[0] not in (b'upgrade', b'http2-settings')]
        head = b'\r\n'.join([line, *(b'%s: %s' % header for header in kept), b'', b''])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return head + rest

    def on_message_begin(self):
        super().on_message_begin()
        self.scope[CONNECTION] = self
        self.has_begun = True
        self.head_size, self.head_since = 0, self.loop.time()

    def on_headers_complete(self):
        if self.parser.should_upgrade():
            if self.parser.get_method() == b'CONNECT':
                raise ValueError('CONNECT is not supported.')
            return
        self._check_framing()
        super().on_headers_complete()
        self.is_in_head, self.headers = False, TRAILERS
        if self.pipeline:
            self.flow.resume_reading()
        else:
            self.answering = self.cycle
        if self.is_ending:
            self.cycle.keep_alive = False
        elif Protocol.excess:
            Protocol.excess -= 1
            self.cycle.keep_alive = False

    def on_message_complete(self):
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.is_in_head, self.has_begun, self.head_since = True, False, self.loop.time()

    def _check_framing(self):
        """Raise ValueError for requests that proxies and servers may read differently."""
        hosts, version = 0, self.parser.get_http_version()
        if version not in ('1.1', '1.0'):
            raise ValueError('Only HTTP/1.1 and HTTP/1.0 are supported.')
        for name, value in self.headers:
            if name == b'host':
                hosts += 1
            elif name == b'transfer-encoding' and (value.lower() != b'chunked' or version == '1.0'):
                raise ValueError('The only supported Transfer-Encoding is chunked, in HTTP/1.1.')
        if hosts != 1 and version == '1.1':
            raise ValueError('An HTTP/1.1 request must have one Host header.')

    def send_400_response(self, msg):
        """Refuse a request that is not HTTP, after the earlier requests are answered, and read nothing more."""
        self.is_broken = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            super().send_400_response(msg)
        elif cycle.more_body and self.pipeline:
            self.pipeline.popleft()
        elif cycle.more_body and not cycle.response_started:
            cycle.disconnected = True
            super().send_400_response(msg)
        elif cycle.more_body:
            self.transport.close()

    def on_response_complete(self):
        # In an empty context: the next request must not inherit that of the task which has answered this one.
        Context().run(self._on_response_complete)

    def _on_response_complete(self):
        was_last = self.is_broken and not self.pipeline
        if self.pipeline:
            self.answering, _ = self.pipeline[-1]
        super().on_response_complete()
        if was_last:
            self.transport.close()
        elif self.unparsed and not self.transport.is_closing():
            self._parse(self.unparsed)

    def shutdown(self):
        """Close after the current answer; an idle connection waits a little for a request that is on its way."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LINGER, self._close_if_idle)
        else:
            super().shutdown()

    def _close_if_idle(self):
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def sweep(self, now: float):
        """Close the connection if the client takes too long to send a head or to read an answer."""
        size = self.transport.get_write_buffer_size()
        if size == 0 or size != self.unwritten:
            self.unwritten, self.unwritten_since = size, now
        elif now - self.unwritten_since > SILENCE:
            client = self.client and self.client[0]
            LOGGER.warning('An answer was cut off: its client, %s, has read nothing for %d s.', client, SILENCE)
            self.transport.abort()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        is_idle = self.timeout_keep_alive_task is not None and not self.has_begun
        has_many = len(self.connections) > MANY
        silence = SHORT_SILENCE if has_many else SILENCE
        if self.is_in_head and not is_answering and (has_many or not is_idle) and now - self.head_since > silence:
            self.transport.close()
