"""The log has a line for each request, in the one form of all lines."""

import io
import logging
import re

from model_serving.web.access_log import LOGGER, AccessLog
from tests.web.nasty_requests import head

LINE = re.compile(
    r'\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] - \[INFO\] - \[access\] - '
    r'127\.0\.0\.1 "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<length>\d+|-) \d+\.\d ms (?P<id>\S+)'
)


def access_lines(service):
    return [line for line in service.log.splitlines() if ' - [access] - ' in line]


def test_each_request_has_its_line_by_the_time_the_service_has_stopped(make_service, connect):
    service = make_service()
    for number in range(300):
        service.post('/v1/XXXModel', {'name': 'Leo'}, headers={'X-Request-ID': f'request-{number}'})
    service.post('/v1/XXXModel', {}, headers={'X-Request-ID': 'not-valid'})
    # A path cannot forge a line.
    forged = '/a%0A[2018/10/21%2000:00:00]%0D%C2%85b'
    connect(service).exchange(head('X-Request-ID: forged', line=f'GET {forged} HTTP/1.1'))
    service.stop()
    found = [LINE.fullmatch(line) for line in access_lines(service)]
    assert all(found)
    # Each of the two workers writes its own lines, so their order is not that of the requests.
    answered = {match['id']: (match['request'], match['status']) for match in found}
    assert len(answered) == len(found) == 302
    assert answered.pop('not-valid') == ('POST /v1/XXXModel', '400')
    assert answered.pop('forged') == (f'GET {forged}', '404')
    assert answered == {f'request-{number}': ('POST /v1/XXXModel', '200') for number in range(300)}


def test_it_can_be_off(make_service):
    service = make_service(environment={'MODEL_SERVING_SERVING_ACCESS_LOG': 'off'})
    assert service.post('/v1/XXXModel', {'name': 'Leo'}).headers['X-Request-ID']
    service.stop()
    assert access_lines(service) == []


class Disk(io.StringIO):
    """Takes nothing while it is full."""

    is_full = True

    def write(self, text):
        if self.is_full:
            raise OSError(28, 'No space left on device')
        return super().write(text)


def test_lines_that_can_not_be_written_are_counted_and_the_next_are_written(monkeypatch):
    disk, log = Disk(), AccessLog()
    monkeypatch.setattr(LOGGER, 'handlers', [logging.StreamHandler(disk)])
    monkeypatch.setattr(LOGGER, 'propagate', False)
    scope = {'client': ('127.0.0.1',), 'method': 'GET', 'raw_path': b'/', 'query_string': b''}
    for disk.is_full, request_id in ((True, 'lost'), (False, 'after')):
        log.answers.append((scope, 200, '-', 1.0, request_id))
        log.write()
    first, second = disk.getvalue().splitlines()
    assert first == '1 lines before could not be written: [Errno 28] No space left on device'
    assert second.endswith(' after')
