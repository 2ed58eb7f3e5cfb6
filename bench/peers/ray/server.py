"""Ray Serve in its documented best way: two replicas, batches of up to 32 that wait 1 ms."""

import os

from ray import serve
from served import served
from starlette.requests import Request

((name, model_class),) = served(os.environ['BENCH_WORKLOAD']).items()


@serve.deployment(num_replicas=2, max_ongoing_requests=100, ray_actor_options={'num_cpus': 0.5})
class Model:
    """The workload's one model."""

    def __init__(self):
        self._model = model_class()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.001)
    async def predict(self, instances):
        return self._model.predict(instances)

    async def __call__(self, request: Request):
        return {'result': await self.predict(await request.json())}


serve.start(http_options={'host': '127.0.0.1', 'port': int(os.environ['BENCH_PORT'])})
serve.run(Model.bind(), route_prefix=f'/v1/{name}', blocking=True)
