"""What every error has."""


def message_of(answer, status) -> str:
    """Return the message of an error; fails where it has another status, or not all that every error has."""
    assert answer.status_code == status
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert {'X-Request-ID', 'Retry-After'} <= set(answer.headers['Access-Control-Expose-Headers'].split(', '))
    assert answer.headers['X-Request-ID']
    assert isinstance(answer.json()['message'], str)
    return answer.json()['message']
