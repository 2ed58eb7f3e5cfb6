"""Models that call models: each call goes through the other model's own schema, readiness and batches."""

import difflib

from . import deadlines
from .errors import HandlerError, InvalidInstance, RefusedInstance, UnknownModel


def names_of(servables) -> dict:
    """Return each servable by `v2/DigitsModel`, and the highest version of each name by `DigitsModel`."""
    servables = sorted(servables, key=lambda servable: servable.version)
    return {name: servable for servable in servables for name in (servable.name, servable.url.removeprefix('/'))}


async def predict_async(caller, instance, model: str):
    """Return the result of another model for one instance, for the handler of the servable `caller`.

    Raises HandlerError, such as UnknownModel and RefusedInstance; and NotReady, Overloaded and DeadlineExceeded with
    the other model's name.
    """
    callee = _callee(caller, model)
    with deadlines.waiting_for(callee.name):
        # A model that is not ready may not know its schema yet.
        reason = None if callee.problem else callee.refusal(instance)
        if reason is not None:
            raise RefusedInstance(caller.url, callee.url, reason)
        try:
            return await callee.batcher.predict_async(instance)
        except InvalidInstance as error:
            # The client of `caller` did not send this instance.
            raise RefusedInstance(caller.url, callee.url, str(error)) from error


def _callee(caller, model):
    callee = caller.others.get(model)
    if callee is None:
        near = difflib.get_close_matches(str(model), caller.others, n=1)
        hint = f' Did you mean {near[0]!r}?' if near else ''
        known = ', '.join(name for name in caller.others if '/' in name)
        raise UnknownModel(f'there is no model {model!r}.{hint} There are: {known}')
    caller.callees.add(callee)
    if callee.batcher.predict is None and not callee.problem:
        raise HandlerError(f'{model} has no method predict(instances), so it cannot be called.')
    return callee
