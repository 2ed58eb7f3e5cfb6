"""Bodies: their size, their encoding, how they are cut into chunks, over sockets and through gunicorn."""

import gzip
import zlib

import pytest
import requests

LIMIT = 16 * 1024
JSON = {'Content-Type': 'application/json'}
GOOD = b'{"do":"echo","value":7}'


def body_of(size):
    """Return a valid body of `size` bytes."""
    head, tail = b'{"do":"echo","value":"', b'"}'
    return head + b'x' * (size - len(head) - len(tail)) + tail


def deflate(body, frame):
    packer = zlib.compressobj(wbits=frame)
    return packer.compress(body) + packer.flush()


def in_chunks(body, size=1000):
    """Make requests send the body in chunks."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(service, body, **headers):
    return requests.post(f'{service.url}/v1/BadModel', body, headers={**JSON, **headers}, timeout=30)


@pytest.mark.parametrize('form', [bytes, in_chunks])
def test_a_body_of_the_limit_passes_and_one_byte_more_is_too_large(misbehaving, form):
    assert post(misbehaving, form(body_of(LIMIT))).status_code == 200
    too_large = post(misbehaving, form(body_of(LIMIT + 1)))
    assert too_large.status_code == 413
    assert '16384 bytes' in too_large.json()['message']
    assert too_large.headers['Access-Control-Allow-Origin'] == '*'


def test_each_model_has_its_own_limit(misbehaving):
    body = body_of(LIMIT + 1)
    answer = requests.post(f'{misbehaving.url}/v1/OtherModel', body, headers=JSON, timeout=30)
    assert answer.status_code == 200


def test_too_large_is_said_before_the_body_is_sent(misbehaving, connect):
    head = (
        b'POST /v1/BadModel HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n'
    )
    assert connect(misbehaving).exchange(head).startswith(b'HTTP/1.1 413 ')


@pytest.mark.parametrize(
    'encoding, pack',
    [
        ('gzip', gzip.compress),
        ('GZIP', gzip.compress),
        ('x-gzip', gzip.compress),
        ('deflate', zlib.compress),
        ('deflate', lambda body: deflate(body, -15)),
        ('identity', bytes),
    ],
)
@pytest.mark.parametrize('form', [bytes, in_chunks])
def test_packed_bodies_are_unpacked(misbehaving, encoding, pack, form):
    answer = post(misbehaving, form(pack(GOOD)), **{'Content-Encoding': encoding})
    assert (answer.status_code, answer.json()) == (200, {'result': 7})


def test_the_limit_counts_after_unpacking(misbehaving):
    assert post(misbehaving, gzip.compress(body_of(LIMIT)), **{'Content-Encoding': 'gzip'}).status_code == 200
    for pack, encoding in ((gzip.compress, 'gzip'), (zlib.compress, 'deflate')):
        packed = pack(body_of(LIMIT + 1))
        assert len(packed) < 1000
        answer = post(misbehaving, packed, **{'Content-Encoding': encoding})
        assert answer.status_code == 413
        assert '16384 bytes' in answer.json()['message']


@pytest.mark.parametrize(
    'packed, encoding, reason',
    [
        (GOOD, 'gzip', 'is not gzip'),
        (gzip.compress(GOOD), 'deflate', 'is not deflate'),
        (gzip.compress(GOOD)[:-5], 'gzip', 'is not one whole piece of gzip data'),
        (gzip.compress(GOOD) + b'more', 'gzip', 'is not one whole piece of gzip data'),
        (gzip.compress(b'{"do":'), 'gzip', 'line 1, column 7'),
        (gzip.compress(b''), 'gzip', 'No JSON object'),
        (b'', 'gzip', 'No JSON object'),
    ],
)
def test_what_is_packed_badly_is_told(misbehaving, packed, encoding, reason):
    answer = post(misbehaving, packed, **{'Content-Encoding': encoding})
    assert answer.status_code == 400
    assert reason in answer.json()['message']


@pytest.mark.parametrize('encoding', ['br', 'zstd', 'compress', 'gzip, gzip', 'x' * 4000])
def test_other_encodings_are_refused(misbehaving, encoding):
    answer = post(misbehaving, GOOD, **{'Content-Encoding': encoding})
    assert answer.status_code == 415
    assert 'gzip or deflate' in answer.json()['message']
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    'body', [b'zz\r\n{}\r\n0\r\n\r\n', b'2\r\n{}xx0\r\n\r\n', b'2\r\n{}\r\n0\r\nBad Trailer: 1\r\n\r\n']
)
def test_broken_chunks_are_the_clients_fault(misbehaving, connect, body):
    head = (
        b'POST /v1/BadModel HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    assert connect(misbehaving).exchange(head + body).startswith(b'HTTP/1.1 400 ')


def test_a_bomb_costs_neither_memory_nor_seconds(misbehaving):
    """10 KiB that would be 10 MiB here; the whole thing is in tests/web/test_memory.py."""
    bomb = gzip.compress(bytes(10 * 2**20))
    assert len(bomb) < LIMIT
    assert post(misbehaving, bomb, **{'Content-Encoding': 'gzip'}).status_code == 413
