"""Models that can't start, or can only as long as data/starting.txt says so; installed as a user's would be."""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from elsewhere import ElsewhereModel  # noqa: F401 - among CLASSES


class Panic(BaseException):
    """As compiled libraries raise it: no Exception."""


class Mute(Exception):
    """Can't say what it is."""

    def __str__(self):
        return 1 / 0


def raising(error):
    """Return a model that raises as it is made."""

    class Raising:
        def __init__(self):
            raise error

    return Raising


RaisingModel = raising(ValueError('the weights\nare\nodd'))
SilentModel = raising(ValueError)
ExitingModel = raising(SystemExit(3))
PanickingModel = raising(Panic('panicked'))
MuteModel = raising(Mute)
WordyModel = raising(ValueError(f'The service cannot start. {"x" * 3_000_000}'))


class NoFileModel:
    def __init__(self):
        Path('data/none.bin').read_bytes()


class KilledModel:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGKILL)


class NoPredictModel:
    pass


class Loaded:
    """Is no good, if at all, by what its `result` or its resource does."""

    def predict(self, instances):
        return [self.result(instance) for instance in instances]


class FailingModel(Loaded):
    def result(self, instance):
        raise ValueError(f'no answer to {instance}')


class ExitingLaterModel(Loaded):
    def result(self, instance):
        sys.exit(4)


class WrongModel(Loaded):
    def result(self, instance):
        return 'no number'


class SlowModel(Loaded):
    def result(self, instance):
        time.sleep(2)
        return 1


class NoJSONModel(Loaded):
    def result(self, instance):
        return {1}


class FileModel(Loaded):
    """Does what its file says."""

    def __init__(self):
        what = Path('data/starting.txt').read_text()
        if what == 'exit':
            sys.exit(3)
        if what == 'raise':
            raise ValueError('raised')
        self.what = what

    def result(self, instance):
        return 1 if self.what == 'good' else self.what


def is_first() -> bool:
    """Tell whether this worker is the first one that asks."""
    try:
        Path('data/first.txt').touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class OneFailsModel(Loaded):
    """Can't start in the first worker that tries, once another one is busy with its example."""

    def __init__(self):
        if is_first():
            while not Path('data/busy.txt').exists():
                time.sleep(0.01)
            raise ValueError('the first')


class SecondLeavesModel(Loaded):
    """Ends each worker but the first."""

    def __init__(self):
        if not is_first():
            os._exit(5)

    def result(self, instance):
        return 1


CLASSES = {name: cls for name, cls in dict(globals()).items() if name.endswith('Model')}
# Each of them twice: loaded in the master, and in each worker.
CLASSES |= {f'Early{name}': type(f'Early{name}', (cls,), {'load_before_fork': True}) for name, cls in CLASSES.items()}
# No class of a file here.
CLASSES |= {
    'PartialModel': partial(NoPredictModel),
    'BuiltInModel': int,
    'NothingModel': lambda: None,
    'ClassModel': lambda: Loaded,
}
