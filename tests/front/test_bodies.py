"""Bodies: their size and their encoding.

What is cut, broken or packed in another way is in tests/web/nasty_requests.py, the answers are in tests/docs.
"""

import gzip
import zlib

import pytest
import requests

LIMIT = 16 * 1024
GOOD = b'{"do":"echo","value":7}'


def body_of(size):
    """Return a valid body of `size` bytes."""
    head, tail = b'{"do":"echo","value":"', b'"}'
    return head + b'x' * (size - len(head) - len(tail)) + tail


def bare_deflate(body):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def in_chunks(body, size=1000):
    """Make requests send the body in chunks."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(service, body, encoding='identity', path='/v1/BadModel'):
    headers = {'Content-Type': 'application/json', 'Content-Encoding': encoding}
    return requests.post(service.url + path, body, headers=headers, timeout=30)


@pytest.mark.parametrize('form', [bytes, in_chunks])
@pytest.mark.parametrize('encoding, pack', [('identity', bytes), ('gzip', gzip.compress), ('deflate', zlib.compress)])
def test_a_body_of_the_limit_passes_and_one_byte_more_is_too_large(misbehaving, form, encoding, pack):
    """The limit counts after unpacking, and is each model's own."""
    assert post(misbehaving, form(pack(body_of(LIMIT))), encoding).status_code == 200
    packed = pack(body_of(LIMIT + 1))
    too_large = post(misbehaving, form(packed), encoding)
    assert too_large.status_code == 413
    assert '16384 bytes' in too_large.json()['message']
    assert too_large.headers['Access-Control-Allow-Origin'] == '*'
    assert post(misbehaving, form(packed), encoding, '/v1/OtherModel').status_code == 200


@pytest.mark.parametrize(
    'encoding, pack',
    [
        *[(name, gzip.compress) for name in ('gzip', 'GZIP', 'x-gzip')],
        *[('deflate', pack) for pack in (zlib.compress, bare_deflate)],
        ('identity', bytes),
    ],
)
@pytest.mark.parametrize('form', [bytes, in_chunks])
def test_packed_bodies_are_unpacked(misbehaving, encoding, pack, form):
    answer = post(misbehaving, form(pack(GOOD)), encoding)
    assert (answer.status_code, answer.json()) == (200, {'result': 7})


@pytest.mark.parametrize(
    'packed, encoding, reason',
    [
        (gzip.compress(GOOD, mtime=0), 'deflate', 'is not deflate'),
        (gzip.compress(GOOD, mtime=0)[:-5], 'gzip', 'is not one whole piece of gzip data'),
        (gzip.compress(b'{"do":', mtime=0), 'gzip', 'line 1, column 7'),
        (gzip.compress(b'', mtime=0), 'gzip', 'No JSON object'),
        (b'', 'gzip', 'No JSON object'),
    ],
)
def test_what_is_packed_badly_is_told(misbehaving, packed, encoding, reason):
    answer = post(misbehaving, packed, encoding)
    assert answer.status_code == 400
    assert reason in answer.json()['message']
