"""Where the service listens: by default at all addresses, with HOST at that one alone."""

import socket
from contextlib import closing

import pytest
import requests

from tests.conftest import BASE_FOLDER, has_ipv6, needs_ipv6, wait_until

CONF = 'conf/gunicorn.conf.py'
# What a new socket for IPv6 is on other systems.
OTHER_SYSTEM = """
import socket

class Socket(socket.socket):
    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        super().__init__(family, type, proto, fileno)
        if family == socket.AF_INET6 and fileno is None:
            {}

socket.socket = Socket
"""
WITHOUT_IPV6 = OTHER_SYSTEM.format("raise OSError(97, 'Address family not supported by protocol')")
# As with `sysctl net.ipv6.bindv6only=1`.
IPV6_ALONE = OTHER_SYSTEM.format('self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)')


@pytest.fixture
def start(make_service):
    """A function that starts a service, on another system or with another HOST; returns it and the lines printed."""

    def run(system='', **environment):
        conf = (BASE_FOLDER / CONF).read_text(encoding='utf-8')
        one = make_service({CONF: system + conf}, {'WORKERS': '1', **environment}, start=False)
        if 'HOST' not in environment:
            del one.environment['HOST']
        return one, one.start().splitlines()

    return run


def answers(service, host) -> bool:
    try:
        return requests.get(f'http://{host}:{service.port}/v1', timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    'system', ['', pytest.param(IPV6_ALONE, marks=[needs_ipv6, pytest.mark.long])], ids=['as it is', 'IPv6 alone']
)
def test_by_default_both_families_are_answered(start, system):
    service, lines = start(system)
    assert [line for line in lines if 'Ready.' in line] == [f'Ready. Open http://localhost:{service.port}/']
    assert answers(service, '127.0.0.1')
    assert answers(service, '[::1]') == has_ipv6()
    # A client of IPv4 has its own address, although the socket is one of IPv6.
    wait_until(lambda: '- 127.0.0.1 "GET /v1" 200 ' in service.log)
    wait_until(lambda: not has_ipv6() or '- ::1 "GET /v1" 200 ' in service.log)
    assert '::ffff:' not in service.log


@pytest.mark.long
def test_a_system_without_ipv6_is_no_matter(start):
    service, lines = start(WITHOUT_IPV6)
    assert f'Ready. Open http://localhost:{service.port}/' in lines
    assert (answers(service, '127.0.0.1'), answers(service, '[::1]')) == (True, False)
    assert 'ERROR' not in service.log
    assert 'WARNING' not in service.log


@pytest.mark.long
@pytest.mark.parametrize(
    'host, expected',
    [
        ('0.0.0.0', {'127.0.0.1': True, '[::1]': False}),
        pytest.param('::1', {'127.0.0.1': False, '[::1]': True}, marks=needs_ipv6),
    ],
)
def test_a_host_means_that_one_alone(start, host, expected):
    service, _ = start(HOST=host)
    assert {address: answers(service, address) for address in expected} == expected


@needs_ipv6
@pytest.mark.parametrize('taken, told', [('127.0.0.1', '0.0.0.0'), pytest.param('::1', '[::]', marks=pytest.mark.long)])
def test_a_port_in_use_in_one_family_is_told(make_service, taken, told):
    service = make_service(start=False)
    del service.environment['HOST']
    with closing(
        socket.create_server((taken, service.port), family=socket.AF_INET6 if ':' in taken else socket.AF_INET)
    ):
        finished = service.run('bin/start.sh')
    assert finished.returncode == 1
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f'The service cannot start. It cannot listen at {told}:{service.port}: ')
    assert last.endswith('in use. Give another PORT or HOST: PORT=8080 bin/start.sh')
