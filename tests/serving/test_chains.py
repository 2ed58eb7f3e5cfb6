"""Handlers that call other models: through their schemas, batches and readiness, within the caller's deadline."""

import sys

import pytest

from model_serving.app import create_app
from model_serving.serving.errors import NotReady
from model_serving.serving.route import Route
from model_serving.utils.conf_utils import Conf
from model_serving.utils.validation_utils import validate_json
from tests.conftest import BASE_FOLDER, entered, wait_until
from tests.fakes import chains
from tests.fakes.chain_callers import caller

HURRIED = {'X-Request-Timeout': '0.3'}
CALLERS = ('CallingModel', 'BlockingModel')


@pytest.fixture(scope='module')
def service(service_class, tmp_path_factory):
    """A service of one worker with the models of tests/fakes/chains.py."""
    files = {
        'model_serving/routes.py': 'from tests.fakes.chains import ROUTES as ROUTES\n',
        'conf/wine_model.conf': '[model]\nname = WineModel\nfile = data/wine.onnx\n',
    }
    environment = {'PYTHONPATH': str(BASE_FOLDER), 'WORKERS': '1', 'MODEL_SERVING_DOUBLEMODEL_MAX_QUEUE': '20'}
    one = service_class(tmp_path_factory.mktemp('chains') / 'model serving', files, environment)
    with one.without_models('wine_model.conf') as running:
        yield running


def call(service, caller, model, instance, **options):
    return service.post(f'/v1/{caller}', {'model': model, 'instance': instance}, **options)


def result(response):
    assert response.status_code == 200, response.text
    return response.json()['result']


@pytest.mark.parametrize('caller', CALLERS)
class TestEachKindOfHandler:
    def test_it_gets_the_result_of_another_model(self, service, caller):
        assert result(call(service, caller, 'v1/DoubleModel', {'value': 4})) == 8
        assert result(call(service, caller, 'DigitsModel', chains.blank)) == result(
            service.post('/v1/DigitsModel', chains.blank)
        )

    def test_a_name_alone_means_the_highest_version(self, service, caller):
        assert result(call(service, caller, 'DoubleModel', {'value': 4})) == 40

    def test_it_may_call_a_model_file(self, service, caller):
        (wine,) = service.get('/v1/WineModel').json()['examples'][:1]
        assert result(call(service, caller, 'WineModel', wine)) == result(service.post('/v1/WineModel', wine))

    @pytest.mark.parametrize(
        ('model', 'instance', 'reason'),
        [
            ('DoubleModel', {'value': 'x'}, '/v1/{} called /v10/DoubleModel with an instance that it refuses: value: '),
            (
                'v1/DoubleModel',
                {'value': 13},
                '/v1/{} called /v1/DoubleModel with an instance that it refuses: value: ',
            ),
            ('v1/DoubleModel', {'value': 14}, 'ZeroDivisionError: a fault of the model'),
            ('NoModel', {}, "there is no model 'NoModel'."),
            (
                'DoublModel',
                {},
                "there is no model 'DoublModel'. Did you mean 'DoubleModel'? There are: v1/CallingModel, ",
            ),
            (
                'ManyModel',
                {'model': '', 'instances': []},
                'ManyModel has no method predict(instances), so it cannot be called.',
            ),
        ],
    )
    def test_a_fault_of_the_handler_is_a_500_and_told_in_the_log(self, service, caller, model, instance, reason):
        answer = call(service, caller, model, instance)
        assert answer.status_code == 500
        assert answer.headers['X-Request-ID'] in answer.json()['message']
        wait_until(lambda: reason.format(caller) in service.log)

    def test_too_late_is_a_504_that_names_the_other_model(self, service, caller):
        (service.folder / 'open').unlink(missing_ok=True)
        answer = call(service, caller, 'v1/DoubleModel', {'value': 15}, headers={'X-Request-Timeout': '0.3'})
        (service.folder / 'open').touch()
        assert answer.status_code == 504
        assert answer.json()['message'].startswith('DoubleModel did not answer within 0.3 s.')


