from concurrent.futures import ThreadPoolExecutor

from model_serving.utils.conf_utils import BASE_FOLDER

MODEL = """
from ..serving.errors import InvalidInstance

class Odd(InvalidInstance):
    pass

class Even:
    def predict(self, instances):
        for instance in instances:
            if instance['number'] % 2:
                raise Odd('number', f'{instance["number"]} is odd')
        return [instance['number'] // 2 for instance in instances]
"""
RESOURCE = """
from ..utils.validation_utils import validate_json
from .model_resource import ModelResource

class EvenResource(ModelResource):
    @validate_json({'type': 'object', 'properties': {'number': {'type': 'integer'}}, 'required': ['number']})
    async def post(self, instance):
        return {'result': await self.predict_async(instance)}
"""
ROW = """
from .models.even import Even
from .resources.even_resource import EvenResource
ROUTES += (Route('/v1/Even', EvenResource, Even),)
"""


def test_a_model_refuses_an_instance_and_its_neighbours_are_answered(make_service):
    routes = (BASE_FOLDER / 'model_serving' / 'routes.py').read_text(encoding='utf-8')
    service = make_service(
        files={
            'model_serving/models/even.py': MODEL,
            'model_serving/resources/even_resource.py': RESOURCE,
            'model_serving/routes.py': routes + ROW,
        }
    )
    numbers = range(100)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: service.post('/v1/Even', json={'number': number}), numbers))
    for number, answer in zip(numbers, answers, strict=True):
        if number % 2:
            assert answer.status_code == 400
            assert answer.json()['message'] == f'number: {number} is odd'
            assert answer.json()['errors'] == [{'path': 'number', 'message': f'{number} is odd'}]
        else:
            assert (answer.status_code, answer.json()) == (200, {'result': number // 2})
