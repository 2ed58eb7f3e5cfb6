"""What the tests of all formats ask of a service: instances one by one, and many at once, so that batches form."""

import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from model_serving.formats import ModelFile
from model_serving.serving.errors import StartError
from model_serving.utils.conf_utils import Conf


def predict(service, name, instance):
    answer = service.post(f'/v1/{name}', json=instance)
    assert answer.status_code == 200, answer.text
    return answer.json()['result']


def refused(service, name, instance):
    """Return the message by which an instance is refused as the client's mistake."""
    answer = service.post(f'/v1/{name}', json=instance)
    assert answer.status_code == 400, answer.text
    return answer.json()['message']


def concurrently(service, name, instances):
    """Return the results for instances that 16 clients send at once."""
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(lambda instance: predict(service, name, instance), instances))


def both_ways(service, name, instances):
    """Return the results one by one; those that come at once, and by Flask, are the same, to float32 accuracy."""
    results = [predict(service, name, instance) for instance in instances]
    assert_close(concurrently(service, name, instances), results)
    assert_close([predict_by_flask(service, name, instance) for instance in instances], results)
    return results


def predict_by_flask(service, name, instance):
    """Return the result of a call that the front passes on to Flask, as it does with a compressed body."""
    headers = {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
    answer = service.post(f'/v1/{name}', data=gzip.compress(json.dumps(instance).encode()), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()['result']


def assert_close(result, expected):
    """Check that a result has the shape and the texts that are expected, and the numbers to float32 accuracy."""
    expected = expected.tolist() if hasattr(expected, 'tolist') else expected
    if isinstance(expected, dict):
        assert list(result) == list(expected)
        assert_close(list(result.values()), list(expected.values()))
    elif isinstance(expected, list):
        for pair in zip(result, expected, strict=True):
            assert_close(*pair)
    else:
        assert result == (expected if isinstance(expected, str) else pytest.approx(expected, rel=1e-5, abs=1e-6))


def assert_classes(results, labels, probabilities):
    """Check the results of a classifier."""
    assert [result['label'] for result in results] == list(labels)
    assert_close([list(result['probabilities'].values()) for result in results], probabilities)


def banner(service, name):
    """Return the line in which the start says of a model what it is and where it was loaded."""
    return next(line for line in service.log.splitlines() if f'/v1/{name} ' in line)


def results_by_worker(service, name, instance):
    """Return the result that each worker gives whenever it is asked, by its pid."""
    found = {}
    while set(found) != set(service.worker_pids):
        with ThreadPoolExecutor(8) as threads:
            for answer in threads.map(lambda _: service.post(f'/v1/{name}', json=instance), range(16)):
                assert answer.status_code == 200, answer.text
                result = answer.json()['result']
                assert found.setdefault(answer.json()['pid'], result) == result
    return found


def settings_of(path, **own):
    """Return the settings of a model file, as the service gives them to it."""
    return {**Conf('nowhere', {}).model('File'), 'file': str(path), **own}


def loaded(path, **own):
    return ModelFile(settings_of(path, **own))()


def problem(path, **own):
    """Return what is said of a file that is not served, with settings of its own."""
    with pytest.raises(StartError) as raised:
        loaded(path, **own)
    return str(raised.value)


def advice_of(message):
    """Return the code that a message gives to convert a file, up to the `)` that ends it."""
    return re.search(r'by: (import .*?\))(?:, and serve| \(XGBoost)', message)[1]
