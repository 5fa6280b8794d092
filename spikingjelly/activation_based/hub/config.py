"""The description of a network: which builder, with which arguments."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based.hub._errors import HubError
from spikingjelly.activation_based.hub._values import to_json
from spikingjelly.activation_based.hub.registry import builders

_FORMAT = "spikingjelly"
_VERSION = 1
_KEYS = ("format", "format_version", "builder", "arguments", "step_mode", "input_shape")
# Weights come with the description, not from elsewhere.
FORBIDDEN = ("pretrained", "progress")


@dataclass(frozen=True)
class NetworkConfig:
    """What a network is made of, as data. Made by :func:`make_config`.

    :param builder: name of a network of ``activation_based.model``, or of a class that is passed to load it
    :param arguments: its keyword arguments, as JSON
    :param step_mode: 's', 'm', or None for the one that the builder sets
    :param input_shape: of one sample at one time step, without ``T`` and ``N``; None if it isn't said
    """

    builder: str
    arguments: dict[str, Any] = field(default_factory=dict)
    step_mode: str | None = None
    input_shape: tuple[int, ...] | None = None

    def to_text(self) -> str:
        """As JSON."""
        values = (_FORMAT, _VERSION, self.builder, self.arguments, self.step_mode, self.input_shape)
        return json.dumps(dict(zip(_KEYS, values, strict=True)), indent=1) + "\n"

    @staticmethod
    def from_text(text: str) -> "NetworkConfig":
        """The reverse of :meth:`to_text`, for text that may come from anyone.

        :raises HubError: if it is no description of a network
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HubError(f"it is no JSON ({error})") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise HubError(f"it is no description of a network: it has no 'format': {_FORMAT!r}")
        if content.get("format_version") != _VERSION:
            raise HubError(f"its format_version is {content.get('format_version')!r}, but {_VERSION} is understood")
        unknown = sorted(content.keys() - set(_KEYS))
        if unknown:
            raise HubError(f"it has the unknown entries {unknown}")
        builder, arguments = content.get("builder"), content.get("arguments")
        if not isinstance(builder, str) or not isinstance(arguments, dict):
            raise HubError(
                f"builder must be a name and arguments a dict, but {describe(builder)}, {describe(arguments)} are given"
            )
        if content.get("step_mode") not in (None, "s", "m"):
            raise HubError(f"step_mode must be 's', 'm' or null, but {content['step_mode']!r} is given")
        for name in set(FORBIDDEN) & arguments.keys():
            raise HubError(f"it has the argument {name!r}, which would read weights from elsewhere. Remove it")
        return NetworkConfig(builder, arguments, content.get("step_mode"), _shape_from(content.get("input_shape")))


def make_config(
    builder: Callable[..., nn.Module],
    step_mode: str | None = None,
    input_shape: Sequence[int] | None = None,
    **arguments: Any,
) -> NetworkConfig:
    """The description of the network ``builder(**arguments)``.

    :param builder: a network of ``activation_based.model`` or a class of one's own
    :param step_mode: what ``functional.set_step_mode`` is called with; None: not at all
    :param input_shape: of one sample at one time step, as ``(3, 32, 32)``; lets ``python -m spikingjelly export`` work
        without being told
    :param arguments: numbers, texts, lists, classes of neurons and layers, and surrogate functions

    :raises TypeError: (also an AssertionError) for an argument that can't be described, with its name
    :raises ValueError: (also an AssertionError) for another step mode and for ``pretrained``
    """
    name = getattr(builder, "__name__", None)
    if not callable(builder) or not isinstance(name, str):
        raise ArgumentTypeError(
            f"make_config: builder must be a class or a function that makes a network, but {describe(builder)} was "
            "given."
        )
    if step_mode not in (None, "s", "m"):
        raise ArgumentValueError(f"make_config: step_mode must be 's', 'm' or None, but {step_mode!r} was given.")
    for forbidden in set(FORBIDDEN) & arguments.keys():
        raise ArgumentValueError(f"make_config: leave {forbidden} out: the weights are saved with the description.")
    for size in input_shape or ():
        check_positive_int("make_config", "input_shape", size)
    known = next((key for key, value in builders().items() if value is builder), name)
    shape = None if input_shape is None else tuple(int(size) for size in input_shape)
    return NetworkConfig(known, {key: to_json(key, value) for key, value in arguments.items()}, step_mode, shape)


def _shape_from(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > 4 or not all(type(n) is int and 0 < n <= 2**16 for n in value):
        raise HubError(f"input_shape must be a list of at most 4 sizes up to 65536, but {describe(value)} is given")
    return tuple(value)
