"""The matrix: what each protocol answers for each model that a service lists, beside the model's own URL."""

import jsonschema
import pytest

from tests.dialects.envelopes import PROTOCOLS, flat


def varied(schema, example, number):
    """Return an instance like the example, with other values where the schema allows them."""
    validator, instance = jsonschema.Draft202012Validator(schema), example
    for name, value in example.items():
        candidate = {**instance, name: other(value, number)}
        instance = candidate if validator.is_valid(candidate) else instance
    return instance


def other(value, number):
    if isinstance(value, list):
        return [other(each, number) for each in value]
    if isinstance(value, float):
        return value * (1 - number / 20)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, value - number)
    return f'{value} {number}' if isinstance(value, str) else value


def same(one, other):
    """Tell whether two results are the same, but for the last bit of float32: a matrix product varies with its size."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == pytest.approx(other, rel=1e-5, abs=1e-9) if isinstance(one, float) else one == other


def is_plain(instance):
    """Tell whether the instance fits in a row of CSV, where an empty cell is null."""
    return not any(isinstance(value, list | dict) or value in (None, '') for value in instance.values())


def models(served):
    """Yield name, version, description and tensors of each model that other protocols serve, and that has examples."""
    for path, methods in served.get('/openapi.json').json()['paths'].items():
        facts = methods.get('post', {}).get('x-model')
        if facts and 'native_only' not in facts:
            name, version, described = facts['name'], facts['version'], served.get(path).json()
            if described['examples']:
                yield name, version, described, served.get(f'/v2/models/{name}/versions/{version}').json()


def check(served, protocol):
    """Compare one row and five rows of every model with the model's own URL; returns how many models were compared."""
    url, body_of, results_of, only_tensors, only_plain = PROTOCOLS[protocol]
    tried = different = 0
    for name, version, described, metadata in models(served):
        has_tensors = bool(metadata['inputs'])
        if only_tensors and not has_tensors:
            continue
        example = described['examples'][0]
        if not isinstance(example, dict) or (only_plain and not is_plain(example)):
            continue
        rows = [varied(described['schema'], example, number) for number in range(5)]
        native = [served.post(f'/v{version}/{name}', row).json()['result'] for row in rows]
        where = url.format(name=name, version=version)
        for count in (1, 5):
            answer = served.post(where, **body_of(rows[:count], metadata))
            assert answer.status_code == 200, f'{where}: {answer.text}'
            expected = native[:count]
            if only_tensors:
                expected = list(map(flat, expected))
            assert same(results_of(answer.json(), native[:count]), expected), f'{where}: {answer.text}'
        tried, different = tried + 1, different + (native[0] != native[4])
    # Rows that get mixed up would be seen.
    assert different or not tried
    return tried
