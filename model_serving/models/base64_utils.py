import base64

import pybase64

from ..serving.errors import InvalidInstance


def decoded(instance: dict, key: str) -> bytes:
    """Return the bytes of the base64 text `instance[key]`; raises InvalidInstance."""
    text = instance[key]
    try:
        # Twenty times as fast as Python's own, which knows better what is wrong.
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError as error:
            hint = "Send plain base64: no line breaks, no 'data:…;base64,' in front, not the alphabet for URLs."
            raise InvalidInstance(key, f'not base64: {error}. {hint}') from error
