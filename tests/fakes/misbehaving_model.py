"""A model that does what its instance says, for the tests of bad days; installed as a user's model would be."""

import json
import math
import os
import re
import signal
import sys
import threading
import time

from model_serving.serving.errors import InvalidInstance


class OddError(BaseException):
    """No Exception: it passes every `except Exception`."""


class Miscounted(list):
    """A list that holds one item more than it says."""

    def __iter__(self):
        yield from range(len(self) + 1)


def raise_(error):
    raise error


def until(path):
    """Wait until the test has made the file."""
    while not os.path.exists(path):
        time.sleep(0.01)


CIRCULAR = []
CIRCULAR.append(CIRCULAR)

# What one instance does, alone: its result, or what it raises.
RESULTS = {
    'echo': lambda value: value,
    'sleep': lambda value: time.sleep(value) or value,
    'until': until,
    'hang': lambda value: threading.Event().wait(),
    'hold_gil': lambda value: re.match('(a+)+$', 'a' * 60 + 'b'),
    'raise': lambda value: raise_(ValueError(f'secret {value}')),
    'raise_without_words': lambda value: raise_(ValueError()),
    'invalid': lambda value: raise_(InvalidInstance('value[0]', f'{value} was refused by the model.')),
    'base_exception': lambda value: raise_(OddError('odd')),
    'interrupt': lambda value: raise_(KeyboardInterrupt()),
    'exit': lambda value: sys.exit(value),
    'leave': lambda value: os._exit(value),
    'kill': lambda value: os.kill(os.getpid(), signal.SIGKILL),
    'set': lambda value: {1, 2},
    'bytes': lambda value: b'bytes',
    'object': lambda value: object(),
    'nan': lambda value: [math.nan, math.inf, -math.inf],
    'deep': lambda value: json.loads('[' * 500 + ']' * 500),
    'circular': lambda value: CIRCULAR,
    'surrogate': lambda value: '\ud800',
    'large_integer': lambda value: 2**64,
    'large': lambda value: 'x' * value,
    'pid': lambda value: os.getpid(),
}
# What `predict` returns for the whole batch where one instance asks for it.
BATCHES = {
    'too_few': lambda results: results[1:],
    'too_many': lambda results: [*results, 1],
    'no_list': lambda results: None,
    'miscounted': lambda results: Miscounted(results),
    'dict': lambda results: dict(enumerate(results)),
    'generator': lambda results: (result for result in results),
}


class MisbehavingModel:
    """`{'do': 'echo', 'value': 1}` → 1, and everything that a model should not do."""

    load_before_fork = True

    def __init__(self):
        self.predicted = []

    def predict(self, instances):
        self.predicted += [instance.get('value') for instance in instances]
        results = [self._result(instance, len(instances)) for instance in instances]
        spoiling = (BATCHES[instance['do']] for instance in instances if instance['do'] in BATCHES)
        return next(spoiling, lambda results: results)(results)

    def _result(self, instance, size):
        if instance['do'] == 'predicted':
            return self.predicted
        if instance['do'] == 'batch_size':
            return time.sleep(instance.get('value', 0)) or size
        return RESULTS.get(instance['do'], RESULTS['echo'])(instance.get('value'))


class OtherModel(MisbehavingModel):
    """The same, as a neighbour."""
