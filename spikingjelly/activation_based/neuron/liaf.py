"""The leaky integrate and analog-fire neuron."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based._checks import check_callable, check_switch
from spikingjelly.activation_based.neuron.lif import LIFNode


class LIAFNode(LIFNode):
    r"""Leaky integrate and analog-fire: charge, fire and reset of :class:`LIFNode`, but the output is analog.

    .. math::
        Y[t] = \mathrm{act}(H[t] - V_{th}) \quad\text{or}\quad Y[t] = \mathrm{act}(H[t])

    The spikes only reset the potential.

    :param act: the activation, from a tensor to a tensor of the same shape
    :param threshold_related: True for the first output, False for the second
    :param args: positional arguments of :class:`LIFNode`
    :param kwargs: keyword arguments of :class:`LIFNode`

    :raises TypeError: (also an AssertionError) if ``act`` is not callable, or ``threshold_related`` no bool

    Source: Wu et al., "LIAF-Net: Leaky Integrate and Analog Fire Network for Lightweight and Efficient Spatiotemporal
    Information Processing", IEEE Transactions on Neural Networks and Learning Systems, 2021.
    """

    def __init__(
        self, act: Callable[[torch.Tensor], torch.Tensor], threshold_related: bool, *args: Any, **kwargs: Any
    ) -> None:
        check_callable(self, "act", act, such_as="torch.relu")
        check_switch(self, "threshold_related", threshold_related)
        super().__init__(*args, **kwargs)
        self.act = act
        self.threshold_related = threshold_related

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self.v_float_to_tensor(x)
        self.neuronal_charge(x)
        y = self.act(self.v - self.v_threshold if self.threshold_related else self.v)
        self.neuronal_reset(self.neuronal_fire())
        return y

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, threshold_related={self.threshold_related}"
