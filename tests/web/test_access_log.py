"""The log has a line for each request, in the one form of all lines."""

import io
import logging
import re
import socket
import threading

from model_serving.web.access_log import LOGGER, AccessLog

LINE = re.compile(
    r'\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] - \[INFO\] - \[access\] - '
    r'127\.0\.0\.1 "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<length>\d+|-) \d+\.\d ms (?P<id>\S+)'
)


def access_lines(service):
    return [line for line in service.log.splitlines() if ' - [access] - ' in line]


def test_each_request_has_its_line_by_the_time_the_service_has_stopped(make_service):
    service = make_service()
    for number in range(300):
        service.post('/v1/XXXModel', {'name': 'Leo'}, headers={'X-Request-ID': f'request-{number}'})
    service.post('/v1/XXXModel', {}, headers={'X-Request-ID': 'not-valid'})
    service.stop()
    found = [LINE.fullmatch(line) for line in access_lines(service)]
    assert all(found)
    # Each of the two workers writes its own lines, so their order is not that of the requests.
    answered = sorted(match['id'] for match in found if match['status'] == '200')
    assert answered == sorted(f'request-{number}' for number in range(300))
    last = next(match for match in found if match['id'] == 'not-valid')
    assert (last['request'], last['status']) == ('POST /v1/XXXModel', '400')


def test_a_path_can_not_forge_a_line(make_service):
    service = make_service()
    forged = b'GET /a%0A[2018/10/21%2000:00:00]%0D%C2%85b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    with socket.create_connection(('127.0.0.1', service.port), timeout=20) as sock:
        sock.sendall(forged)
        assert b' 404 ' in b''.join(iter(lambda: sock.recv(65536), b''))
    service.stop()
    (line,) = [line for line in access_lines(service) if '404' in line]
    assert LINE.fullmatch(line)


def test_it_can_be_off(make_service):
    service = make_service(environment={'MODEL_SERVING_SERVING_ACCESS_LOG': 'off'})
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).headers['X-Request-ID']
    service.stop()
    assert access_lines(service) == []


class Disk(io.StringIO):
    """Takes nothing while it is full."""

    def __init__(self):
        super().__init__()
        self.is_full = True
        self.has_refused = threading.Event()

    def write(self, text):
        if self.is_full:
            self.has_refused.set()
            raise OSError(28, 'No space left on device')
        return super().write(text)


def test_lines_that_can_not_be_written_are_counted_and_the_next_are_written(monkeypatch):
    disk = Disk()
    monkeypatch.setattr(LOGGER, 'handlers', [logging.StreamHandler(disk)])
    monkeypatch.setattr(LOGGER, 'propagate', False)
    log = AccessLog()
    log.add('127.0.0.1', 'GET', '/', 200, '-', 1.0, 'lost')
    assert disk.has_refused.wait(20)
    disk.is_full = False
    log.add('127.0.0.1', 'GET', '/', 200, '-', 1.0, 'after')
    log.write()
    first, second = disk.getvalue().splitlines()
    assert first == '1 lines before could not be written: [Errno 28] No space left on device'
    assert second.endswith(' after')