def test_many_calls_at_once(service):
    answer = service.post('/v1/ManyModel', {'model': 'v2/DoubleModel', 'instances': [{'value': n} for n in range(10)]})
    assert result(answer) == [2 * n for n in range(10)]


def test_too_many_are_a_429_that_names_the_other_model(service):
    answer = service.post('/v1/ManyModel', {'model': 'v2/DoubleModel', 'instances': [{'value': 1}] * 50})
    assert answer.status_code == 429
    assert answer.json()['message'].startswith('20 calls wait for DoubleModel already.')
    assert int(answer.headers['Retry-After']) >= 1


def test_the_late_one_of_many_is_named(service):
    (service.folder / 'open').unlink(missing_ok=True)
    answer = service.post(
        '/v1/ManyModel',
        {'model': 'v2/DoubleModel', 'instances': [{'value': 1}, {'value': 15}]},
        headers={'X-Request-Timeout': '0.3'},
    )
    (service.folder / 'open').touch()
    assert (answer.status_code, answer.json()['message'][:11]) == (504, 'DoubleModel')


def test_an_endless_handler_ends_at_its_deadline_and_others_are_answered(service, threads):
    endless = threads.submit(service.post, '/v1/EndlessModel', {}, headers={'X-Request-Timeout': '1'})
    for number in range(10):
        assert result(service.post('/v1/DoubleModel', {'value': number})) == 2 * number
    assert endless.result().status_code == 504
    wait_until((service.folder / 'cancelled').exists)


def test_a_call_may_be_shared_by_requests(service, threads):
    """The first one is late, which is no matter of the second one's."""
    (service.folder / 'open').unlink(missing_ok=True)
    assert service.post('/v1/SharingModel', {}, headers=HURRIED).status_code == 504
    second = threads.submit(service.post, '/v1/SharingModel', {})
    (service.folder / 'open').touch()
    assert result(second.result()) == 30


def test_an_array_of_numpy_is_refused_with_the_fix(service):
    assert service.post('/v1/ArrayModel', {}).status_code == 500
    wait_until(lambda: 'Write array.tolist() for an array' in service.log)


def with_routes(*rows):
    app = create_app(tuple(rows), Conf(BASE_FOLDER / 'no such folder', {}))
    app.readiness.start()
    return app


def calls(model, instance):
    return Route('/v1/FirstModel', caller(model, instance), chains.NothingModel)


DOUBLE = Route('/v1/DoubleModel', chains.DoubleResource, chains.DoubleModel)


class FailingModel(chains.DoubleModel):
    def predict(self, instances):
        raise OSError('the disk is full')


class UnloadableModel:
    def __init__(self):
        raise OSError('no such file')


def problem_of(app):
    return app.servables['/v1/FirstModel'].problem


def test_the_order_of_the_routes_does_not_matter():
    assert problem_of(with_routes(calls('DoubleModel', {'value': 1}), DOUBLE)) is None


def test_an_unknown_name_is_found_when_the_service_starts():
    problem = problem_of(with_routes(calls('DubleModel', {'value': 1}), DOUBLE))
    assert problem.startswith("examples[0]: UnknownModel: there is no model 'DubleModel'. Did you mean 'DoubleModel'? ")
    assert 'chain_callers.py, line ' in problem


def test_an_instance_that_is_refused_is_found_when_the_service_starts():
    problem = problem_of(with_routes(calls('DoubleModel', {'value': 'x'}), DOUBLE))
    assert 'RefusedInstance: /v1/FirstModel called /v1/DoubleModel with an instance that it refuses: value: ' in problem
    assert 'chain_callers.py, line ' in problem


@pytest.mark.parametrize(
    ('model', 'problem'), [(UnloadableModel, 'OSError: no such file'), (FailingModel, 'OSError: the disk is full')]
)
def test_a_model_is_as_ready_as_those_that_it_calls(model, problem):
    resource = chains.NoExampleResource if model is UnloadableModel else chains.DoubleResource
    app = with_routes(calls('DoubleModel', {'value': 1}), Route('/v1/DoubleModel', resource, model))
    assert problem in problem_of(app)


