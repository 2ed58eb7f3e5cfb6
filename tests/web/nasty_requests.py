"""Requests that no well-meaning client sends: the bytes, answered 400 unless other statuses follow.

Several statuses: there are several requests in a row, of which a good one is answered 200. A tuple without any
status: the connection is closed without a word.
"""

import gzip
import json
import zlib
from functools import partial

PATH = '/v1/BadModel'
# Of that model; tests/conftest.py sets it.
LIMIT = 16 * 1024
MIB = 2**20
BODY = b'{"do":"echo","value":1}'
JSON = 'Content-Type: application/json'
CHUNKED = 'Transfer-Encoding: chunked'


def head(*headers, line=f'POST {PATH} HTTP/1.1', host='Host: a') -> bytes:
    """Return the head of a request; `headers` are bytes or text."""
    lines = [line, *([host] if host else []), *headers]
    return b''.join((text if isinstance(text, bytes) else text.encode()) + b'\r\n' for text in lines) + b'\r\n'


def post(body=BODY, *headers, length=None, content_type=JSON, **parts) -> bytes:
    """Return a request with `body`, and a Content-Length that may be wrong."""
    length = len(body) if length is None else length
    return head(*([content_type] if content_type else []), f'Content-Length: {length}', *headers, **parts) + body


def chunked(body, *headers) -> bytes:
    """Return a request whose `body` is the raw bytes of its chunks."""
    return head(JSON, CHUNKED, *headers) + body


