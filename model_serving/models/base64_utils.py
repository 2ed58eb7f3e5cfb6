import base64
import binascii

from ..serving.errors import InvalidInstance


def decoded(instance: dict, key: str) -> bytes:
    """Return the bytes of the base64 text `instance[key]`; raises InvalidInstance."""
    try:
        return base64.b64decode(instance[key], validate=True)
    except (binascii.Error, ValueError) as error:
        hint = "Send plain base64: no line breaks, no 'data:…;base64,' in front, not the alphabet for URLs."
        raise InvalidInstance(key, f'not base64: {error}. {hint}') from error
