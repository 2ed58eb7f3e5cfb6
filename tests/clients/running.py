"""Other servers' clients: how a test runs one, and what it should get."""

import json
import subprocess

import numpy as np
import pytest

from tests.conftest import BASE_FOLDER

CLIENTS = BASE_FOLDER / 'tests' / 'clients'


def _heldout(name, key):
    return json.loads((BASE_FOLDER / 'data' / f'{name}_heldout.json').read_text(encoding='utf-8'))[key][:20]


# The rows that the clients send, by the names of the models.
ROWS = {
    'DigitsModel': [{'image': image} for image in _heldout('digits', 'images')],
    'WineModel': _heldout('wine', 'instances'),
    'XXXModel': [{'name': name} for name in ('Leo', 'Zoë', '李', '')],
}
MODELS = tuple(ROWS)
# The model of each call of tests/clients/tensors.py.
CALLS = {
    'digits': 'DigitsModel',
    'wines': 'WineModel',
    'wine_columns': 'WineModel',
    'wine_table': 'WineModel',
    'names': 'XXXModel',
}


def client_python(client):
    """Return the Python of a client's environment."""
    environment = f'tmp/environments/clients-{client}'
    python = BASE_FOLDER / environment / 'bin' / 'python'
    if not python.exists():
        requirements = f'tests/clients/requirements/{client}.txt'
        pytest.fail(f'There is no {environment}. Make it: VENV={environment} sh bin/venv.sh {requirements}')
    return python


def run_client(client, script, service, *arguments) -> dict:
    """Return what a script prints, which calls a service by a client and in the client's environment."""
    finished = subprocess.run(
        [client_python(client), CLIENTS / script, service.url, *arguments],
        input=json.dumps(ROWS),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def native(service, model) -> dict:
    """Return the answers of a model at its own URL to its rows, as a list for each output."""
    answers = [service.post(f'/v1/{model}', json=row) for row in ROWS[model]]
    assert {answer.status_code for answer in answers} == {200}
    results = [answer.json()['result'] for answer in answers]
    results = [result if isinstance(result, dict) else {'result': result} for result in results]
    return {name: [_row(result[name]) for result in results] for name in results[0]}


def assert_same(found: dict, expected: dict):
    """Compare outputs. ONNX Runtime rounds a batch otherwise than a row alone, beyond the sixth digit."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if np.asarray(values).dtype.kind == 'f':
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-7)
        else:
            assert found[name] == values


def _row(value):
    """Return an output of a row as a tensor has it: of an object of numbers, its numbers."""
    return list(value.values()) if isinstance(value, dict) else value
