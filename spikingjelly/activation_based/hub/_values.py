"""Arguments of networks as JSON, and back: plain values, and references by kind and name."""

import math
from dataclasses import dataclass
from typing import Any

from spikingjelly.activation_based._checks import ArgumentTypeError, describe
from spikingjelly.activation_based.hub._errors import HubError
from spikingjelly.activation_based.hub.registry import CLASSES

_LARGEST = 2**24  # of an int: what is larger is no size of a network
_DEEPEST = 8
_LONGEST = 4096


@dataclass(frozen=True)
class Part:
    """A layer or a neuron as data: its class, one of this package, and its keyword arguments."""

    cls: type
    arguments: dict[str, Any]

    def __init__(self, cls: type, **arguments: Any) -> None:
        object.__setattr__(self, "cls", cls)
        object.__setattr__(self, "arguments", arguments)


def to_json(name: str, value: Any) -> Any:
    """``value`` as JSON.

    A class of neurons, surrogate functions or layers becomes ``{"neuron": "LIFNode"}``, a surrogate function
    ``{"surrogate": "ATan", "arguments": {"alpha": 2.0, "spiking": True}}``, and so does a :class:`Part`.

    :raises TypeError: (also an AssertionError) for what can't be expressed
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return [to_json(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: to_json(f"{name}.{key}", item) for key, item in value.items()}}
    if isinstance(value, Part):
        described = {key: to_json(f"{name}.{key}", item) for key, item in value.arguments.items()}
        return {**to_json(name, value.cls), "arguments": described}
    for kind, classes in CLASSES.items():
        for class_name, cls in classes.items():
            if value is cls:
                return {kind: class_name}
            if kind == "surrogate" and type(value) is cls:
                return {kind: class_name, "arguments": _arguments_of(value)}
    raise ArgumentTypeError(
        f"make_config: the argument {name} is {describe(value)}, which can't be described. Numbers, texts, lists, "
        "classes of neurons and layers, surrogate functions and hub.Part can."
    )


def _arguments_of(surrogate: Any) -> dict[str, Any]:
    given = {name: getattr(surrogate, name) for name in surrogate._parameter_names}
    return {name: to_json(name, value) for name, value in {**given, "spiking": surrogate.spiking}.items()}


def from_json(name: str, value: Any, depth: int = 0) -> Any:
    """The argument that ``value`` describes.

    :raises HubError: for anything else than :func:`to_json` gives, and for sizes without sense
    """
    if depth > _DEEPEST:
        raise HubError(f"the argument {name} is nested more than {_DEEPEST} deep")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise HubError(f"the argument {name} is {describe(value)}, but a size is at most {_LARGEST:,}")
    if isinstance(value, float) and not math.isfinite(value):
        raise HubError(f"the argument {name} is {value}, but a finite number is expected")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | dict) and len(value) > _LONGEST:
        raise HubError(f"the argument {name} has {len(value):,} entries, but at most {_LONGEST:,} are taken")
    if isinstance(value, list):
        return [from_json(name, item, depth + 1) for item in value]
    if list(value) == ["dict"] and isinstance(value["dict"], dict):
        return {key: from_json(f"{name}.{key}", item, depth + 1) for key, item in value["dict"].items()}
    return _referred(name, value, depth)


def _referred(name: str, value: dict[str, Any], depth: int) -> Any:
    kinds = [kind for kind in CLASSES if kind in value]
    if len(kinds) != 1 or value.keys() - {kinds[0], "arguments"}:
        raise HubError(f"the argument {name} is {describe(value)}, which is no reference that is known")
    (kind,) = kinds
    class_name = value[kind]
    if not isinstance(class_name, str) or class_name not in CLASSES[kind]:
        raise HubError(f"the argument {name} names the {kind} {describe(class_name)}, which is not in this package")
    cls = CLASSES[kind][class_name]
    if "arguments" not in value:
        return cls
    if not isinstance(value["arguments"], dict):
        raise HubError(f"the arguments of {name} are {describe(value['arguments'])}, but a dict is expected")
    arguments = {key: from_json(f"{name}.{key}", item, depth + 1) for key, item in value["arguments"].items()}
    try:
        return cls(**arguments)
    except Exception as error:  # whatever a constructor may raise
        raise HubError(f"the argument {name} can't be made: {class_name}(**{arguments}): {error}") from error
