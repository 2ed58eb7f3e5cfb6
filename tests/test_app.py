"""What create_app brings into the process."""

import json

ONE_ROUTE = """
from .models.xxx_model import XXXModel
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (Route('/v1/XXXModel', XXXModelResource, XXXModel),)
"""
HEAVY = ('numpy', 'onnxruntime', 'uvicorn', 'requests')


def test_what_is_not_used_is_not_imported(make_service):
    service = make_service({'model_serving/routes.py': ONE_ROUTE}, start=False).without_models()
    code = f'import json, main, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))'
    finished = service.run(service.folder / '.venv/bin/python', '-c', code)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == []
