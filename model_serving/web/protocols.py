"""The URLs of other protocols."""

from .dialects import MLFLOW
from .health import HealthReady
from .open_inference import ModelMetadata, ModelReady, RepositoryIndex, ServerLive, ServerMetadata, ServerReady
from .protocol import Predict
from .protocol_urls import NameConverter
from .tensorflow_serving import ModelNames, PredictTensorFlow, VersionMetadata, VersionStatus


class PredictMLflow(Predict):
    __doc__ = Predict.__doc__
    tag, body, answer, error = MLFLOW.title, 'MLflowRequest', 'MLflowResponse', 'MLflowError'
    other_types = {'text/csv': {'schema': {'type': 'string'}}}


class Ping(HealthReady):
    """Whether the models can answer, for MLflow, SageMaker and Vertex AI."""


MODEL, VERSION, LABEL = '/models/<name:name>', '/versions/<name:version>', '/labels/<name:label>'
RULES = (
    (ServerLive, '/v2/health/live'),
    (ServerReady, '/v2/health/ready'),
    (ModelReady, f'/v2{MODEL}/ready', f'/v2{MODEL}{VERSION}/ready'),
    (ModelMetadata, f'/v2{MODEL}', f'/v2{MODEL}{VERSION}'),
    (Predict, f'/v2{MODEL}/infer', f'/v2{MODEL}{VERSION}/infer'),
    (RepositoryIndex, '/v2/repository/index'),
    (ModelNames, '/v1/models'),
    (VersionStatus, f'/v1{MODEL}', f'/v1{MODEL}{VERSION}', f'/v1{MODEL}{LABEL}'),
    (VersionMetadata, f'/v1{MODEL}/metadata', f'/v1{MODEL}{VERSION}/metadata', f'/v1{MODEL}{LABEL}/metadata'),
    (PredictTensorFlow, f'/v1{MODEL}:predict', f'/v1{MODEL}{VERSION}:predict', f'/v1{MODEL}{LABEL}:predict'),
    (PredictMLflow, '/v<int:version>/<name:name>/invocations', '/invocations'),
    (Ping, '/ping', '/health'),
)


def add_protocols(api, vertex_predict: str | None, vertex_health: str | None):
    """Answer the URLs of the other protocols, and at the routes that Vertex AI chooses."""
    api.app.url_map.converters['name'] = NameConverter
    if vertex_predict:
        api.add_resource(PredictTensorFlow, vertex_predict, endpoint='AIP_PREDICT_ROUTE')
    if vertex_health:
        api.add_resource(Ping, vertex_health, endpoint='AIP_HEALTH_ROUTE')
    api.add_resource(ServerMetadata, '/v2', endpoint='/v2', resource_class_args=(2,), strict_slashes=False)
    for resource, *urls in RULES:
        api.add_resource(resource, *urls, endpoint=urls[0])
