"""Integrate-and-fire neurons that take the place of activations of a trained network."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_above,
    check_number,
    describe,
)
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.activation_based.neuron._node import BaseNode
from spikingjelly.activation_based.neuron.integrate_and_fire import IFNode


class HalfThresholdIFNode(IFNode):
    r"""Integrate-and-fire with soft reset that starts at half its threshold, :math:`V[0] = V_{th} / 2`. The rate of its
    spikes then rounds a constant input to the nearest level, where a start at 0 rounds it down.

    .. math::
        H[t] &= V[t-1] + X[t] \\
        V[t] &= H[t] - S[t] V_{th}

    :param v_threshold: threshold, greater than 0, default 1.0; a float or a tensor of one value

    The other parameters, shapes and errors are those of :class:`BaseNode`.

    :raises ValueError: (also an AssertionError) if ``v_threshold`` is not greater than 0

    Source: Deng, Gu, "Optimal Conversion of Conventional Artificial Neural Networks to Spiking Neural Networks", ICLR
    2021; Bu et al., "Optimal ANN-SNN Conversion for High-accuracy and Ultra-low-latency Spiking Neural Networks", 2022.
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        if isinstance(v_threshold, torch.Tensor) and v_threshold.numel() == 1:
            v_threshold = float(v_threshold)
        check_above(self, "v_threshold", v_threshold, 0.0)
        super().__init__(v_threshold, None, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        self.v = v_threshold / 2
        self.set_reset_value("v", v_threshold / 2)


class ActivationAwareIFNode(BaseNode):
    r"""Integrate-and-fire with a threshold and an offset that may differ from channel to channel:

    .. math::
        H[t] &= V[t-1] + X[t] \\
        S[t] &= \Theta(H[t] + O - V_{th})

    with the reset of :class:`BaseNode`. Threshold and offset are buffers, so they are saved with the network.

    :param v_threshold: threshold :math:`V_{th}`, greater than 0; a number or a tensor ``[C]``, default 1.0
    :param v_offset: offset :math:`O`; a number or a tensor ``[C]``, default 0.0
    :param channel_dim: dimension of the channels in the input of one time step ``[N, *]``, default -1
    :param v_reset: potential after a spike (hard reset), or None for the soft reset, the default

    The other parameters and errors are those of :class:`BaseNode`.

    :raises TypeError: (also an AssertionError) if ``v_threshold`` or ``v_offset`` is no number and no tensor
    :raises ValueError: (also an AssertionError) if one of them has a value that is not finite or more than one
        dimension, if a threshold is not greater than 0, or if the input has another number of channels
    """

    def __init__(
        self,
        v_threshold: float | torch.Tensor = 1.0,
        v_offset: float | torch.Tensor = 0.0,
        channel_dim: int = -1,
        v_reset: float | None = None,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        backend: str = "auto",
    ) -> None:
        if isinstance(channel_dim, bool) or not isinstance(channel_dim, int):
            raise ArgumentTypeError(
                f"ActivationAwareIFNode: channel_dim must be an int, but {describe(channel_dim)} was given."
            )
        threshold = _of_channels(self, "v_threshold", v_threshold)
        if not bool((threshold > 0).all()):
            raise ArgumentValueError(
                f"ActivationAwareIFNode: v_threshold must be greater than 0, but {threshold.tolist()} was given."
            )
        super().__init__(1.0, v_reset, surrogate_function, detach_reset, step_mode, backend, store_v_seq)
        del self.v_threshold
        self.register_buffer("v_threshold", threshold)
        self.register_buffer("v_offset", _of_channels(self, "v_offset", v_offset))
        self.channel_dim = channel_dim

    def _along_channels(self, name: str) -> torch.Tensor:
        """Buffer ``name`` in a shape that broadcasts to the potential."""
        values: torch.Tensor = getattr(self, name)
        if values.dim() == 0:
            return values
        shape, dim = self.v.shape, self.channel_dim
        if not -len(shape) <= dim < len(shape) or (values.numel() != 1 and shape[dim] != values.numel()):
            raise ArgumentValueError(
                f"ActivationAwareIFNode: {name} has one value for each of {values.numel()} channels, but the input of "
                f"a time step has the shape {list(shape)} and channel_dim={dim}."
            )
        return values.view(*[-1 if d == dim % len(shape) else 1 for d in range(len(shape))])

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x

    def neuronal_fire(self) -> torch.Tensor:
        return self.surrogate_function(self.v + self._along_channels("v_offset") - self._along_channels("v_threshold"))

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        spike_d = spike.detach() if self.detach_reset else spike
        if self.v_reset is None:
            self.v = self.jit_soft_reset(self.v, spike_d, self._along_channels("v_threshold"))  # type: ignore[arg-type]
        else:
            self.v = self.jit_hard_reset(self.v, spike_d, self.v_reset)

    def extra_repr(self) -> str:
        own = f"v_offset={self.v_offset.tolist()}, channel_dim={self.channel_dim}"
        return f"{super().extra_repr()}, {own}"


def _of_channels(owner: Any, name: str, value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        values = value.detach().clone()
        if not values.is_floating_point():
            values = values.to(torch.get_default_dtype())
    else:
        values = torch.tensor(check_number(owner, name, value))
    if values.dim() > 1 or values.numel() == 0 or not bool(values.isfinite().all()):
        raise ArgumentValueError(
            f"{type(owner).__name__}: {name} must be a finite number or a tensor [C] of them, but {describe(value)} "
            "was given."
        )
    return values
