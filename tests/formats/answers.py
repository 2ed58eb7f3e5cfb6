"""What the tests of all formats ask of a service: instances one by one, and many at once, so that batches form."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model_serving.formats import ModelFile
from model_serving.serving.errors import StartError

SETTINGS = {'schema': None, 'trusted': [], 'trust_file': False}


def predict(service, name, instance):
    """Return the result for one instance."""
    answer = service.post(f'/v1/{name}', json=instance)
    assert answer.status_code == 200, answer.text
    return answer.json()['result']


def concurrently(service, name, instances):
    """Return the results for instances that 16 clients send at once."""
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(lambda instance: predict(service, name, instance), instances))


def both_ways(service, name, instances):
    """Return the results one by one; those that come at once have to be the same, to float32 accuracy."""
    results = [predict(service, name, instance) for instance in instances]
    for alone, at_once in zip(results, concurrently(service, name, instances), strict=True):
        assert_close(at_once, alone)
    return results


def assert_close(result, other):
    """Check that two results have the same shape and texts, and the same numbers to float32 accuracy."""
    if isinstance(other, dict):
        assert list(result) == list(other)
        assert_close(list(result.values()), list(other.values()))
    elif isinstance(other, list):
        for pair in zip(result, other, strict=True):
            assert_close(*pair)
    else:
        assert result == (other if isinstance(other, str) else pytest.approx(other, rel=1e-5, abs=1e-6))


def of_classes(results):
    """Return the labels and the rows of probabilities of a classifier's results."""
    return [one['label'] for one in results], [list(one['probabilities'].values()) for one in results]


def instances_of(names, rows):
    """Return instances of named features, with null for NaN."""
    return [
        {name: None if np.isnan(value) else float(value) for name, value in zip(names, row, strict=True)}
        for row in rows
    ]


def problem(path):
    """Return what is said of a file that is not served."""
    with pytest.raises(StartError) as raised:
        ModelFile({**SETTINGS, 'file': str(path)})()
    return str(raised.value)


def advice_of(message):
    """Return the code that a message gives to convert a file, up to the `)` that ends it."""
    return re.search(r'by: (import .*?\))(?:, and serve| \(XGBoost)', message)[1]
