"""Default surrogate functions, and how a module gets one of its own."""

import copy
from typing import Any

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based._checks import ArgumentTypeError, describe, name_of

DEFAULT_SURROGATE = surrogate.Sigmoid()
DEFAULT_ATAN = surrogate.ATan()
DEFAULT_RECT = surrogate.Rect()
DEFAULT_ERF = surrogate.Erf()
DEFAULT_COUNT = surrogate.MultiLevelSpikeCount(4)

_SHARED = (DEFAULT_SURROGATE, DEFAULT_ATAN, DEFAULT_RECT, DEFAULT_ERF, DEFAULT_COUNT)


def own_surrogate(owner: Any, function: Any, name: str = "surrogate_function") -> Any:
    """``function``, or a copy of it where it is a default argument.

    A default argument is one object for all modules, but each module has a spiking mode of its own. None is handed on:
    a subclass that fires in its own way needs no surrogate.

    :raises TypeError: (also an AssertionError) if it can't be called with a tensor
    """
    if any(function is shared for shared in _SHARED):
        return copy.deepcopy(function)
    if isinstance(function, type):
        raise ArgumentTypeError(
            f"{name_of(owner)}: {name} must be a surrogate function, but the class {function.__name__} was given. "
            f"Make one of it: {name}={function.__name__}()."
        )
    if function is not None and not callable(function):
        raise ArgumentTypeError(
            f"{name_of(owner)}: {name} must be a surrogate function such as surrogate.ATan(), or another function of a "
            f"tensor, but {describe(function)} was given."
        )
    return function
