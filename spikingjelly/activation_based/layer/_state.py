"""A state that was moved or assigned must fit the next input: a broadcast would pass in silence."""

from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly.activation_based import base


def check_state_fits(
    owner: base.MemoryModule,
    name: str,
    state: Any,
    x: torch.Tensor,
    shape: Sequence[int] | None = None,
    same_dtype: bool = True,
) -> None:
    """The input ``x`` of one time step must fit an earlier input, and a tensor ``state`` must fit ``x``.

    :param shape: what the state must look like, default the shape of ``x``
    :param same_dtype: whether the state has the dtype of ``x`` (outside autocast)

    :raises RuntimeError: that names the module
    """
    owner._check_carried_state(x)
    if not isinstance(state, torch.Tensor):
        return
    expected = list(x.shape if shape is None else shape)
    dtype_fits = not same_dtype or state.dtype == x.dtype or torch.is_autocast_enabled(x.device.type)
    if list(state.shape) != expected or state.device != x.device or not dtype_fits:
        raise RuntimeError(
            f"{type(owner).__name__} still carries {name} of shape {list(state.shape)}, {state.dtype}, on "
            f"{state.device}, but the input of this time step, of shape {list(x.shape)}, needs shape {expected}, "
            f"{x.dtype if same_dtype else 'any dtype'}, on {x.device}. Call functional.reset_net(net) before a new "
            "batch (and after changing the shape, the dtype or the device of the input)."
        )
