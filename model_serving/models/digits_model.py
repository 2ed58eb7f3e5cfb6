import logging

import numpy as np
import onnxruntime

from ..utils.conf_utils import BASE_FOLDER

LOGGER = logging.getLogger('DigitsModel')
MODEL_FILE = BASE_FOLDER / 'data' / 'digits.onnx'


class DigitsModel:
    """Recognises one handwritten or drawn digit: a small network that data/train_digits.py trained."""

    # A sequential session with one thread starts none of its own, so the workers may share one copy.
    load_before_fork = True

    def __init__(self, model_file=MODEL_FILE):
        LOGGER.info('Initializing Digits Model ...')
        options = onnxruntime.SessionOptions()
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model_file, options, providers=['CPUExecutionProvider'])
        LOGGER.info('Digits Model Initialized.')

    def predict(self, instances: list) -> list:
        """Return `{'digit': int, 'probabilities': [10 floats]}` for each `{'image': 8 × 8 numbers, 0 to 16}`."""
        images = np.array([instance['image'] for instance in instances], dtype=np.float32)
        (probabilities,) = self._session.run(None, {'image': images})
        # As float64, since rounded float32 numbers do not look rounded.
        rounded = probabilities.astype(np.float64).round(6).tolist()
        digits = probabilities.argmax(axis=1).tolist()
        return [{'digit': digit, 'probabilities': values} for digit, values in zip(digits, rounded, strict=True)]
