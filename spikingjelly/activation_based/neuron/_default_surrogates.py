"""Default surrogate functions, and how a module gets one of its own."""

import copy
from collections.abc import Callable

import torch

from spikingjelly.activation_based import surrogate

DEFAULT_SURROGATE = surrogate.Sigmoid()
DEFAULT_ATAN = surrogate.ATan()
DEFAULT_RECT = surrogate.Rect()
DEFAULT_ERF = surrogate.Erf()

_SHARED = (DEFAULT_SURROGATE, DEFAULT_ATAN, DEFAULT_RECT, DEFAULT_ERF)


def own_surrogate(
    surrogate_function: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor], torch.Tensor]:
    """``surrogate_function``, or a copy of it where it is a default argument.

    A default argument is one object for all modules, but each module has a spiking mode of its own.
    """
    if any(surrogate_function is shared for shared in _SHARED):
        return copy.deepcopy(surrogate_function)
    return surrogate_function
