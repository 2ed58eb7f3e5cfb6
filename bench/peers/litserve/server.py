"""LitServe in its documented best way: batches of up to 32, two workers, a fast queue."""

import os
import sys

import litserve
from served import served


class ModelAPI(litserve.LitAPI):
    """One model. Batches are lists, as `predict` takes them, so nothing is stacked."""

    def __init__(self, name, model_class):
        # A lonely request waits the whole time, so it is as short as elsewhere in this benchmark: 1 ms.
        super().__init__(max_batch_size=32, batch_timeout=0.001, api_path=f'/v1/{name}')
        self._model_class = model_class

    def setup(self, device):
        self._model = self._model_class()

    def decode_request(self, request):
        return request

    def batch(self, inputs):
        return list(inputs)

    def predict(self, instances):
        return self._model.predict(instances)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {'result': output}


if __name__ == '__main__':
    models = served(os.environ['BENCH_WORKLOAD'])
    apis = [ModelAPI(name, model_class) for name, model_class in models.items()]
    server = litserve.LitServer(apis, accelerator='cpu', workers_per_device=2 if len(apis) == 1 else 1, fast_queue=True)
    server.run(
        host='127.0.0.1',
        port=int(os.environ['BENCH_PORT']),
        num_api_servers=2,
        log_level='warning',
        generate_client_file=False,
        access_log=False,
    )
    sys.exit()
