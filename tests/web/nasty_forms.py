"""Forms that nobody should send: name → Content-Type, body and the status of the answer."""

B = 'b0undary'
TYPE = f'multipart/form-data; boundary={B}'
END = f'--{B}--\r\n'
COUNT = 'Content-Disposition: form-data; name="count"\r\n\r\n3\r\n'


def part(head='Content-Disposition: form-data; name="file"; filename="a"', body='x', start=f'--{B}\r\n'):
    return f'{start}{head}\r\n\r\n{body}\r\n'


def form(*parts, end=END):
    return ''.join([*parts, end])


def named(name, body='x', **more):
    options = ''.join(f'; {key}={value}' for key, value in more.items())
    return part(f'Content-Disposition: form-data; name={name}{options}', body)


FILE, GOOD_COUNT = part(), named('count', '3')
GOOD = form(FILE, GOOD_COUNT)
NESTED = 'Content-Type: multipart/mixed; boundary=inner\r\nContent-Disposition: form-data; name="{}"'

BOUNDARIES = {
    'no boundary': ('multipart/form-data', GOOD),
    'an empty boundary': ('multipart/form-data; boundary=', GOOD),
    'an empty quoted boundary': ('multipart/form-data; boundary=""', GOOD),
    'another boundary': ('multipart/form-data; boundary=other', GOOD),
    'a boundary of 5000 letters': (f'multipart/form-data; boundary={"b" * 5000}', GOOD.replace(B, 'b' * 5000)),
    'a boundary beyond ASCII': ('multipart/form-data; boundary="é"', GOOD),
    'the boundary of a boundary': (TYPE, GOOD.replace(B, B + 'x')),
    'in another case': (TYPE, GOOD.replace(B, B.upper())),
    'boundaries without dashes': (TYPE, GOOD.replace('--', '')),
    'bytes after the first boundary': (TYPE, GOOD.replace(f'{B}\r\n', f'{B}garbage\r\n', 1)),
    'bytes after the last boundary': (TYPE, GOOD.replace(END, f'--{B}!!')),
    'the boundary in the middle of a line': (TYPE, 'text' + GOOD),
    'nothing but boundaries': (TYPE, f'--{B}\r\n' * 100 + END),
    '10,000 half boundaries': (TYPE, f'\r\n--{B[:-1]}' * 10_000),
}
CUT = {
    'an empty form': (TYPE, END),
    'no end': (TYPE, form(FILE, GOOD_COUNT, end='')),
    'half an end': (TYPE, form(FILE, GOOD_COUNT, end=f'--{B}-')),
    'cut in the data': (TYPE, GOOD[:70]),
    'cut in a header': (TYPE, GOOD[:30]),
    'cut after the headers': (TYPE, GOOD[: GOOD.index('x\r\n')]),
    'cut in the first boundary': (TYPE, f'--{B[:3]}'),
    'no body after a boundary': (TYPE, f'--{B}\r\n\r\n'),
    'JSON': (TYPE, '{"file": "AAAA", "count": 3}'),
    'zeros': (TYPE, '\0' * 50_000),
    'line breaks of Unix': (TYPE, GOOD.replace('\r\n', '\n')),
    'line breaks of the Mac': (TYPE, GOOD.replace('\r\n', '\r')),
}
HEADERS = {
    'no headers': (TYPE, form(f'--{B}\r\n\r\nx\r\n', GOOD_COUNT)),
    'no disposition': (TYPE, form(part('Content-Type: image/png'), GOOD_COUNT)),
    'another disposition': (TYPE, form(part('Content-Disposition: attachment; name="file"'), GOOD_COUNT)),
    'no name': (TYPE, form(part('Content-Disposition: form-data'), GOOD_COUNT)),
    'an empty name': (TYPE, form(named('""'), FILE, GOOD_COUNT)),
    'a name of 100,000 letters': (TYPE, form(named('n' * 100_000), FILE, GOOD_COUNT)),
    'a header without a colon': (TYPE, form(part('Content-Disposition form-data'), GOOD_COUNT)),
    'a header with a space in its name': (TYPE, form(part('Content Disposition: form-data'), GOOD_COUNT)),
    'a header of 900 kB': (TYPE, form(part(f'X: {"x" * 900_000}'), FILE, GOOD_COUNT)),
    'headers without end': (TYPE, f'--{B}\r\n' + 'A: b\r\n' * 150_000),
    '1000 headers': (TYPE, form(part('\r\n'.join(['A: b'] * 1000)), FILE, GOOD_COUNT)),
    'a header in two lines': (TYPE, form(part('Content-Disposition: form-data;\r\n name="file"'), GOOD_COUNT)),
    'a NUL in the name': (TYPE, form(named('"fi\0le"'), FILE, GOOD_COUNT)),
    'base64 as a transfer encoding': (
        TYPE,
        form(part('Content-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64'), GOOD_COUNT),
    ),
    'two transfer encodings': (
        TYPE,
        form(
            part(
                'Content-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: binary\r\n'
                'Content-Transfer-Encoding: base64'
            ),
            GOOD_COUNT,
        ),
    ),
    'two dispositions': (
        TYPE,
        form(
            part('Content-Disposition: form-data; name="file"\r\nContent-Disposition: form-data; name="note"'),
            GOOD_COUNT,
        ),
    ),
    'a longer Content-Length': (
        TYPE,
        form(part('Content-Disposition: form-data; name="file"\r\nContent-Length: 9'), GOOD_COUNT),
    ),
    'a shorter Content-Length': (
        TYPE,
        form(part('Content-Disposition: form-data; name="file"\r\nContent-Length: 0'), GOOD_COUNT),
    ),
    'a negative Content-Length': (
        TYPE,
        form(part('Content-Disposition: form-data; name="file"\r\nContent-Length: -1'), GOOD_COUNT),
    ),
    'another charset': (
        TYPE,
        form(FILE, part('Content-Disposition: form-data; name=count\r\nContent-Type: text/plain; charset=utf-16', '3')),
    ),
}
PARTS = {
    'an unknown part': (TYPE, form(FILE, GOOD_COUNT, named('other'))),
    'a misspelt part': (TYPE, form(named('fil', filename='a'), GOOD_COUNT)),
    'a file twice': (TYPE, form(FILE, FILE, GOOD_COUNT)),
    'a value twice': (TYPE, form(FILE, GOOD_COUNT, GOOD_COUNT)),
    'a value also in json': (TYPE, form(FILE, GOOD_COUNT, named('json', '{"count": 4}'))),
    'json twice': (TYPE, form(FILE, named('json', '{"count": 4}'), named('json', '{"count": 4}'))),
    'json that is none': (TYPE, form(FILE, named('json', '{"count": '))),
    'json that is a list': (TYPE, form(FILE, named('json', '[3]'))),
    'json with NaN': (TYPE, form(FILE, named('json', '{"count": NaN}'))),
    'json that is deep': (TYPE, form(FILE, named('json', '[' * 100_000))),
    'no number': (TYPE, form(FILE, named('count', 'three'))),
    'a number beyond 64 bits': (TYPE, form(FILE, named('count', '9' * 30))),
    'an array that is none': (TYPE, form(FILE, GOOD_COUNT, named('box', '[1, 2'))),
    'base64 that is none': (TYPE, form(named('file', 'no base64!'), GOOD_COUNT)),
    'no file': (TYPE, form(named('file', '', filename='""'), GOOD_COUNT)),
    '5000 parts': (TYPE, form(*[named(f'p{number}') for number in range(5000)])),
    '5000 parts of one name': (TYPE, form(FILE, *[GOOD_COUNT] * 5000)),
    'nested': (TYPE, form(part(NESTED.format('count'), '--inner\r\n\r\n3\r\n--inner--'), FILE)),
    'nested 1000 times': (TYPE, form(part('\r\n--'.join([NESTED.format('file')] * 1000)), GOOD_COUNT)),
    'another kind of multipart': (f'multipart/mixed; boundary={B}', GOOD, 415),
    'a form of URL parameters': ('application/x-www-form-urlencoded', 'file=AAAA&count=3', 415),
    'a text': ('text/plain', '{"file": "AAAA", "count": 3}', 415),
    'more than max_body': (TYPE, form(part(body='x' * 2**21), GOOD_COUNT), 413),
}
NASTY_FORMS = {**BOUNDARIES, **CUT, **HEADERS, **PARTS}
