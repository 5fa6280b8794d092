"""Attention over time, channels and space."""

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based.layer._wrapped import check_sequence_layout


class TemporalWiseAttention(nn.Module, base.MultiStepModule):
    r"""Weighs each time step of each sample, by a shared two-layer network of the step's mean and maximum.

    .. math::
        Y[t] = \sigma\big(W_2 \max(0, W_1 \bar{X}) + W_2 \max(0, W_1 \hat{X})\big)[t] \cdot X[t]

    with the mean :math:`\bar{X}` and the maximum :math:`\hat{X}` ``[T]`` of each sample's time steps. Only step mode
    'm'.

    :param T: number of time steps
    :param reduction: the hidden layer has ``T // reduction`` units
    :param dimension: 4 for ``[T, N, C, H, W]``, 2 for ``[T, N, L]``

    :raises ValueError: (also an AssertionError) if ``reduction > T`` or for another ``dimension``
    :raises ValueError: for a sequence of another length or number of dimensions

    Source: Yao et al., "Temporal-Wise Attention Spiking Neural Networks for Event Streams Classification", ICCV 2021.
    """

    def __init__(self, T: int, reduction: int = 16, dimension: int = 4) -> None:
        _check_reduction(self, "T", T, "reduction", reduction)
        if dimension not in (2, 4):
            raise ArgumentValueError(
                f"{type(self).__name__}: dimension must be 4 for [T, N, C, H, W] or 2 for [T, N, L], but "
                f"{describe(dimension)} was given."
            )
        super().__init__()
        self.T = T
        self.dimension = dimension
        hidden = T // reduction
        self.sharedMLP = nn.Sequential(nn.Linear(T, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, T, bias=False))

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_sequence_layout(self, x_seq, ("N, L",) if self.dimension == 2 else ("N, C, H, W",))
        _check_size(self, "T", self.T, x_seq, dim=0)
        per_step = x_seq.flatten(2)
        score = self.sharedMLP(per_step.mean(2).t()) + self.sharedMLP(per_step.max(2).values.t())
        return x_seq * score.sigmoid().t().reshape(*x_seq.shape[:2], *[1] * (x_seq.dim() - 2))

    def extra_repr(self) -> str:
        return f"T={self.T}, dimension={self.dimension}, step_mode={self.step_mode}"


class MultiDimensionalAttention(nn.Module, base.MultiStepModule):
    r"""Attention over time, then channels, then space, and a ReLU.

    .. math::
        X_1 &= \sigma(\mathrm{MLP}_t(\bar{X}_t) + \mathrm{MLP}_t(\hat{X}_t)) \cdot X \\
        X_2 &= \sigma(\mathrm{MLP}_c(\bar{X}_{1,c}) + \mathrm{MLP}_c(\hat{X}_{1,c})) \cdot X_1 \\
        Y &= \max(0, \sigma(\mathrm{conv}([\bar{X}_{2,hw}, \hat{X}_{2,hw}])) \cdot X_2)

    with the means and the maxima of each sample over all other axes: of each time step, of each channel, and of each
    place, where time and channels are pooled together. ``[T, N, C, H, W]``, only step mode 'm'.

    :param T: number of time steps
    :param C: number of channels
    :param reduction_t: the network of the time steps has ``T // reduction_t`` hidden units
    :param reduction_c: the network of the channels has ``C // reduction_c`` hidden units
    :param kernel_size: odd size of the convolution over space
    :param use_temporal: whether time steps are weighed; the other two likewise. What is left out has no weights
    :param use_channel: whether channels are weighed
    :param use_spatial: whether places are weighed

    :raises ValueError: (also an AssertionError) if a reduction is greater than its axis, or ``kernel_size`` is even
    :raises ValueError: for an input of another shape

    Source: Yao et al., "Attention Spiking Neural Networks", 2022.
    """

    def __init__(
        self,
        T: int,
        C: int,
        reduction_t: int = 16,
        reduction_c: int = 16,
        kernel_size: int = 3,
        use_temporal: bool = True,
        use_channel: bool = True,
        use_spatial: bool = True,
    ) -> None:
        if use_temporal:
            _check_reduction(self, "T", T, "reduction_t", reduction_t)
        if use_channel:
            _check_reduction(self, "C", C, "reduction_c", reduction_c)
        check_positive_int(self, "kernel_size", kernel_size)
        if kernel_size % 2 == 0:
            raise ArgumentValueError(
                f"{type(self).__name__}: kernel_size must be odd, so that the output has the size of the input, but "
                f"{kernel_size} was given."
            )
        super().__init__()
        self.T = T
        self.C = C
        self.ta = _AxisAttention(T, reduction_t) if use_temporal else None
        self.ca = _AxisAttention(C, reduction_c) if use_channel else None
        self.sa = _SpatialAttention(kernel_size) if use_spatial else None
        self.relu = nn.ReLU()

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_sequence_layout(self, x_seq, ("N, C, H, W",))
        if self.ta is not None:
            _check_size(self, "T", self.T, x_seq, dim=0)
        _check_size(self, "C", self.C, x_seq, dim=2)
        y = x_seq
        if self.ta is not None:
            over_time = self.ta(y.mean((2, 3, 4)).t(), y.flatten(2).max(2).values.t())
            y = y * over_time.t()[:, :, None, None, None]
        if self.ca is not None:
            over_channels = self.ca(y.mean((0, 3, 4)), y.flatten(3).max(3).values.max(0).values)
            y = y * over_channels[:, :, None, None]
        if self.sa is not None:
            y = y * self.sa(y.mean((0, 2)), y.max(2).values.max(0).values)
        return self.relu(y)

    def extra_repr(self) -> str:
        return f"T={self.T}, C={self.C}, step_mode={self.step_mode}"


class _AxisAttention(nn.Module):
    """Weights of one axis from its pooled values; 1x1x1 convolutions, as the names and shapes in ``state_dict`` say."""

    def __init__(self, size: int, reduction: int) -> None:
        super().__init__()
        hidden = size // reduction
        self.sharedMLP = nn.Sequential(
            nn.Conv3d(size, hidden, 1, bias=False), nn.ReLU(), nn.Conv3d(hidden, size, 1, bias=False)
        )

    def forward(self, mean: torch.Tensor, maximum: torch.Tensor) -> torch.Tensor:
        score = sum(self.sharedMLP(pooled[:, :, None, None, None]) for pooled in (mean, maximum))
        return score.sigmoid().flatten(1)


class _SpatialAttention(nn.Module):
    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, mean: torch.Tensor, maximum: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.stack((mean, maximum), dim=1)).sigmoid()


def _check_reduction(owner: nn.Module, axis: str, size: int, name: str, reduction: int) -> None:
    check_positive_int(owner, axis, size)
    check_positive_int(owner, name, reduction)
    if reduction > size:
        raise ArgumentValueError(
            f"{type(owner).__name__}: {name}={reduction} is greater than {axis}={size}, which leaves no hidden unit. "
            f"Choose {name} <= {size}."
        )


def _check_size(owner: nn.Module, axis: str, size: int, x_seq: torch.Tensor, dim: int) -> None:
    if x_seq.shape[dim] != size:
        raise ValueError(
            f"{type(owner).__name__}: expected a sequence with {axis}={size}, but got x with shape "
            f"{list(x_seq.shape)}. Give {axis}={x_seq.shape[dim]} to the layer: it learns weights of this axis."
        )
