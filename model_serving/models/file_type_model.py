import logging

from .base64_utils import decoded

LOGGER = logging.getLogger('FileTypeModel')


class FileTypeModel:
    """Tells the type of a file from its bytes, by Google's Magika."""

    def __init__(self):
        LOGGER.info('Initializing File Type Model ...')
        # An optional package, so it is imported when the model is made.
        from magika import Magika

        self._magika = Magika()
        LOGGER.info('File Type Model Initialized.')

    def predict(self, instances: list) -> list:
        """Return type, score, group, MIME type and description for each `{'file': base64 text}`.

        Raises InvalidInstance for what is not base64.
        """
        files = [decoded(instance, 'file') for instance in instances]
        return [_result(self._magika.identify_bytes(file)) for file in files]


def _result(found):
    return {
        'type': str(found.output.label),
        'score': round(found.score, 4),
        'group': found.output.group,
        'mime': found.output.mime_type,
        'description': found.output.description,
    }
