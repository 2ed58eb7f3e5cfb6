"""The files by which a copy of the service has models that can't start, each in its own way."""

from tests.fakes.misbehaving import PACKAGE

MODELS = '''
"""Models that can't start, or can only as long as data/starting.txt says so; installed as a user's would be."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

from elsewhere import ElsewhereModel

class NoFileModel:
    def __init__(self):
        Path('data/none.bin').read_bytes()


class RaisingModel:
    def __init__(self):
        raise ValueError('the weights\\nare\\nodd')


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


CLASSES = {name: cls for name, cls in dict(globals()).items() if name.endswith('Model')}
# Each of them twice: loaded in the master, and in each worker.
CLASSES |= {f'Early{name}': type(f'Early{name}', (cls,), {'load_before_fork': True}) for name, cls in CLASSES.items()}
# No class of a file here.
CLASSES |= {'PartialModel': partial(NoPredictModel), 'BuiltInModel': int}
'''

ELSEWHERE = """
class ElsewhereModel:
    def __init__(self):
        raise ValueError('elsewhere')
"""

RESOURCE = """
from functools import partial

from flask import Response
from flask_restful import Resource

from ..utils.validation_utils import validate_json
from .model_resource import ModelResource


class UnstartableResource(ModelResource):
    result_schema = {'type': 'object', 'properties': {'result': {'type': 'number'}}}

    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'result': self.predict(instance)}


class MisfitResource(ModelResource):
    @validate_json({'type': 'object', 'required': ['text'], 'examples': [{'text': ''}, {'txt': ''}]})
    def post(self, instance):
        return {}


class MisspeltResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'result': self.predict(instance['txt'])}


class ConflictResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return {'message': 'no'}, 409


class PageResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return Response('<h1>\\n no', status=404)


class TableResource(ModelResource):
    @validate_json({'type': 'object', 'examples': [{}]})
    def post(self, instance):
        return Response(b'a,b\\xff', mimetype='text/csv')


def partly(user, resource, instance):
    return {}


class PartialMisfitResource(Resource):
    post = validate_json({'required': ['text'], 'examples': [{}]})(partial(partly, 'user'))


RESOURCES = {
    name.replace('Resource', 'Model'): value for name, value in dict(globals()).items() if name.endswith('Resource')
}
"""

MORE_ROUTES = """
from .models.unstartable import CLASSES  # noqa: E402
from .resources.unstartable_resource import RESOURCES, UnstartableResource  # noqa: E402

ROUTES += tuple(Route(f'/v1/{name}', RESOURCES.get(name, UnstartableResource), CLASSES[name]) for name in %r)
"""


def files(*names) -> dict:
    """Return the files that serve the models of these names besides the others."""
    return {
        'elsewhere.py': ELSEWHERE,
        'model_serving/models/unstartable.py': MODELS,
        'model_serving/resources/unstartable_resource.py': RESOURCE,
        'model_serving/routes.py': (PACKAGE / 'routes.py').read_text(encoding='utf-8') + MORE_ROUTES % (names,),
    }