def test_a_model_that_fails_only_later_is_told_too():
    """The examples of the first model are answered before those of the second one fail."""

    class LaterModel(chains.DoubleModel):
        def predict(self, instances):
            if instances == [{'value': 1}]:
                raise OSError('the disk is full')
            return super().predict(instances)

    later = Route('/v1/DoubleModel', chains.DoubleResource, LaterModel)
    assert problem_of(with_routes(calls('DoubleModel', {'value': 2}), later)).startswith(
        'examples[0]: NotReady: DoubleModel is not ready: examples[0]: OSError: the disk is full'
    )


def test_a_model_that_is_not_ready_is_a_503_that_names_it(make_service):
    routes = 'from tests.fakes.chains import ROUTES as ROUTES\n'
    settings = '[model]\nname = {}\non_error = skip\nmax_queue = 5\n'
    files = {'model_serving/routes.py': routes, 'conf/wine_model.conf': settings.format('WineModel') + 'file = no.onnx'}
    service = make_service(files, {'PYTHONPATH': str(BASE_FOLDER), 'WORKERS': '1'}, start=False)
    service.without_models('wine_model.conf').start()
    for name in CALLERS:
        answer = call(service, name, 'WineModel', {})
        assert answer.status_code == 503
        assert answer.json()['message'].startswith('WineModel is not ready: ')


class PatientResource(chains.CallingResource):
    """Answers something else when the other model is not ready."""

    @validate_json({'type': 'object', 'examples': [{}]})
    async def post(self, instance):
        try:
            return {'result': await self.predict_async({'value': 2}, model='DoubleModel')}
        except NotReady:
            return {'result': None}


@pytest.mark.parametrize('is_first', [True, False])
def test_a_handler_may_do_without_the_other_model(is_first):
    """Whatever the order of the rows."""
    patient = Route('/v1/FirstModel', PatientResource, chains.NothingModel)
    failing = Route('/v1/DoubleModel', chains.DoubleResource, FailingModel)
    app = with_routes(*((patient, failing) if is_first else (failing, patient)))
    assert problem_of(app) is None
    assert app.servables['/v1/FirstModel'].answers == [{'result': None}]


@pytest.mark.parametrize(
    ('body', 'problem'),
    [
        ("{'result': self.predict_async({})}", 'An `await` is missing before a call that makes a part of the answer.'),
        ("{'result': self.predict({})}", 'predict would block the event loop. Write: await self.predict_async(…)'),
    ],
)
def test_a_mistake_of_a_handler_is_told_with_its_place(tmp_path, monkeypatch, body, problem):
    source = f"""
from model_serving.resources.model_resource import ModelResource
from model_serving.utils.validation_utils import validate_json
class Resource(ModelResource):
    @validate_json({{'type': 'object', 'examples': [{{}}]}})
    async def post(self, instance):
        return {body}
"""
    (tmp_path / 'mistaken.py').write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'mistaken', raising=False)
    from mistaken import Resource

    first = Route('/v1/FirstModel', Resource, chains.DoubleModel)
    found = problem_of(with_routes(first, Route('/v1/DoubleModel', chains.NoExampleResource, chains.DoubleModel)))
    assert problem in found
    assert 'mistaken.py, line ' in found


def test_the_calls_of_a_request_end_with_it(service, threads):
    """`asyncio.gather` leaves the others running when one fails: their time would be taken from other requests."""
    (service.folder / 'open').unlink(missing_ok=True)
    before = entered(service)
    busy = threads.submit(service.post, '/v2/DoubleModel', {'value': 15})
    wait_until(lambda: entered(service) > before)
    instances = [{'value': 1}] * 10 + [{'value': 'x'}]
    answer = service.post('/v1/ManyModel', {'model': 'v2/DoubleModel', 'instances': instances})
    assert answer.status_code == 500
    # The queue has 20 places, of which the calls of the failed request held 10.
    many = [{'value': 1}] * 18
    late = service.post('/v1/ManyModel', {'model': 'v2/DoubleModel', 'instances': many}, headers=HURRIED)
    (service.folder / 'open').touch()
    assert late.status_code == 504
    assert busy.result().status_code == 200
