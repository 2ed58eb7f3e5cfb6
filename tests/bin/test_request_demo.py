"""bin/request-demo.sh shows the contract of the article with curl."""

import pytest


@pytest.mark.parametrize('by_argument', [True, False])
def test_requests_and_answers(service, by_argument):
    finished = service.run('bin/request-demo.sh', *([service.url] if by_argument else []))
    assert (finished.returncode, finished.stderr) == (0, '')
    parts = [part.splitlines() for part in finished.stdout.rstrip().split('\n\n')]
    assert [(part[0], part[-1]) for part in parts] == [
        ('# No JSON object', 'HTTP 400'),
        ('# Invalid JSON object', 'HTTP 400'),
        ('# Valid JSON object', 'HTTP 200'),
        ('# A drawn digit', 'HTTP 200'),
    ]
    assert parts[0][1].strip() == f'POST {service.url}/v1/XXXModel'
    assert parts[0][2].startswith('{"message":"No JSON object"')
    assert parts[1][2].startswith('{"message":"\'name\' is a required property"')
    assert parts[2][1:3] == [f'POST {service.url}/v1/XXXModel {{"name": "Leo"}}', '{"result":"Hello, Leo!"}']
    assert parts[3][-2].startswith('{"result":{"digit":4,"probabilities":[')


def test_without_a_service_it_says_so(service):
    finished = service.run('bin/request-demo.sh', 'http://127.0.0.1:1')
    assert finished.returncode != 0
    assert 'Failed to connect' in finished.stderr
