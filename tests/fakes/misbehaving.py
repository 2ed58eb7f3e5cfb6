"""The files by which a copy of the service serves the misbehaving models."""

from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.parents[1] / 'model_serving'

MORE_ROUTES = """
from .models.misbehaving_model import MisbehavingModel, OtherModel  # noqa: E402
from .resources import misbehaving_resource as misbehaving  # noqa: E402

ROUTES += (
    Route('/v1/BadModel', misbehaving.MisbehavingResource, MisbehavingModel),
    Route('/v1/OtherModel', misbehaving.MisbehavingResource, OtherModel),
    Route('/v1/LimitedModel', misbehaving.MisbehavingResource, OtherModel),
    Route('/v1/CallingModel', misbehaving.CallingResource, OtherModel),
    Route('/v1/ExitingModel', misbehaving.ExitingResource, OtherModel),
    Route('/v1/ExitingFlaskModel', misbehaving.ExitingFlaskResource, OtherModel),
)
"""


def files(**settings) -> dict:
    """Return the files; `settings` are BadModel's, as in its conf file."""
    lines = [f'{key} = {value}\n' for key, value in settings.items()]
    return {
        'model_serving/routes.py': (PACKAGE / 'routes.py').read_text() + MORE_ROUTES,
        'model_serving/models/misbehaving_model.py': (FOLDER / 'misbehaving_model.py').read_text(),
        'model_serving/resources/misbehaving_resource.py': (FOLDER / 'misbehaving_resource.py').read_text(),
        'conf/bad_model.conf': '[model]\nname = BadModel\n' + ''.join(lines),
    }


def do(service, what, value=None, path='/v1/BadModel', **headers):
    """Have a model of the service do something, and return its answer."""
    return service.post(path, {'do': what, 'value': value}, headers=headers)
