"""BentoML in its documented best way: one service with batches of up to 32, two workers; a body is a list of one."""

import os

import bentoml
from served import served

((name, model_class),) = served(os.environ['BENCH_WORKLOAD']).items()


@bentoml.service(workers=2, logging={'access': {'enabled': False}}, metrics={'enabled': False})
class Model:
    """The workload's one model."""

    def __init__(self):
        self._model = model_class()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000, route=f'/v1/{name}')
    def predict(self, instances: list[dict]) -> list:
        return self._model.predict(instances)
