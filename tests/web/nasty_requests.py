"""Requests that no well-meaning client sends: the bytes, answered 400 unless other statuses follow.

Several statuses: there are several requests in a row, of which a good one is answered 200. A tuple without any
status: the connection is closed without a word.
"""

import gzip
import json
import zlib

PATH = '/v1/BadModel'
# Of that model; tests/conftest.py sets it.
LIMIT = 16 * 1024
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


def value(raw: bytes) -> bytes:
    """Return the body whose `value` is `raw`."""
    return b'{"do":"echo","value":' + raw + b'}'


def packed(body, wbits=31) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(body) + packer.flush()


GOOD = post()
GOOD_CHUNKED = chunked(chunks(BODY))
GZIP, DEFLATE = 'Content-Encoding: gzip', 'Content-Encoding: deflate'
BOMB = gzip.compress(bytes(10 * 2**20))

LINES = {
    'nothing': (b'',),
    'an empty line': (b'\r\n',),
    'empty lines': (b'\r\n\r\n\r\n\r\n',),
    'a line feed': (b'\n',),
    'NUL alone': b'\0',
    'NULs': b'\0' * 5000,
    'noise': bytes(range(256)) * 8,
    'one letter': (b'P',),
    'half a method': (b'POS',),
    'a method alone': (b'POST',),
    'a method and a line end': b'POST\r\n\r\n',
    'half a request line': (f'POST {PATH}'.encode(),),
    'HTTP/0.9': (f'GET {PATH}\r\n'.encode(),),
    'HTTP/0.9 with headers': f'GET {PATH}\r\nHost: a\r\n\r\n'.encode(),
    'version 0.9': head(line=f'GET {PATH} HTTP/0.9'),
    'version 2.0': head(line=f'GET {PATH} HTTP/2.0'),
    'version 2': head(line=f'GET {PATH} HTTP/2'),
    'version 3.0': head(line=f'GET {PATH} HTTP/3.0'),
    'version 1.10': head(line=f'GET {PATH} HTTP/1.10'),
    'version 1': head(line=f'GET {PATH} HTTP/1'),
    'version -1.1': head(line=f'GET {PATH} HTTP/-1.1'),
    'version in small letters': head(line=f'GET {PATH} http/1.1'),
    'another protocol': head(line=f'GET {PATH} FTP/1.1'),
    'a version and more': head(line=f'GET {PATH} HTTP/1.1 x'),
    'HTTP/2 from the start': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(200),
    'the PROXY protocol': b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n' + GOOD,
    'the PROXY protocol, version 2': b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes(12) + GOOD,
    'SSH': b'SSH-2.0-OpenSSH_9.6\r\n',
    'SMTP': b'EHLO a\r\nMAIL FROM: <a@b>\r\n',
    'redis': b'*1\r\n$4\r\nPING\r\n',
    'an answer': b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'a method of one letter': head(line=f'X {PATH} HTTP/1.1'),
    'a method of 21 letters': head(line=f'{"X" * 21} {PATH} HTTP/1.1'),
    'a method of 8,000 letters': head(line=f'{"X" * 8000} {PATH} HTTP/1.1'),
    'a method in small letters': post(line=f'post {PATH} HTTP/1.1'),
    'a method with a NUL': head(line=f'PO\0ST {PATH} HTTP/1.1'),
    'a method with a bracket': head(line=f'PO(ST {PATH} HTTP/1.1'),
    'a method nobody knows': head(line=f'BREW {PATH} HTTP/1.1'),
    'TRACE': (head(line=f'TRACE {PATH} HTTP/1.1'), 405),
    'CONNECT': head(line='CONNECT example.com:443 HTTP/1.1'),
    'a space in front': b' ' + GOOD,
    'two spaces': (post(line=f'POST  {PATH} HTTP/1.1'), 200),
    'a tab for a space': post(line=f'POST\t{PATH}\tHTTP/1.1'),
    'no path': head(line='POST  HTTP/1.1'),
    'a line feed for a line end': GOOD.replace(b'\r\n', b'\n'),
    'a carriage return for a line end': GOOD.replace(b'\r\n', b'\r'),
    'a carriage return in the line': post(line=f'POST {PATH}\r HTTP/1.1'),
    'a request line of 9,000 bytes': (head(line=f'GET /{"x" * 9000} HTTP/1.1'), 404),
    'a request line of 1 MiB': head(line=f'GET /{"x" * 2**20} HTTP/1.1'),
    'a request line without end': b'GET /' + b'x' * 100_000,
}
PATHS = {
    'no slash': post(line=f'POST {PATH[1:]} HTTP/1.1'),
    'an asterisk': (post(line='POST * HTTP/1.1'), 404),
    'a NUL': post(line=f'POST {PATH}\0 HTTP/1.1'),
    'an encoded NUL': (post(line=f'POST {PATH}%00 HTTP/1.1'), 404),
    'an encoded line end': (post(line=f'POST {PATH}%0d%0aX-A:%20b HTTP/1.1'), 404),
    'an encoded line end and an answer': (post(line='POST /%0d%0a%0d%0aHTTP/1.1%20200%20OK HTTP/1.1'), 404),
    'an encoding that is none': (post(line=f'POST {PATH}%zz HTTP/1.1'), 404),
    'half an encoding': (post(line=f'POST {PATH}% HTTP/1.1'), 404),
    'encoded twice': (post(line='POST /v1/%2542adModel HTTP/1.1'), 404),
    'bad UTF-8': post(line=b'POST ' + PATH.encode() + b'\xff HTTP/1.1'),
    'encoded bad UTF-8': (post(line=f'POST {PATH}%ff%fe%c0%80 HTTP/1.1'), 404),
    'an encoded surrogate': (post(line=f'POST {PATH}%ed%a0%80 HTTP/1.1'), 404),
    'letters of other scripts': post(line=f'POST {PATH}范叶亮 HTTP/1.1'),
    'up': (post(line='POST /../../../../etc/passwd HTTP/1.1'), 404),
    'up, encoded': (post(line='POST /%2e%2e/%2e%2e/etc/passwd HTTP/1.1'), 404),
    'up from the page': (head(line='GET /page/../../conf/serving.conf HTTP/1.1'), 404),
    'up from the page, encoded': (head(line='GET /page/..%2f..%2fconf/serving.conf HTTP/1.1'), 404),
    'up with backslashes': (head(line='GET /page/..\\..\\conf\\serving.conf HTTP/1.1'), 404),
    'a file of the page with a NUL': (head(line='GET /page/page.js%00.css HTTP/1.1'), 404),
    'a file of the page with a name too long': (head(line=f'GET /page/{"x" * 4000} HTTP/1.1'), 404),
    'a thousand slashes': (post(line=f'POST {"/" * 1000} HTTP/1.1'), 405),
    'a thousand levels': (post(line=f'POST {"/a" * 1000} HTTP/1.1'), 404),
    'a template': (post(line='POST /{{7*7}} HTTP/1.1'), 404),
    'a script': (head(line='GET /<script>alert(1)</script> HTTP/1.1'), 404),
    'another host': (post(line='POST http://example.com/nowhere HTTP/1.1'), 404),
    'a host that is none': post(line=f'POST http://[::1{PATH} HTTP/1.1'),
    'a port that is none': post(line='POST http://a:99999999/nowhere HTTP/1.1'),
    'a scheme alone': post(line='POST http:// HTTP/1.1'),
    'another scheme': post(line='POST file:///etc/passwd HTTP/1.1'),
    'parameters of a segment': (post(line=f'POST {PATH};a=b HTTP/1.1'), 404),
}
HEADERS = {
    'no colon': post(BODY, 'X-A'),
    'no name': post(BODY, ': a'),
    'a space before the colon': post(BODY, 'X-A : b'),
    'a space before the name': head(' X-A: b', JSON),
    'a folded line': post(BODY, 'X-A: b\r\n c'),
    'a folded length': head(JSON, 'Content-Length:\r\n 23') + BODY,
    'a NUL in a name': post(BODY, b'X-\0A: b'),
    'a NUL in a value': post(BODY, b'X-A: b\0c'),
    'a carriage return in a value': post(BODY, b'X-A: b\rc'),
    'a line feed in a value': post(BODY, b'X-A: b\nX-B: c'),
    'a bracket in a name': post(BODY, 'X(A): b'),
    'a letter of another script in a name': post(BODY, 'X-é: b'),
    'a control character in a value': post(BODY, b'X-A: \x01\x02\x7f'),
    'only a line feed at the end of the head': GOOD.replace(b'\r\n\r\n', b'\r\n\n'),
    'two Host': post(BODY, 'Host: b'),
    '101 headers': (post(BODY, *(f'X-{number}: a' for number in range(101))), 200),
    '10,000 headers': post(BODY, *(f'X-{number}: a' for number in range(10_000))),
    'a header of 9,000 bytes': (post(BODY, f'X-A: {"a" * 9000}'), 200),
    'a header of 1 MiB': post(BODY, f'X-A: {"a" * 2**20}'),
    'a name of 9,000 bytes': (post(BODY, f'{"a" * 9000}: a'), 200),
    'headers without end': GOOD[: GOOD.index(b'\r\n\r\n')] + b'\r\nX-A: b' * 50_000,
    'an Expect nobody knows': (post(BODY, 'Expect: 200-ok'), 200),
    'Expect twice': (post(BODY, 'Expect: 100-continue', 'Expect: b'), 200),
    'an upgrade to HTTP/2': head(
        'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'
    ),
    'a WebSocket': (
        head('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a', line=f'GET {PATH} HTTP/1.1'),
        405,
    ),
    'no type': (post(BODY, content_type=None), 415),
    'an empty type': (post(BODY, content_type='Content-Type:'), 415),
    'a type that is none': (post(BODY, content_type='Content-Type: application/json/json'), 415),
    'a type of bad UTF-8': (post(BODY, content_type=b'Content-Type: \xff\xfe'), 415),
    'a type of 4,000 bytes': (post(BODY, content_type=f'Content-Type: {"x" * 4000}/json'), 415),
    'a form': (post(b'do=echo', content_type='Content-Type: application/x-www-form-urlencoded'), 415),
    'a form of many parts without a boundary': (post(BODY, content_type='Content-Type: multipart/form-data'), 415),
    'two types': (post(BODY, 'Content-Type: text/plain'), 415),
    'a timeout that is none': post(BODY, 'X-Request-Timeout: soon'),
    'a timeout below nothing': post(BODY, 'X-Request-Timeout: -1'),
    'a timeout without end': post(BODY, 'X-Request-Timeout: inf'),
    'two timeouts': post(BODY, 'X-Request-Timeout: 1', 'X-Request-Timeout: 2'),
    'a timeout of 8,000 digits': post(BODY, f'X-Request-Timeout: {"9" * 8000}'),
    'a timeout of other digits': post(BODY, 'X-Request-Timeout: ١٢'),
    'an id of 8,000 bytes': post(b'{}', f'X-Request-ID: {"x" * 8000}'),
    'an id of bad UTF-8': post(b'{}', b'X-Request-ID: \xff\xfe'),
    'cookies': post(b'{}', f'Cookie: {"a=b;" * 2000}'),
    'an origin that is none': post(b'{}', 'Origin: %%%'),
    'a range': (head('Range: bytes=0-0,1-1,2-', line='GET /v1/BadModel HTTP/1.1'), 405),
    'another method meant': (head('X-HTTP-Method-Override: POST', line=f'GET {PATH} HTTP/1.1'), 405),
    'a script name': post(b'{}', 'Script-Name: /v1', 'X-Script-Name: /v1'),
}
LENGTHS = {
    'no length': head(JSON) + BODY,
    'two lengths that differ': post(BODY, 'Content-Length: 5'),
    'two equal lengths': post(BODY, f'Content-Length: {len(BODY)}'),
    'two lengths in one': post(BODY, length='23, 23'),
    'below nothing': post(length=-1),
    'with a plus': post(length='+23'),
    'a fraction': post(length='23.0'),
    'in hexadecimal': post(length='0x17'),
    'with an underscore': post(length='2_3'),
    'no number': post(length='many'),
    'empty': post(length=''),
    'other digits': post(length='２３'),
    'with a space within': post(length='2 3'),
    'a million digits': post(length='9' * 2**20),
    '4,400 digits': post(length='9' * 4400),
    '20 digits': post(length='9' * 20),
    'one byte too many': (post(length=len(BODY) + 1), 408),
    'far too many': (post(length=LIMIT - 1), 408),
    'one byte too few': post(length=len(BODY) - 1),
    'none': post(length=0),
    'length and chunks': head(JSON, 'Content-Length: 23', CHUNKED) + chunks(BODY),
    'chunks and length': head(JSON, CHUNKED, 'Content-Length: 23') + chunks(BODY),
    'one byte over the limit': (post(b'"' + b'x' * (LIMIT - 1) + b'"'), 413),
    'over the limit by far': (post(b'"' + b'x' * 2**21 + b'"'), 413),
    'over the limit, at nothing': (post(b'x' * 2**21, line='POST /nowhere HTTP/1.1'), 404),
    'over the limit, by GET': (post(b'x' * 2**21, line=f'GET {PATH} HTTP/1.1'), 405),
}
CHUNKS = {
    'no chunk': (chunked(b''), 408),
    'nothing but the end': chunked(b'0\r\n\r\n'),
    'no end': (chunked(b'17\r\n' + BODY + b'\r\n'), 408),
    'half an end': (chunked(b'17\r\n' + BODY + b'\r\n0\r\n'), 408),
    'cut in a chunk': (chunked(b'17\r\n' + BODY[:10]), 408),
    'cut in a size': (chunked(b'17'), 408),
    'a size that is none': chunked(b'zz\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'an empty size': chunked(b'\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size below nothing': chunked(b'-1\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size with 0x': chunked(b'0x17\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size with an underscore': chunked(b'1_7\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size with a space in front': chunked(b' 17\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size too small': chunked(b'16\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size too large': chunked(b'18\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a size of 16 digits': (chunked(b'f' * 16 + b'\r\n' + BODY), 408),
    'a size of 100,000 digits': chunked(b'f' * 100_000 + b'\r\n' + BODY),
    'a size of a thousand zeros': chunked(b'0' * 1000 + b'17x\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'an extension that is none': chunked(b'17;\x01\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'an extension without end': (chunked(b'17;' + b'a' * 100_000 + b'\r\n' + BODY + b'\r\n0\r\n\r\n'), 200),
    'line feeds for line ends': chunked(chunks(BODY).replace(b'\r\n', b'\n')),
    'a carriage return in a size': chunked(b'17;\r\r\n' + BODY + b'\r\n0\r\n\r\n'),
    'a trailer that is none': chunked(chunks(BODY)[:-2] + b'no colon\r\n\r\n'),
    'a trailer with a NUL': chunked(chunks(BODY)[:-2] + b'X-A: \0\r\n\r\n'),
    'trailers without end': (chunked(chunks(BODY)[:-2] + b'X-A: b\r\n' * 50_000), 408),
    'over the limit': (chunked(chunks(b'"' + b'x' * LIMIT + b'"')), 413),
    'over the limit by far': (chunked(chunks(b'"' + b'x' * 2**21 + b'"')), 413),
    'over the limit, byte by byte': (chunked(chunks(b'"' + b'x' * LIMIT + b'"', 1)), 413),
    'chunked twice': head(JSON, 'Transfer-Encoding: chunked, chunked') + chunks(BODY),
    'chunked in two headers': head(JSON, CHUNKED, CHUNKED) + chunks(BODY),
    'not chunked last': head(JSON, 'Transfer-Encoding: chunked, gzip') + chunks(BODY),
    'packed on the way': head(JSON, 'Transfer-Encoding: gzip, chunked') + chunks(packed(BODY)),
    'identity': head(JSON, 'Transfer-Encoding: identity') + BODY,
    'an encoding nobody knows': head(JSON, 'Transfer-Encoding: cow') + chunks(BODY),
    'an encoding with a tab': head(JSON, 'Transfer-Encoding:\tcow') + chunks(BODY),
    'an encoding with a quote': head(JSON, 'Transfer-Encoding: "chunked"') + chunks(BODY),
    'an empty encoding': head(JSON, 'Transfer-Encoding:') + chunks(BODY),
    'an underscore for the dash': head(JSON, 'Transfer_Encoding: chunked') + chunks(BODY),
    'by HTTP/1.0': head(JSON, CHUNKED, line=f'POST {PATH} HTTP/1.0') + chunks(BODY),
}
BODIES = {
    'cut after a byte': (post(BODY[:1], length=len(BODY)), 408),
    'cut before a byte': (post(BODY[:-1], length=len(BODY)), 408),
    'not there': (post(b'', length=len(BODY)), 408),
    'cut on the way of Flask': (post(BODY[:-1], length=len(BODY), content_type=f'{JSON}; a=b'), 408),
    'cut and packed': (post(packed(BODY)[:-9], GZIP, length=len(packed(BODY))), 408),
    'half an object': post(b'{"do":'),
    'bad UTF-8': post(value(b'"\xff"')),
    'a long form of UTF-8': post(value(b'"\xc0\x80"')),
    'a surrogate in UTF-8': post(value(b'"\xed\xa0\x80"')),
    'half a letter': post(value(b'"\xe8\x8c"')),
    'half a surrogate': post(value(b'"\\ud800"')),
    'UTF-16': post('{"do":"echo"}'.encode('utf-16')),
    'UTF-32': post('{"do":"echo"}'.encode('utf-32')),
    'a byte order mark': post(b'\xef\xbb\xbf' + BODY),
    'NUL': post(b'\0'),
    'NULs': post(b'\0' * LIMIT),
    'NUL after an object': post(BODY + b'\0'),
    'a bare NUL in a text': post(value(b'"\0"')),
    'a bare line end in a text': post(value(b'"\r\n"')),
    'two objects': post(BODY + BODY),
    'an object a line': post(BODY + b'\n' + BODY),
    'a comment': post(b'/**/' + BODY),
    'pickle': post(b'\x80\x04\x95\x06\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.'),
    'XML that names a file': post(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    'deep, open': post(b'[' * LIMIT),
    'deep, closed': post(b'[' * (LIMIT // 2) + b']' * (LIMIT // 2)),
    'deep objects': post(b'{"a":' * 2000 + b'1' + b'}' * 2000),
    'deep in a value': post(value(b'[' * 300 + b']' * 300)),
    'closing brackets': post(b']' * LIMIT),
    'a number without end': post(value(b'9' * 16_000)),
    'a fraction without end': post(b'{"do":0.' + b'9' * 16_000 + b'}'),
    'an exponent without end': post(value(b'1e' + b'9' * 16_000)),
    'infinity': post(value(b'1e999')),
    'NaN': post(value(b'NaN')),
    '2 to the 64': post(value(b'18446744073709551616')),
    'a number with a zero in front': post(value(b'012')),
    'a text without end': post(b'"' + b'x' * 16_000),
    'escapes without end': post(b'"' + b'\\u0000' * 2700),
    'a key that is long': post(b'{"' + b'x' * 16_000 + b'":1}'),
    'a key of NULs': post(b'{"' + b'\\u0000' * 2700 + b'":1}'),
    'thousands of keys': post(json.dumps({str(number): 1 for number in range(1500)}).encode()),
    'thousands of keys that are nearly right': (post(json.dumps({f'valu{n}': 1 for n in range(1200)}).encode()), 413),
    'a prototype': post(b'{"__proto__":{"do":"echo"},"constructor":1}'),
    'a list': post(b'[1,2,3]'),
    'a text': post(b'"echo"'),
    'null': post(b'null'),
    'true': post(b'true'),
    'spaces': post(b' ' * LIMIT),
    'another type': post(b'{"do":{"do":{"do":[]}}}'),
    'a name that the pattern refuses slowly': post(b'{"do":"' + b'a' * 16_000 + b'!"}'),
}
PACKED = {
    'not gzip': post(BODY, GZIP),
    'not deflate': post(BODY, DEFLATE),
    'gzip, called deflate': post(packed(BODY), DEFLATE),
    'cut': post(packed(BODY)[:-4], GZIP),
    'a head alone': post(packed(BODY)[:10], GZIP),
    'another sum': post(packed(BODY)[:-8] + bytes(8), GZIP),
    'something behind': post(packed(BODY) + b'x', GZIP),
    'two after each other': post(packed(BODY) * 2, GZIP),
    'packed twice': post(packed(packed(BODY)), GZIP),
    'packed twice, and told': (post(packed(packed(BODY)), 'Content-Encoding: gzip, gzip'), 415),
    'two headers': (post(packed(packed(BODY)), GZIP, GZIP), 415),
    'an encoding nobody knows': (post(BODY, 'Content-Encoding: cow'), 415),
    'an encoding of bad UTF-8': (post(BODY, b'Content-Encoding: \xff\xfe'), 415),
    'an encoding of 4,000 bytes': (post(BODY, f'Content-Encoding: {"x" * 4000}'), 415),
    'br': (post(BODY, 'Content-Encoding: br'), 415),
    'a dictionary': post(b'\x78\xbb' + bytes(20), DEFLATE),
    'a method nobody knows': post(b'\x1f\x8b\x07' + bytes(20), GZIP),
    'a name without end': post(b'\x1f\x8b\x08\x08' + bytes(6) + b'a' * 16_000, GZIP),
    'NULs': post(bytes(LIMIT), DEFLATE),
    'a bomb': (post(BOMB, GZIP), 413),
    'a bomb in chunks': (chunked(chunks(BOMB), GZIP), 413),
    'a bomb of deflate': (post(packed(bytes(10 * 2**20), 15), DEFLATE), 413),
    'a bomb without a frame': (post(packed(bytes(10 * 2**20), -15), DEFLATE), 413),
    'a bomb in a bomb': post(packed(packed(bytes(10 * 2**20))), GZIP),
    'a bomb at nothing': (post(BOMB, GZIP, line='POST /nowhere HTTP/1.1'), 404),
    'a bomb of empty blocks': post(packed(b'')[:10] + b'\0\0\0\xff\xff' * 3000, GZIP),
    'a bomb that is deep': post(packed(b'[' * LIMIT), GZIP),
    'a bomb of one number': post(packed(b'9' * LIMIT), GZIP),
}
SEVERAL = {
    'a good one and noise': (GOOD + b'\0\xff' * 50, 200),
    'a good one and half of one': (GOOD + GOOD[:-5], 200, 408),
    'a good one and a bad one': (GOOD + post(b'{'), 200, 400),
    'a good one and one without a type': (GOOD + post(content_type=None), 200, 415),
    'a bad one and a good one': (post(b'{') + GOOD, 400, 200),
    'one too large and a good one': (post(b'x' * (LIMIT + 1)) + GOOD, 413),
    'one too large by far and a good one': (post(b'x' * 2**22) + GOOD, 413),
    'one at nothing and a good one': (post(line='POST /nowhere HTTP/1.1') + GOOD, 404, 200),
    'good chunks and bad ones': (GOOD_CHUNKED + chunked(b'zz\r\n'), 200),
    'bad chunks and a good one': chunked(b'zz\r\n') + GOOD,
    'a good one behind a byte too many': (GOOD + b'X' + GOOD, 200),
    'a good one hidden behind chunks': head(JSON, 'Content-Length: 4', CHUNKED) + b'0\r\n\r\n' + GOOD,
    'a good one hidden in a body': post(GOOD),
    'a hundred bad ones': (post(b'{}') * 100, *[400] * 100),
    'a good one that closes, and another': (post(BODY, 'Connection: close') + GOOD, 200),
    'a good one by HTTP/1.0, and another': (post(line=f'POST {PATH} HTTP/1.0') + GOOD, 200),
}

TABLES = {
    'line': LINES,
    'path': PATHS,
    'header': HEADERS,
    'length': LENGTHS,
    'chunks': CHUNKS,
    'body': BODIES,
    'packed body': PACKED,
    'several': SEVERAL,
}
