"""What is too large costs the worker no memory: bodies over the limit, bombs, and clients that never stop."""

import contextlib
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import memory
from tests.fakes.misbehaving import do, files
from tests.web.nasty_requests import CHUNKED, DEFLATE, GZIP, JSON, MIB, chunked, chunks, head, packed, post

MOST = 96 * MIB  # at a time 16 threads hold a body of 1 MiB each, and a few copies of it
PATH = '/v1/OtherModel'
LINE = f'POST {PATH} HTTP/1.1'


def zeros(size, wbits=31) -> bytes:
    """Return `size` zeros, packed: a thousandth of them."""
    # The strategy for runs of one byte packs as much in a third of the time.
    packer = zlib.compressobj(9, wbits=wbits, strategy=zlib.Z_RLE)
    return b''.join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


# The limit of this model is 1 MiB. They are made when they are sent: all of them take seconds, and a gigabyte.
LARGE = bytes(64 * MIB)
ATTACKS = {
    'one byte over the limit': lambda: post(b'x' * (MIB + 1), line=LINE),
    '64 MiB': lambda: post(LARGE, line=LINE),
    '64 MiB, more announced': lambda: post(LARGE, length=10**12, line=LINE),
    '64 MiB of chunks': lambda: head(JSON, CHUNKED, line=LINE) + chunks(LARGE, 64 * 1024),
    '64 MiB in one chunk': lambda: head(JSON, CHUNKED, line=LINE) + b'ffffffff\r\n' + LARGE,
    'a chunk size without end': lambda: chunked(b'0' * 64 * MIB),
    'a head without end': lambda: head()[:-2] + b'X-A: ' + b'a' * 64 * MIB,
    'a bomb of 1 GiB': lambda: post(zeros(1000 * MIB), GZIP, line=LINE),
    'a bomb of 1 GiB in chunks': lambda: head(JSON, GZIP, CHUNKED, line=LINE) + chunks(zeros(1000 * MIB)),
    'a bomb of 1 GiB without a frame': lambda: post(zeros(1000 * MIB, -15), DEFLATE, line=LINE),
    'a bomb of brackets': lambda: post(packed(b'[' * MIB), GZIP, line=LINE),
    'a bomb of digits': lambda: post(packed(b'9' * MIB), GZIP, line=LINE),
    'a bomb of escapes': lambda: post(packed(b'"' + b'\\u0000' * (MIB // 6 - 1) + b'"'), GZIP, line=LINE),
}
DEFAULT_RUN = ('a bomb of 1 GiB in chunks',)


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """One worker with as many threads as by default; `idle_memory` is what it has when it is idle."""
    one = service_class(tmp_path_factory.mktemp('memory'), files(), {'WORKERS': '1'})
    one.start()
    assert do(one, 'echo', 1, PATH).json() == {'result': 1}
    (one.worker,) = one.worker_pids
    one.idle_memory = memory(one.worker)
    yield one
    one.stop()


@pytest.mark.parametrize(
    'name', [name if name in DEFAULT_RUN else pytest.param(name, marks=pytest.mark.long) for name in ATTACKS]
)
def test_the_peak_stays_near_what_the_worker_has_when_idle(service, connect, name):
    sent = ATTACKS[name]()

    def attack(_):
        connection = connect(service)
        with contextlib.suppress(ConnectionError):
            return connection.exchange(sent, half_close=True)[9:12]

    with ThreadPoolExecutor(16) as threads:
        statuses = set(threads.map(attack, range(32)))
    assert memory(service.worker, 'VmHWM') - service.idle_memory < MOST
    assert statuses <= {b'400', b'413', b'431', b'', None}
    assert do(service, 'echo', 1, PATH).json() == {'result': 1}
    assert service.worker_pids == [service.worker]
