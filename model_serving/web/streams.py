"""Answers that come piece by piece: JSON lines, or Server-Sent Events where the client asks for them.

The front and Flask write them by the same functions. `response` is Flask's way, where a thread waits for each piece.
"""

from itertools import chain, islice
from time import perf_counter

from flask import current_app, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from ..serving import deadlines, event_loop
from ..serving.errors import DeadlineExceeded, LatePiece
from ..serving.handler_stream import HandlerStream
from ..serving.streaming import END
from . import strict_json
from .errors import answer_to
from .request import REQUEST_ID

JSON_LINES, EVENTS = MEDIA_TYPES = ('application/x-ndjson', 'text/event-stream')
# nginx would collect the answer, and a proxy might keep it.
HEADERS = {'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'}


def media_type(accept: str) -> str:
    """Return the type of the answer for a header `Accept`."""
    # Without parameters such as a charset: werkzeug would look for a type with the same ones.
    accepted = [(each.partition(';')[0].rstrip(), quality) for each, quality in parse_accept_header(accept)]
    return MIMEAccept(accepted).best_match(MEDIA_TYPES, default=JSON_LINES)


def written(piece, its_type: str) -> bytes:
    """Return one piece as a line or an event; raises TypeError for what JSON can't hold."""
    line = strict_json.dumps(piece)
    return line if its_type == JSON_LINES else b'data: %s\n' % line


def written_error(body: bytes, its_type: str) -> bytes:
    """Return the body of an error as the last line or event of an answer that has begun."""
    return body if its_type == JSON_LINES else b'event: error\ndata: %s\n' % body


def response(pieces):
    """Return Flask's response of an async generator; raises what it raises before its first piece is written.

    The response's `values` are the pieces themselves, for who needs no lines.
    """
    its_type = media_type(request.headers.get('Accept', ''))
    servable, limits = current_app.servables.get(request.path), current_app.limits(request.path)
    call, request_id = f'{request.method} {request.path}', request.environ.get(REQUEST_ID)
    stream = HandlerStream(pieces, f'{call}, request id {request_id},')
    values = _values(stream, servable.name if servable else 'The service', deadlines.of_call(limits['timeout']).seconds)
    first = list(islice(values, 1))
    for piece in first:
        written(piece, its_type)
    whole = chain(first, values)
    lines = _lines(whole, its_type, lambda error: answer_to(error, call, request_id, servable)[0])
    answer = current_app.response_class(lines, content_type=its_type, headers=HEADERS)
    answer.values = whole
    answer.call_on_close(values.close)
    return answer


def _values(stream, name, seconds):
    """Yield the pieces of a HandlerStream, in a thread; `seconds` is how long each but the first may take."""
    late = DeadlineExceeded
    try:
        while (piece := event_loop.run(stream.next_piece(), name, seconds, late)) is not END:
            yield piece
            deadlines.begin(perf_counter(), seconds)
            late = LatePiece
    finally:
        event_loop.get().call_soon_threadsafe(stream.end)
        deadlines.end()


def _lines(values, its_type, body_of):
    """Yield the lines or events of the answer; an error is the last one."""
    try:
        for piece in values:
            yield written(piece, its_type)
    except Exception as error:
        yield written_error(body_of(error), its_type)
