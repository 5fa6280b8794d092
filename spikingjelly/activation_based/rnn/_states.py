"""What a recurrent network takes: an input, and the states ``h`` or ``(h, c, ...)``, which may be left out."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_floating_tensor, describe, name_of

States: TypeAlias = torch.Tensor | tuple[torch.Tensor, ...]


def packed(states: tuple[torch.Tensor, ...]) -> States:
    """States as users see them: a tensor if there is one kind, else a tuple."""
    return states[0] if len(states) == 1 else states


def unpacked(owner: Any, states: Any, kinds: int) -> tuple[torch.Tensor, ...]:
    """The inverse of :func:`packed`; a list will do for the tuple.

    :raises TypeError: for anything else
    """
    if kinds == 1 and isinstance(states, torch.Tensor):
        return (states,)
    several = isinstance(states, (tuple, list)) and kinds > 1 and len(states) == kinds
    if several and all(isinstance(state, torch.Tensor) for state in states):
        return tuple(states)
    expected = "one tensor" if kinds == 1 else f"a tuple of {kinds} tensors"
    given = describe(states)
    if isinstance(states, (tuple, list)):
        given = f"a {type(states).__name__} of {', '.join(map(describe, states)) or 'nothing'}"
    raise TypeError(f"{name_of(owner)}: the states must be {expected}, but {given} was given. None stands for zeros.")


def initial_states(
    owner: Any, states: Any, kinds: int, shape: Sequence[int], x: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """The given states, or zeros of ``shape`` where ``states`` is None, in the dtype and on the device of ``x``.

    :raises TypeError: if the states are of a wrong type or number
    :raises ValueError: if a state does not have the shape, or not the dtype (outside autocast) and device of ``x``
    """
    if states is None:
        return tuple(x.new_zeros(*shape) for _ in range(kinds))
    given = unpacked(owner, states, kinds)
    for state in given:
        same_dtype = state.dtype == x.dtype or torch.is_autocast_enabled(x.device.type)
        if list(state.shape) != list(shape) or state.device != x.device or not same_dtype:
            raise ValueError(
                f"{name_of(owner)}: for {describe(x)} on {x.device} as input, each state must have shape "
                f"{list(shape)} and the input's dtype and device, but {describe(state)} on {state.device} was given."
            )
    return given


def check_input(owner: nn.Module, x: Any, axes: str, features: int) -> None:
    """``x`` must have the ``axes``, the last of size ``features``, and the dtype of the weights (outside autocast).

    :raises TypeError: if ``x`` is no floating-point tensor, or of another dtype than the weights
    :raises ValueError: if ``x`` has another shape, or no time step
    """
    if isinstance(x, nn.utils.rnn.PackedSequence):
        raise TypeError(
            f"{name_of(owner)}: the input must be a tensor, but a PackedSequence was given. Unpack it: x, lengths = "
            "torch.nn.utils.rnn.pad_packed_sequence(x), and read each sample's output at its own last time step."
        )
    check_floating_tensor(owner, "the input", x)
    if x.dim() != len(axes.split(",")) or x.shape[-1] != features or x.shape[0] == 0:
        raise ValueError(
            f"{name_of(owner)}: the input must have shape [{axes}] with {axes[0]} >= 1 and a last dimension of "
            f"{features}, but {describe(x)} was given."
        )
    weight = next(owner.parameters(), x)
    if weight.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"{name_of(owner)}: the input must have the dtype of the weights, {weight.dtype}, but {describe(x)} was "
            "given. Convert one of the two: x.to(dtype) or net.to(dtype)."
        )