def chunks(body, size=4096) -> bytes:
    """Cut `body` into chunks, as they should be."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in parts) + b'0\r\n\r\n'


def packed(body, wbits=31) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(body) + packer.flush()


def each(name, make, *values, statuses=(400,)) -> dict:
    """Return a request for each value, which stands in its name; `make` makes the bytes of it."""
    rows = {f'{name} {value!r:.60}': (make(value), *statuses) for value in values}
    assert len(rows) == len(values)
    return rows


def to(url):
    return post(line=f'POST {url} HTTP/1.1')


def get(url):
    return head(line=f'GET {url} HTTP/1.1')


def with_chunk_size(size):
    return chunked(size + b'\r\n' + BODY + b'\r\n0\r\n\r\n')


GOOD = post()
GZIP, DEFLATE = 'Content-Encoding: gzip', 'Content-Encoding: deflate'
BOMB = gzip.compress(bytes(10 * MIB))

LINES = {
    **each('nothing but', bytes, b'', b'\r\n', b'\r\n\r\n\r\n\r\n', b'\n', b'P', b'POS', b'POST', b'POST /v1/BadModel',
           b'GET /v1/BadModel\r\n', statuses=()),
    **each('of another protocol', bytes, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'SSH-2.0-OpenSSH_9.6\r\n',
           b'EHLO a\r\nMAIL FROM: <a@b>\r\n', b'*1\r\n$4\r\nPING\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
           b'POST\r\n\r\n', b'GET /v1/BadModel\r\nHost: a\r\n\r\n'),
    'TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(200),
    'the PROXY protocol': b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n' + GOOD,
    'the PROXY protocol, version 2': b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes(12) + GOOD,
    **each('noise', bytes, b'\0', b'\0' * 5000, bytes(range(256)) * 8),
    **each('version', lambda version: head(line=f'GET {PATH} {version}'), 'HTTP/0.9', 'HTTP/2.0', 'HTTP/2', 'HTTP/3.0',
           'HTTP/1.10', 'HTTP/1', 'HTTP/-1.1', 'http/1.1', 'FTP/1.1', 'HTTP/1.1 x'),
    **each('method', lambda method: post(line=f'{method} {PATH} HTTP/1.1'), 'X', 'X' * 21, 'X' * 8000, 'post', 'PO\0ST',
           'PO(ST', 'BREW', ' POST'),
    'TRACE': (head(line=f'TRACE {PATH} HTTP/1.1'), 405),
    'CONNECT': head(line='CONNECT example.com:443 HTTP/1.1'),
    'two spaces': (post(line=f'POST  {PATH} HTTP/1.1'), 200),
    **each('line', lambda line: post(line=line), f'POST\t{PATH}\tHTTP/1.1', f'POST {PATH}\r HTTP/1.1'),
    'a line feed for a line end': GOOD.replace(b'\r\n', b'\n'),
    'a carriage return for a line end': GOOD.replace(b'\r\n', b'\r'),
    'a request line of 9,000 bytes': (get('/' + 'x' * 9000), 404),
    'a request line of 1 MiB': get('/' + 'x' * MIB),
    'a request line without end': b'GET /' + b'x' * 100_000,
}  # fmt: skip
PATHS = {
    **each('no URL', to, '', PATH[1:], f'{PATH}\0', f'{PATH}范叶亮', f'http://[::1{PATH}', 'http://a:99999999/nowhere',
           'http://', 'file:///etc/passwd'),
    'bad UTF-8': post(line=b'POST ' + PATH.encode() + b'\xff HTTP/1.1'),
    **each('nothing at', to, '*', f'{PATH}%00', f'{PATH}%0d%0aX-A:%20b', '/%0d%0a%0d%0aHTTP/1.1%20200%20OK',
           f'{PATH}%zz', f'{PATH}%', '/v1/%2542adModel', f'{PATH}%ff%fe%c0%80', f'{PATH}%ed%a0%80', f'{PATH};a=b',
           '/v1//BadModel', '/v1/BadModel/', '/v1/../v1/BadModel', '/v1/badmodel',
           '/../../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/a' * 1000, '/{{7*7}}',
           'http://example.com/nowhere', statuses=(404,)),
    **each('no page at', get, '/page/../../conf/serving.conf', '/page/..%2f..%2fconf/serving.conf',
           '/page/..\\..\\conf\\serving.conf', '/page/page.js%00.css', f'/page/{"x" * 4000}',
           '/%2e%2e%2fREADME.md', '/<script>alert(1)</script>', statuses=(404,)),
    'a thousand slashes': (to('/' * 1000), 405),
}  # fmt: skip
HEADERS = {
    **each('header', partial(post, BODY), 'X-A', ': a', 'X-A : b', 'X-A: b\r\n c', b'X-\0A: b', b'X-A: b\0c',
           b'X-A: b\rc', b'X-A: b\nX-B: c', 'X(A): b', 'X-é: b', b'X-A: \x01\x02\x7f', 'Host: b', f'X-A: {"a" * MIB}'),
    **each('harmless header', partial(post, BODY), f'X-A: {"a" * 9000}', f'{"a" * 9000}: a', 'Expect: 200-ok',
           statuses=(200,)),
    'a space before the first name': head(' X-A: b', JSON),
    'a folded length': head(JSON, 'Content-Length:\r\n 23') + BODY,
    'only a line feed at the end of the head': GOOD.replace(b'\r\n\r\n', b'\r\n\n'),
    '101 headers': (post(BODY, *(f'X-{number}: a' for number in range(101))), 200),
    '10,000 headers': post(BODY, *(f'X-{number}: a' for number in range(10_000))),
    'headers without end': GOOD[: GOOD.index(b'\r\n\r\n')] + b'\r\nX-A: b' * 50_000,
    'Expect twice': (post(BODY, 'Expect: 100-continue', 'Expect: b'), 200),
    'an upgrade to HTTP/2': head('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQ'),
    **each('GET with', lambda headers: head(*headers, line=f'GET {PATH} HTTP/1.1'),
           ('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a'), ('Range: bytes=0-0,1-1,2-',),
           ('X-HTTP-Method-Override: POST',), statuses=(200,)),
    **each('type', lambda text: post(content_type=b'Content-Type:' + text), b'', b' application/json/json',
           b' \xff\xfe', b' ' + b'x' * 4000 + b'/json', b' application/x-www-form-urlencoded',
           b' multipart/form-data', statuses=(415,)),
    'no type': (post(content_type=None), 415),
    'two types': (post(BODY, 'Content-Type: text/plain'), 415),
    **each('time-out', lambda text: post(BODY, f'X-Request-Timeout: {text}'), 'inf', '9' * 8000, '١٢'),
    'two time-outs': post(BODY, 'X-Request-Timeout: 1', 'X-Request-Timeout: 2'),
    **each('a bad body with', lambda header: post(b'{}', header), f'X-Request-ID: {"x" * 8000}',
           b'X-Request-ID: \xff\xfe', f'Cookie: {"a=b;" * 2000}', 'Origin: %%%', 'Script-Name: /v1'),
}  # fmt: skip
LENGTHS = {
    'no length': head(JSON) + BODY,
    **each('a second length of', lambda length: post(BODY, f'Content-Length: {length}'), 5, len(BODY)),
    **each('length', lambda length: post(length=length), '23, 23', -1, '+23', '23.0', '0x17', '2_3', 'many', '', '２３',
           '2 3', '9' * 20, '8' * 4400, '7' * MIB, 0, len(BODY) - 1),
    'a byte more than comes': (post(length=len(BODY) + 1), 408),
    'far more than comes': (post(length=LIMIT - 1), 408),
    'length and chunks': head(JSON, 'Content-Length: 23', CHUNKED) + chunks(BODY),
    'chunks and length': head(JSON, CHUNKED, 'Content-Length: 23') + chunks(BODY),
    'one byte over the limit': (post(b'"' + b'x' * (LIMIT - 1) + b'"'), 413),
    'over the limit by far': (post(b'"' + b'x' * 2 * MIB + b'"'), 413),
    'over the limit, at nothing': (post(b'x' * 2 * MIB, line='POST /nowhere HTTP/1.1'), 404),
    'over the limit, by GET': (post(b'x' * 2 * MIB, line=f'GET {PATH} HTTP/1.1'), 200),
}  # fmt: skip
CHUNKS = {
    **each('size', with_chunk_size, b'zz', b'', b'-1', b'0x17', b'1_7', b' 17', b'16', b'18', b'f' * 100_000,
           b'0' * 1000 + b'17x', b'17;\x01', b'17;\r'),
    **each('incomplete', chunked, b'', b'17', b'17\r\n' + BODY[:10], b'17\r\n' + BODY + b'\r\n',
           b'17\r\n' + BODY + b'\r\n0\r\n', b'f' * 16 + b'\r\n' + BODY, statuses=(408,)),
    'nothing but the end': chunked(b'0\r\n\r\n'),
    'an extension without end': (with_chunk_size(b'17;' + b'a' * 100_000), 200),
    'line feeds for line ends': chunked(chunks(BODY).replace(b'\r\n', b'\n')),
    **each('trailer', lambda trailer: chunked(chunks(BODY)[:-2] + trailer + b'\r\n\r\n'), b'no colon', b'X-A: \0'),
    'trailers without end': (chunked(chunks(BODY)[:-2] + b'X-A: b\r\n' * 50_000), 408),
    'over the limit': (chunked(chunks(b'"' + b'x' * LIMIT + b'"')), 413),
    'over the limit by far': (chunked(chunks(b'"' + b'x' * 2 * MIB + b'"')), 413),
    'over the limit, byte by byte': (chunked(chunks(b'"' + b'x' * LIMIT + b'"', 1)), 413),
    **each('encoding', lambda text: head(JSON, f'Transfer-Encoding:{text}') + chunks(BODY), ' chunked, chunked',
           ' chunked, gzip', ' gzip, chunked', ' identity', ' cow', '\tcow', ' "chunked"', ''),
    'chunked in two headers': head(JSON, CHUNKED, CHUNKED) + chunks(BODY),
    'an underscore for the dash': head(JSON, 'Transfer_Encoding: chunked') + chunks(BODY),
    'by HTTP/1.0': head(JSON, CHUNKED, line=f'POST {PATH} HTTP/1.0') + chunks(BODY),
}  # fmt: skip
BODIES = {
    **each('incomplete', lambda body: post(body, length=len(BODY)), b'', BODY[:1], BODY[:-1], statuses=(408,)),
    'incomplete, on the way of Flask': (post(BODY[:-1], length=len(BODY), content_type=f'{JSON}; a=b'), 408),
    'incomplete and packed': (post(packed(BODY)[:-9], GZIP, length=len(packed(BODY))), 408),
    # Of the bad UTF-8: a byte that begins no letter, a longer form than need be, a surrogate, and half a letter.
    **each('value', lambda raw: post(b'{"do":"echo","value":' + raw + b'}'), b'"\xff"', b'"\xc0\x80"',
           b'"\xed\xa0\x80"', b'"\xe8\x8c"', b'"\\ud800"', b'"\0"', b'"\r\n"', b'[' * 300 + b']' * 300,
           b'9' * 16_000, b'1e' + b'9' * 16_000, b'1e999', b'NaN', b'18446744073709551616', b'012'),
    **each('body', post, b'{"do":', b'\xef\xbb\xbf' + BODY, BODY.decode().encode('utf-16'),
           BODY.decode().encode('utf-32'), b'\0', BODY + b'\0', BODY + BODY, BODY + b'\n' + BODY, b'/**/' + BODY,
           b'[1,2,3]', b'"echo"', b'null', b'true', b'{"do":{"do":{"do":[]}}}',
           b'{"__proto__":{"do":"echo"},"constructor":1}'),
    **each('without end', post, b'\0' * LIMIT, b'[' * LIMIT, b']' * LIMIT, b' ' * LIMIT, b'"' + b'x' * 16_000,
           b'"' + b'\\u0000' * 2700, b'{"do":0.' + b'9' * 16_000 + b'}', b'{"' + b'x' * 16_000 + b'":1}',
           b'{"' + b'\\u0000' * 2700 + b'":1}', b'{"a":' * 2000 + b'1' + b'}' * 2000),
    'deep, closed': post(b'[' * (LIMIT // 2) + b']' * (LIMIT // 2)),
    'pickle': post(b'\x80\x04\x95\x06\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.'),
    'XML that names a file': post(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    **each('wrong at length', lambda value: post(json.dumps(value, ensure_ascii=False).encode()), {'do': '\0' * 2000},
           {'\0' * 100 + str(number): 1 for number in range(20)}, {'😀' * 300 + str(n): '😀' for n in range(10)},
           [['x'] * 1000] * 3, 'x' * 15_000),
    'thousands of keys': post(json.dumps({str(number): 1 for number in range(1500)}).encode()),
    'thousands of keys that are nearly right': (post(json.dumps({f'valu{n}': 1 for n in range(1200)}).encode()), 413),
    'a name that the pattern refuses slowly': post(b'{"do":"' + b'a' * 16_000 + b'!"}'),
}  # fmt: skip
PACKED = {
    'not deflate': post(BODY, DEFLATE),
    'gzip, called deflate': post(packed(BODY), DEFLATE),
    'a dictionary': post(b'\x78\xbb' + bytes(20), DEFLATE),
    'not gzip': post(BODY, GZIP),
    'cut': post(packed(BODY)[:-4], GZIP),
    'a head alone': post(packed(BODY)[:10], GZIP),
    'another sum': post(packed(BODY)[:-8] + bytes(8), GZIP),
    'something behind': post(packed(BODY) + b'x', GZIP),
    'two after each other': post(packed(BODY) * 2, GZIP),
    'packed twice, and told': (post(packed(packed(BODY)), GZIP, GZIP), 415),
    **each('encoding', lambda text: post(BODY, b'Content-Encoding: ' + text), b'gzip, gzip', b'cow', b'\xff\xfe',
           b'x' * 4000, b'br', statuses=(415,)),
    'a method nobody knows': post(b'\x1f\x8b\x07' + bytes(20), GZIP),
    'a name without end': post(b'\x1f\x8b\x08\x08' + bytes(6) + b'a' * 16_000, GZIP),
    'a bomb': (post(BOMB, GZIP), 413),
    'a bomb in chunks': (chunked(chunks(BOMB), GZIP), 413),
    'a bomb of deflate': (post(packed(bytes(10 * MIB), 15), DEFLATE), 413),
    'a bomb without a frame': (post(packed(bytes(10 * MIB), -15), DEFLATE), 413),
    'a bomb in a bomb': post(packed(packed(bytes(10 * MIB))), GZIP),
    'a bomb at nothing': (post(BOMB, GZIP, line='POST /nowhere HTTP/1.1'), 404),
    'a bomb of empty blocks': post(packed(b'')[:10] + b'\0\0\0\xff\xff' * 3000, GZIP),
    **each('a bomb of', lambda byte: post(packed(byte * LIMIT), GZIP), b'[', b'9'),
}  # fmt: skip
SEVERAL = {
    'a good one and noise': (GOOD + b'\0\xff' * 50, 200),
    'a good one and half of one': (GOOD + GOOD[:-5], 200, 408),
    'a good one and a bad one': (GOOD + post(b'{'), 200, 400),
    'a good one and one without a type': (GOOD + post(content_type=None), 200, 415),
    'a bad one and a good one': (post(b'{') + GOOD, 400, 200),
    'one too large and a good one': (post(b'x' * (LIMIT + 1)) + GOOD, 413),
    'one too large by far and a good one': (post(b'x' * 4 * MIB) + GOOD, 413),
    'one at nothing and a good one': (to('/nowhere') + GOOD, 404, 200),
    'good chunks and bad ones': (chunked(chunks(BODY)) + chunked(b'zz\r\n'), 200),
    'bad chunks and a good one': chunked(b'zz\r\n') + GOOD,
    'a good one behind a byte too many': (GOOD + b'X' + GOOD, 200),
    'a good one hidden behind chunks': head(JSON, 'Content-Length: 4', CHUNKED) + b'0\r\n\r\n' + GOOD,
    'a good one hidden in a body': post(GOOD),
    'a hundred bad ones': (post(b'{}') * 100, *[400] * 100),
    'a good one that closes, and another': (post(BODY, 'Connection: close') + GOOD, 200),
    'a good one by HTTP/1.0, and another': (post(line=f'POST {PATH} HTTP/1.0') + GOOD, 200),
}

TABLES = {
    'line': LINES, 'path': PATHS, 'header': HEADERS, 'length': LENGTHS, 'chunks': CHUNKS, 'body': BODIES,
    'packed body': PACKED, 'several': SEVERAL,
}  # fmt: skip
