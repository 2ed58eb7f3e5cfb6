"""The setting `schema`: a JSON merge patch (RFC 7386) for the schema that a model file gives."""

import json

from ..serving.errors import StartError
from ..utils.conf_utils import BASE_FOLDER
from ..utils.text_utils import did_you_mean
from .schemas import merge_patch


def patched(schema: dict, settings: dict) -> dict:
    """Return the schema of an instance, with the patch of the settings applied if there is one.

    Raises StartError for a patch that can't be read, or that names an input which the model does not have.
    """
    if not settings['schema']:
        return schema
    place = f'{settings["schema"]} (schema of {settings["file"]})'
    patch = _read(BASE_FOLDER / settings['schema'], place)
    known, told = schema.get('properties', {}), patch.get('properties')
    for name in told if isinstance(told, dict) else ():
        if name not in known:
            hint = did_you_mean(name, known)
            raise StartError(f'{place}: {name!r} is not an input of the model.{hint} There are: {", ".join(known)}.')
    return merge_patch(schema, patch)


def _read(path, place):
    try:
        patch = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise StartError(f'{place} can not be read: {error.strerror}.') from error
    except ValueError as error:
        raise StartError(f'{place} is not JSON: {error}') from error
    if not isinstance(patch, dict):
        raise StartError(f'{place} must be a JSON object: a merge patch over the schema.')
    return patch
