"""MLServer in its documented best way: a runtime of one's own, adaptive batches of up to 32, two inference workers."""

import os

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceResponse, ResponseOutput
from served import served

((_, model_class),) = served(os.environ['BENCH_WORKLOAD']).items()


class Runtime(MLModel):
    """The workload's one model; its one input is a tensor whose first dimension counts the instances."""

    async def load(self):
        self._model = model_class()
        return True

    async def predict(self, payload):
        (tensor,) = payload.inputs
        codec = StringCodec if tensor.datatype == 'BYTES' else NumpyCodec
        values = codec.decode_input(tensor)
        values = values if isinstance(values, list) else values.tolist()
        results = self._model.predict([{tensor.name: value} for value in values])
        return InferenceResponse(model_name=self.name, outputs=list(map(_output, *_columns(results))))


def _columns(results):
    """Return the outputs' names and, for each, a value for each instance."""
    if isinstance(results[0], dict):
        return list(results[0]), [[result[name] for result in results] for name in results[0]]
    return ['result'], [results]


def _output(name, values):
    if isinstance(values[0], str):
        return StringCodec.encode_output(name, values)
    width = len(values[0]) if isinstance(values[0], list) else 1
    data = [number for row in values for number in row] if width > 1 else values
    datatype = 'INT64' if isinstance(data[0], int) else 'FP64'
    return ResponseOutput(name=name, shape=[len(values), width], datatype=datatype, data=data)
