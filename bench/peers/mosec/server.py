"""mosec in its documented best way: its Rust front, two worker processes a model, dynamic batches of up to 32."""

import os

from mosec import Runtime, Server, Worker
from served import served

MODELS = served(os.environ['BENCH_WORKLOAD'])


class ModelWorker(Worker):
    """The models of one workload are of one class."""

    def __init__(self):
        self._model = next(iter(MODELS.values()))()

    def forward(self, data):
        return [{'result': result} for result in self._model.predict(data)]


def main():
    """Serve the models; with a hundred of them each gets one process, since two would be 200.

    A batch waits 1 ms to fill up, the shortest there is: mosec's own 10 ms would be paid by every lonely request.
    """
    server = Server()
    # It takes all routes in one call.
    server.register_runtime(
        {
            f'/v1/{name}': [Runtime(ModelWorker, num=2 if len(MODELS) == 1 else 1, max_batch_size=32, max_wait_time=1)]
            for name in MODELS
        }
    )
    server.run()


if __name__ == '__main__':
    main()
