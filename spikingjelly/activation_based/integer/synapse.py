"""Layers without a state, on integers."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import products
from spikingjelly.activation_based import base
from spikingjelly.activation_based._repeated import one_step, repeat
from spikingjelly.activation_based.functional import seq_to_ann_forward

_CONVOLUTIONS = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}


class _IntegerLayer(base.StepModule, nn.Module):
    """Works on each time step alone: ``[N, *]`` in step mode 's', ``[T, N, *]`` in 'm'."""

    def __init__(self) -> None:
        super().__init__()
        self.step_mode = "s"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.step_mode == "s":
            return self._one_step(x)
        step = one_step(x)
        return seq_to_ann_forward(x, self._one_step) if step is None else repeat(self._one_step(step), x.shape[0])

    def _one_step(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class IntegerSynapse(_IntegerLayer):
    """A linear layer or convolution with int8 weights and int32 biases.

    Products and sums are computed in float32 where none can reach :math:`2^{24}`, else in float64 up to int32, so each
    is exact. Input and output are integers held in floats.

    :param weight: int8, ``[out, in]`` or ``[out, in / groups, *kernel]``
    :param bias: int32 ``[out]``, or None
    :param dtype: float that holds every sum
    :param geometry: ``stride``, ``padding``, ``dilation`` and ``groups`` of a convolution
    """

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype, geometry: dict[str, Any]
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.dtype = dtype
        self.geometry = geometry
        self._in_floats: tuple[torch.Tensor, torch.Tensor | None] | None = None

    def _floats(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias in ``dtype``, converted at the first use."""
        if self._in_floats is None or self._in_floats[0].dtype != self.dtype:
            bias = None if self.bias is None else self.bias.to(self.dtype)
            self._in_floats = self.weight.to(self.dtype), bias
        return self._in_floats

    def _one_step(self, x: torch.Tensor) -> torch.Tensor:
        x, (weight, bias) = x.to(self.dtype), self._floats()
        y = self._without_zeros(x, weight, bias)
        if y is not None:
            return y
        if weight.dim() == 2:
            return F.linear(x, weight, bias)
        return _CONVOLUTIONS[weight.dim()](x, weight, bias, **self.geometry)

    def _without_zeros(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor | None:
        """The same sums in another order, or None where it would not pay."""
        if weight.dim() == 2:
            return products.linear(x, weight, bias)
        g = self.geometry
        plain = weight.dim() == 4 and g["groups"] == 1 and not isinstance(g["padding"], str)
        if not plain or any(d != 1 for d in g["dilation"]):
            return None
        return products.convolution(x, weight, bias, g["stride"], g["padding"], exact=True)

    def extra_repr(self) -> str:
        return f"weight=int8 {list(self.weight.shape)}, in {self.dtype}, step_mode={self.step_mode}"


class IntegerSumPool2d(_IntegerLayer):
    """The sum of each window: average pooling, whose division the next layer's scale takes over.

    :param kernel_size: of the window
    :param stride: of the windows
    :param padding: zeros around the input
    """

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def _one_step(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, divisor_override=1)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class IntegerMaxPool2d(_IntegerLayer):
    """The largest element of each window; parameters as in :class:`IntegerSumPool2d`."""

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def _one_step(self, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class IntegerFlatten(_IntegerLayer):
    """``[N, *]`` to ``[N, features]``."""

    def _one_step(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)
