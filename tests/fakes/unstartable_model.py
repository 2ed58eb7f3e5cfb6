"""Models that can't start, or can only as long as data/starting.txt says so; installed as a user's would be."""

import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from elsewhere import ElsewhereModel  # noqa: F401 - among CLASSES


class NoFileModel:
    def __init__(self):
        Path('data/none.bin').read_bytes()


class RaisingModel:
    def __init__(self):
        raise ValueError('the weights\nare\nodd')


class SilentModel:
    def __init__(self):
        raise ValueError  # and no word


class ExitingModel:
    def __init__(self):
        sys.exit(3)


class Panic(BaseException):
    """As compiled libraries raise it: no Exception."""


class PanickingModel:
    def __init__(self):
        raise Panic('panicked')


class Mute(Exception):
    """Can't say what it is."""

    def __str__(self):
        return 1 / 0


class MuteModel:
    def __init__(self):
        raise Mute


class WordyModel:
    def __init__(self):
        raise ValueError(f'The service can not start. {"x" * 3_000_000}')


class KilledModel:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGKILL)


class NoPredictModel:
    pass


class Loaded:
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


class NoJSONModel(Loaded):
    def result(self, instance):
        return {1}


class MisfitModel(Loaded):
    """Its resource has an example that its own schema refuses."""


class MisspeltModel(Loaded):
    """Its resource asks for a key that the instance does not have."""


class ConflictModel(Loaded):
    """Its resource answers with an error."""


class PageModel(Loaded):
    """Its resource answers with an error, as HTML."""


class TableModel(Loaded):
    """Its resource answers, but not with JSON."""


class PartialMisfitModel(Loaded):
    """Its resource has a handler that is no function, and an example that its own schema refuses."""


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


class OneFailsModel(Loaded):
    """Can't start in the first worker that tries, once another one is busy with its example."""

    def __init__(self):
        with suppress(FileExistsError):
            os.close(os.open('data/first.txt', os.O_CREAT | os.O_EXCL))
            while not Path('data/busy.txt').exists():
                time.sleep(0.01)
            raise ValueError('the first')


CLASSES = {name: cls for name, cls in dict(globals()).items() if name.endswith('Model')}
# Each of them twice: loaded in the master, and in each worker.
CLASSES |= {f'Early{name}': type(f'Early{name}', (cls,), {'load_before_fork': True}) for name, cls in CLASSES.items()}
# No class of a file here.
CLASSES |= {'PartialModel': partial(NoPredictModel), 'BuiltInModel': int}
