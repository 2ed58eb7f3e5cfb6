"""`[params]` of a model's .conf: the arguments of its class, read by the types that its `__init__` declares."""

import inspect
import re
import types
import typing
from pathlib import Path

from ..serving import places, secrets
from ..serving.errors import StartError
from ..serving.places import PROJECT
from .kinds import FILE, LIST, ON_OFF, Kind
from .text_utils import did_you_mean

# Stands for an environment variable, whose value is a secret or differs between machines.
VARIABLE = re.compile(r'\$\{([^{}]+)\}')
KINDS = {
    str: Kind(str, 'a text'),
    int: Kind(int, 'a whole number'),
    float: Kind(float, 'a number'),
    bool: ON_OFF,
    Path: Kind(lambda text: PROJECT / FILE.read(text), FILE.allowed),
}
BY_NAME = {each.__name__: kind for each, kind in KINDS.items()}
TYPES = 'str, int, float, bool, pathlib.Path, or a list of one of these'
NOT_BY_NAME = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def parameters_of(model) -> dict:
    """Return the parameters, by name, that can be given to a model's class, or to any other callable.

    There are none for None, which stands for a resource that makes its own model.
    """
    if model is None:
        return {}
    try:
        parameters = inspect.signature(model).parameters
    # A class that is written in C may tell nothing.
    except ValueError:
        return {}
    names = _names(model)
    return {name: _resolved(each, names) for name, each in parameters.items() if each.kind not in NOT_BY_NAME}


def _names(model):
    """Return the names that annotations of a model's parameters may use."""
    model = places.unwrapped(model)
    function = places.unwrapped(model.__init__ if isinstance(model, type) else model)
    # Path is often imported for type checkers only.
    return {'Path': Path, **getattr(function, '__globals__', {})}


def _resolved(parameter, names):
    """Return a parameter with the type that its annotation names, if that is a text, as all are in some modules."""
    if not isinstance(parameter.annotation, str):
        return parameter
    try:
        return parameter.replace(annotation=eval(parameter.annotation, names))
    # It may name something that is imported for type checkers only.
    except Exception:
        return parameter


def arguments(model, texts: dict, environ, place: str) -> dict:
    """Return the arguments for `model`, from the `texts` by name, each with the place that it comes from.

    Raises StartError for an unknown name, a bad value or a missing one, whose message begins with `place`.
    """
    parameters = parameters_of(model)
    for name, (_, where) in texts.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters)
            raise StartError(f'{where}: {_named(model)} has no such parameter.{hint} {_there_are(parameters)}')
    for name, parameter in parameters.items():
        if name not in texts and parameter.default is parameter.empty:
            raise StartError(f'{place} {name} = …: {_named(model)} needs it. {_there_are(parameters)}')
    return {name: _value(parameters[name], text, environ, where) for name, (text, where) in texts.items()}


def _value(parameter, text, environ, where):
    kind = _kind(parameter)
    if kind is None:
        raise StartError(f'{where}: its type in __init__ cannot be written in a file. It can be {TYPES}.')
    shown = ' '.join(text.split()) if VARIABLE.search(text) else repr(text)
    value = VARIABLE.sub(lambda match: _secret(match[1], environ, f'{where} = {shown}'), text)
    try:
        return kind.read(value.strip())
    # Without the cause: its text holds the value.
    except (ValueError, KeyError):
        raise StartError(f'{where} = {shown}: {kind.fault(text)}') from None


def _secret(variable, environ, place):
    """Return the value of an environment variable, which is hidden from now on."""
    value = environ.get(variable, '').strip()
    if not value:
        raise StartError(f'{place}: the environment variable {variable} is not set. Set it.')
    # It may be a list of secrets.
    for secret in (value, *LIST.read(value)):
        secrets.keep(secret)
    return value


def _kind(parameter):
    """Return the kind of a parameter's values, by its annotation or else its default; None if there is none."""
    if parameter.annotation is not parameter.empty:
        return _kind_of(parameter.annotation)
    is_any = parameter.default in (parameter.empty, None)
    return _kind_of(str if is_any else _type_of(parameter.default))


def _kind_of(wanted):
    parts = [part for part in typing.get_args(wanted) if part is not types.NoneType]
    if typing.get_origin(wanted) in (typing.Union, types.UnionType) and len(parts) == 1:
        return _kind_of(parts[0])  # `str | None`
    if wanted is list or typing.get_origin(wanted) is list:
        kind = _kind_of(parts[0] if parts else str)
        return kind and Kind(lambda text: [kind.read(word) for word in LIST.read(text)], _several(kind))
    # An annotation that could not be resolved is a text.
    names = BY_NAME if isinstance(wanted, str) else KINDS
    return names.get(wanted) if isinstance(wanted, (str, type)) else None


def _type_of(default):
    if isinstance(default, list):
        return list[_type_of(default[0])] if default else list
    return Path if isinstance(default, Path) else type(default)


def _several(kind):
    return f'values, separated by commas or line breaks, each {kind.allowed}'


def _there_are(parameters):
    if not parameters:
        return 'Its __init__ has no parameters beside self.'
    kinds = {name: _kind(parameter) for name, parameter in parameters.items()}
    return f'There are: {", ".join(f"{name} ({kind.allowed})" if kind else name for name, kind in kinds.items())}.'


def _named(model):
    model = places.unwrapped(model)
    name = getattr(model, '__name__', None) or type(model).__name__
    return 'the function in its row' if name == '<lambda>' else name
