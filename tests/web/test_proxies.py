"""What is believed of X-Forwarded-For and X-Forwarded-Proto, and whose address is the client's."""

import re
from ipaddress import ip_network

import pytest
from flask import request

from model_serving.models.xxx_model import XXXModel
from model_serving.resources.model_resource import ModelResource
from model_serving.serving.route import Route
from model_serving.utils.validation_utils import validate_json
from model_serving.web.proxies import client_and_scheme
from tests.web.nasty_requests import head

PEER = '10.0.0.9'
OURS = [ip_network('10.0.0.0/8'), ip_network('2001:db8::/32')]


def test_only_the_last_entries_are_looked_at():
    """A client may send thousands, and each takes time."""
    sent = '203.0.113.1' + f', {PEER}' * 10_000
    assert client_and_scheme(OURS, PEER, 'http', sent, '') == (PEER, 'http')


@pytest.mark.parametrize(
    'trusted, forwarded_for, client',
    [
        # The last proxy appends its peer. What stands before it the client may have made up.
        (1, '198.51.100.7', '198.51.100.7'),
        (1, '203.0.113.1, 198.51.100.7', '198.51.100.7'),
        (1, '203.0.113.1,198.51.100.7 ', '198.51.100.7'),
        (2, '203.0.113.1, 198.51.100.7, 10.0.0.1', '198.51.100.7'),
        (2, '198.51.100.7', PEER),
        (1, '', PEER),
        (1, ',', PEER),
        (3, ',,', PEER),
        (1, '198.51.100.7, unknown', PEER),
        (1, '198.51.100.7, _hidden', PEER),
        (1, '198.51.100.7, 1.2.3', PEER),
        (1, 'unknown, 198.51.100.7', '198.51.100.7'),
        (1, '198.51.100.7:4711', '198.51.100.7'),
        (1, '2001:db8:9::1', '2001:db8:9::1'),
        (1, '2001:DB8:9:0::1', '2001:db8:9::1'),
        (1, '[2001:db8:9::1]', '2001:db8:9::1'),
        (1, '[2001:db8:9::1]:4711', '2001:db8:9::1'),
        (1, '[2001:db8:9::1', '2001:db8:9::1'),
        (1, '::ffff:198.51.100.7', '198.51.100.7'),
        (1, '[::ffff:198.51.100.7]:80', '198.51.100.7'),
        # A zone may be any text.
        (1, 'fe80::1%eth0', 'fe80::1'),
        (1, 'fe80::1%" 200 - \x85[2018/10/21 00:00:00]', 'fe80::1'),
        (1, '١.١.١.١', PEER),
        (1, '1' * 10_000, PEER),
        (OURS, '198.51.100.7', '198.51.100.7'),
        (OURS, '203.0.113.1, 198.51.100.7', '198.51.100.7'),
        (OURS, '203.0.113.1, 198.51.100.7, 10.0.0.1, 2001:db8::5', '198.51.100.7'),
        (OURS, '203.0.113.1, 198.51.100.7, [2001:db8::5]:80, ::ffff:10.0.0.1', '198.51.100.7'),
        # A call from inside: the first one is its client.
        (OURS, '10.0.0.3, 10.0.0.1', '10.0.0.3'),
        (OURS, '203.0.113.1, unknown, 10.0.0.1', PEER),
        (OURS, '', PEER),
    ],
)
def test_the_client_that_trusted_proxies_tell(trusted, forwarded_for, client):
    assert client_and_scheme(trusted, PEER, 'http', forwarded_for, '')[0] == client


@pytest.mark.parametrize(
    'peer, client',
    [
        ('198.51.100.7', '198.51.100.7'),
        ('11.0.0.1', '11.0.0.1'),
        ('::ffff:10.0.0.1', '203.0.113.1'),
        ('2001:db8::1', '203.0.113.1'),
        # A Unix socket has no address.
        ('', ''),
    ],
)
def test_who_is_no_trusted_proxy_is_the_client_itself(peer, client):
    scheme = 'https' if client == '203.0.113.1' else 'http'
    assert client_and_scheme(OURS, peer, 'http', '203.0.113.1', 'https') == (client, scheme)


