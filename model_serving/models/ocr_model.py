import logging
from io import BytesIO

import numpy as np

from ..serving.errors import InvalidInstance, StartError
from ..utils.cpu_utils import available_cores
from .base64_utils import decoded

LOGGER = logging.getLogger('OCRModel')

FORMATS = ('PNG', 'JPEG', 'WEBP', 'GIF', 'BMP')
# A phone's photo has about 12 million. Decoded, each takes 4 bytes, in several copies.
MAX_PIXELS = 16_000_000
# The detector enlarges a picture until its short side has 736 pixels, so a thin strip would become huge.
MAX_ASPECT = 8


class OCRModel:
    """Reads lines of Chinese and English text in a picture, by RapidOCR."""

    def __init__(self):
        LOGGER.info('Initializing OCR Model ...')
        # An optional package, so it is imported when the model is made.
        try:
            from PIL import Image
            from rapidocr_onnxruntime import RapidOCR
        except ImportError as error:
            # OpenCV needs libGL and GLib, which small servers lack.
            raise StartError(f'{error}. On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0') from error
        # Several threads help here, unlike in the other models: recognising a line takes long.
        self._ocr = RapidOCR(intra_op_num_threads=available_cores())
        # `picture` has a bound of its own, with words for the client.
        Image.MAX_IMAGE_PIXELS = None
        LOGGER.info('OCR Model Initialized.')

    def predict(self, instances: list) -> list:
        """Return `{'lines': [{'text': str, 'confidence': float, 'box': four corners}]}` for each picture.

        An instance is `{'image': base64 text}`. A corner is `[x, y]` in pixels of the upright picture, clockwise
        from the upper left one. Raises InvalidInstance for what is no picture, or has too many pixels.
        """
        pictures = [picture(decoded(instance, 'image')) for instance in instances]
        return [{'lines': self._lines(one)} for one in pictures]

    def _lines(self, pixels):
        found, _ = self._ocr(pixels)
        return [
            {'text': text, 'confidence': round(float(confidence), 4), 'box': np.round(box).astype(int).tolist()}
            for box, text, confidence in found or []
        ]


def picture(file: bytes) -> np.ndarray:
    """Return the pixels of a picture's file, as OpenCV has them: (height, width, 3), blue first.

    Raises InvalidInstance, and where there are too many pixels it does so before they are decoded.
    """
    from PIL import Image, ImageOps

    try:
        # Reads the header alone.
        image = Image.open(BytesIO(file), formats=FORMATS)
    # Pillow raises many kinds of errors for a file that is broken.
    except Exception as error:
        raise InvalidInstance('image', f'is not a picture of a supported kind: {", ".join(FORMATS)}') from error
    paper_width, paper_height = _paper_size(*image.size)
    if paper_width * paper_height > MAX_PIXELS:
        raise InvalidInstance(
            'image', f'{image.width} × {image.height} pixels are too many, or too long and thin: make it smaller'
        )
    try:
        upright = ImageOps.exif_transpose(image)
        upright = upright.convert('RGBA' if upright.has_transparency_data else 'RGB')
    except Exception as error:
        raise InvalidInstance('image', f'a broken {image.format} picture: {error}') from error
    paper = Image.new('RGB', _paper_size(*upright.size), 'white')
    paper.paste(upright, mask=upright if upright.mode == 'RGBA' else None)
    return np.ascontiguousarray(np.asarray(paper)[:, :, ::-1])


def _paper_size(width, height):
    """Return the size of white paper that holds a picture and is no thin strip."""
    return max(width, -(-height // MAX_ASPECT)), max(height, -(-width // MAX_ASPECT))
