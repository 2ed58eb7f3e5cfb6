"""MLServer with the network of bench/protocols.py: a runtime that hands the array of its codec to the session."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Picture(MLModel):
    """One input, a picture of float32; one output, its scores."""

    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload):
        image = NumpyCodec.decode_input(payload.inputs[0])
        (scores,) = self._session.run(None, {'image': image})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output('scores', scores)])