@pytest.mark.parametrize(
    'trusted, forwarded_proto, scheme',
    [
        (1, 'https', 'https'),
        (1, 'http, https', 'https'),
        (1, 'https,http', 'http'),
        # The last proxy may have written over what the first one sent.
        (2, 'https', 'https'),
        (2, 'https, http', 'https'),
        (2, 'http, https, http', 'https'),
        (1, '', 'http'),
        (1, 'ftp', 'http'),
        (1, 'javascript:alert(1)', 'http'),
        (OURS, 'http, https', 'https'),
    ],
)
def test_the_scheme_that_trusted_proxies_tell(trusted, forwarded_proto, scheme):
    assert client_and_scheme(trusted, PEER, 'http', '198.51.100.7', forwarded_proto)[1] == scheme


class WhoResource(ModelResource):
    """What a `def` handler sees of its client."""

    @validate_json({'type': 'object', 'properties': {'n': {'type': 'integer'}}, 'examples': [{'n': 1}]})
    def post(self, instance):
        return {'result': [request.remote_addr, request.scheme, request.url.partition(':')[0]]}


ROUTES = [Route('/v1/WhoModel', WhoResource, XXXModel)]
CLIENT = '198.51.100.7'
FORWARDED = {'X-Forwarded-For': CLIENT, 'X-Forwarded-Proto': 'https'}


@pytest.mark.parametrize(
    'setting, client, scheme',
    [
        ('0', PEER, 'http'),
        ('1', CLIENT, 'https'),
        ('10.0.0.0/8', CLIENT, 'https'),
        ('127.0.0.1, 192.168.0.0/16', PEER, 'http'),
    ],
)
def test_handlers_other_protocols_and_the_log_have_the_same_client(make_call, caplog, setting, client, scheme):
    call = make_call(ROUTES, MODEL_SERVING_SERVING_TRUSTED_PROXIES=setting)
    seen = [client, scheme, scheme]
    assert call('/v1/WhoModel', b'{"n": 1}', address=PEER, headers=FORWARDED).json() == {'result': seen}
    rows = call('/v1/models/WhoModel:predict', b'{"instances": [{"n": 1}]}', address=PEER, headers=FORWARDED)
    # In other protocols, a row has the client, and no other part of the request.
    assert rows.json()['predictions'][0][0] == client
    call('/v1/WhoModel', b'', method='GET', address=PEER, headers=FORWARDED)
    call.app.write()
    lines = re.findall(r'(\S+) "(?:GET|POST) /v1/', caplog.text)
    assert lines == [client] * 3


def test_headers_on_several_lines_are_one_list(make_call):
    call = make_call(ROUTES, MODEL_SERVING_SERVING_TRUSTED_PROXIES='1')
    lines = [('X-Forwarded-For', '203.0.113.1'), ('x-forwarded-for', f'203.0.113.2, {CLIENT}')]
    assert call('/v1/WhoModel', b'{"n": 1}', address=PEER, headers=lines).json()['result'][0] == CLIENT


@pytest.mark.long
@pytest.mark.parametrize('setting', ['0', '1', '127.0.0.0/8'])
def test_what_a_client_claims_forges_nothing(make_service, connect, setting):
    """What is no address is not in the log, and no line of it is made up."""
    service = make_service(environment={'WORKERS': '1', 'MODEL_SERVING_SERVING_TRUSTED_PROXIES': setting})
    forged = 'fe80::1%\x85[2018/10/21 00:00:00] - [INFO] - [access] - 1.2.3.4 "GET /forged" 200'.encode('latin-1')
    lines = [b'X-Forwarded-For: ' + forged, b'X-Forwarded-Proto: ' + forged]
    for headers in (lines[:1], lines, [lines[0], b'X_Forwarded_For: 203.0.113.9', *lines]):
        answer = connect(service).call(head(*headers, line='GET /v1 HTTP/1.1'))
        assert answer.status == 200
    service.stop()
    found = [line for line in service.log.splitlines() if ' - [access] - ' in line]
    client = '127.0.0.1' if setting == '0' else 'fe80::1'
    assert [line.split(' - [access] - ')[1].split(' 200 ')[0] for line in found] == [f'{client} "GET /v1"'] * 3
    assert 'forged' not in service.log
