"""Synapse and neuron as one block, as they are one layer on the chip."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, check_tensor, describe
from spikingjelly.activation_based._leading_step_mode import LeadingStepMode
from spikingjelly.activation_based.functional import seq_to_ann_forward
from spikingjelly.activation_based.lava_exchange._rounding import quantize_8b
from spikingjelly.activation_based.lava_exchange.cuba import CubaLIFNode
from spikingjelly.activation_based.quantize import clamp

Pair = int | tuple[int, int]


class SumPool2d(nn.Module):
    """The sum of each window, which is what pooling with a weight of 1 is on the chip: ``[N, C, H, W]`` to
    ``[N, C, H', W']``.

    :param kernel_size: of the window, an int or two
    :param stride: of the windows, None for ``kernel_size``
    :param padding: zeros around the input
    :param dilation: distance of the elements of a window
    """

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1) -> None:
        super().__init__()
        self.kernel_size = _pair(kernel_size)
        self.stride = self.kernel_size if stride is None else _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channels = x.shape[1]
        ones = x.new_ones(channels, 1, *self.kernel_size)
        return F.conv2d(x, ones, None, self.stride, self.padding, self.dilation, groups=channels)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}"


class BlockContainer(LeadingStepMode, nn.Module):
    """A synapse, whose weights are rounded to eight bits on the way, and its neurons: what the chip computes.

    The weights become those of :func:`quantize_8b`, with 254 as the largest.

    ``[N, *]`` in step mode 's', ``[T, N, *]`` in 'm', where the synapse takes all time steps as one batch. Under
    autocast the synapse's sums are in half precision and no longer those of the chip; the neurons get them as float32.

    :param synapse: :class:`torch.nn.Linear` or :class:`torch.nn.Conv2d` without bias, or :class:`SumPool2d`
    :param neu: the neurons
    :param step_mode: 's' or 'm'; the neurons follow

    ``block.quantize = False`` lets the synapse use its weights as they are, for a comparison or for the first epochs.

    :raises TypeError: (also an AssertionError) for another synapse or neuron
    :raises ValueError: (also an AssertionError) for a synapse with a bias
    """

    def __init__(self, synapse: nn.Module, neu: CubaLIFNode, step_mode: str = "s") -> None:
        super().__init__()
        check_instance(synapse, (nn.Linear, nn.Conv2d, SumPool2d))
        check_instance(neu, CubaLIFNode)
        if not isinstance(synapse, SumPool2d):
            check_no_bias(synapse)
        if isinstance(synapse, nn.Conv2d) and synapse.padding_mode != "zeros":
            raise ArgumentValueError(
                f"BlockContainer: the chip pads with zeros, but padding_mode={synapse.padding_mode!r} was given."
            )
        self.synapse: Any = synapse
        self.neu = neu
        self.quantize = True
        self.step_mode = step_mode

    def _led(self) -> Iterable[Any]:
        return (self.neu,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weighted = seq_to_ann_forward(x, self._weighted) if self.step_mode == "m" else self._weighted(x)
        return self.neu(weighted.float() if weighted.dtype in (torch.float16, torch.bfloat16) else weighted)

    def weight(self) -> torch.Tensor:
        """The weights that the synapse uses: rounded, or with ``quantize = False`` as they are."""
        weight, scale = self.synapse.weight, self.neu.scale
        # 255 is odd, which the chip's weights are not.
        return clamp(quantize_8b(weight, scale), -256 / scale, 254 / scale) if self.quantize else weight

    def _weighted(self, x: torch.Tensor) -> torch.Tensor:
        synapse = self.synapse
        if isinstance(synapse, SumPool2d):
            return synapse(x)
        if isinstance(synapse, nn.Linear):
            return F.linear(x, self.weight())
        return F.conv2d(x, self.weight(), None, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}, quantize={self.quantize}"


def check_instance(m: Any, instance: type | tuple[type, ...]) -> None:
    """``m`` must be an ``instance``.

    :raises TypeError: (also an AssertionError) if it is not
    """
    if not isinstance(m, instance):
        classes = instance if isinstance(instance, tuple) else (instance,)
        names = " or ".join(cls.__name__ for cls in classes)
        raise ArgumentTypeError(f"lava_exchange: expected {names}, but {describe(m)} was given.")


def check_no_bias(m: nn.Module) -> None:
    """``m`` must have no bias.

    :raises ValueError: (also an AssertionError) if it has one
    """
    check_no_bias_of(type(m).__name__, m)


def check_no_bias_of(name: str, m: nn.Module) -> None:
    """:func:`check_no_bias` of the layer that the message calls ``name``."""
    if m.bias is not None:
        raise ArgumentValueError(
            f"lava_exchange: {name} has a bias, which a synapse of the chip has not. Make it with bias=False."
        )


def TNX_to_NXT(x_seq: torch.Tensor) -> torch.Tensor:
    """``[T, N, *]`` to ``[N, *, T]``, the order of Lava; a view.

    :raises TypeError: if ``x_seq`` is no tensor
    """
    check_tensor("TNX_to_NXT", "x_seq", x_seq)
    return x_seq.movedim(0, -1)


def NXT_to_TNX(x_seq: torch.Tensor) -> torch.Tensor:
    """``[N, *, T]``, the order of Lava, to ``[T, N, *]``; a view.

    :raises TypeError: if ``x_seq`` is no tensor
    """
    check_tensor("NXT_to_TNX", "x_seq", x_seq)
    return x_seq.movedim(-1, 0)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
