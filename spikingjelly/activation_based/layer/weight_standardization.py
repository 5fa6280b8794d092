"""Layers whose weights are standardised in the forward pass."""

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based._checks import ArgumentValueError, check_switch
from spikingjelly.activation_based.layer._arguments import check_number_above
from spikingjelly.activation_based.layer.convolution import Conv2d, Size
from spikingjelly.activation_based.layer.linear import Linear


class WSConv2d(Conv2d):
    r""":class:`Conv2d` with weights of mean 0 and variance 1/n for each output channel.

    .. math::
        \hat{W}_c = g_c \frac{W_c - \mathrm{E}[W_c]}{\sqrt{n \mathrm{Var}[W_c] + \epsilon}}

    with n the number of weights :math:`W_c` of output channel c and the unbiased variance.

    :param step_mode: 's' or 'm'
    :param gain: whether there is the learnable gain :math:`g` ``[out_channels, 1, 1, 1]``, from 1 on; it is None
        otherwise
    :param eps: :math:`\epsilon`

    The other parameters, shapes and errors are those of :class:`Conv2d`.

    :raises ValueError: (also an AssertionError) if an output channel has one weight only, or if ``eps <= 0``

    Source: Qiao et al., "Weight Standardization", 2019; Brock et al., "Characterizing signal propagation to close the
    performance gap in unnormalized ResNets", ICLR 2021; Xiao et al., "Online Training Through Time for Spiking Neural
    Networks", NeurIPS 2022.
    """

    gain: nn.Parameter | None
    eps: float

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        step_mode: str = "s",
        gain: bool = True,
        eps: float = 1e-4,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            step_mode,
        )
        _add_gain(self, gain, eps)

    def get_weight(self) -> torch.Tensor:
        r"""The standardised weight :math:`\hat{W}`."""
        return _standardized(self.weight, self.gain, self.eps)

    def _conv_forward(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return super()._conv_forward(x, self.get_weight(), bias)


class WSLinear(Linear):
    """:class:`Linear` with weights of mean 0 and variance 1/n for each output feature, as in :class:`WSConv2d`.

    :param step_mode: 's' or 'm'
    :param gain: whether there is a learnable gain ``[out_features, 1]``, from 1 on; it is None otherwise
    :param eps: added to the variance

    :raises ValueError: (also an AssertionError) if an output feature has one weight only, or if ``eps <= 0``
    """

    gain: nn.Parameter | None
    eps: float

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        step_mode: str = "s",
        gain: bool = True,
        eps: float = 1e-4,
    ) -> None:
        super().__init__(in_features, out_features, bias, step_mode)
        _add_gain(self, gain, eps)

    def get_weight(self) -> torch.Tensor:
        """The standardised weight."""
        return _standardized(self.weight, self.gain, self.eps)

    def _apply_weight(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.get_weight(), self.bias)


def _add_gain(layer: WSConv2d | WSLinear, gain: bool, eps: float) -> None:
    weight = layer.weight
    if weight[0].numel() < 2:
        raise ArgumentValueError(
            f"{type(layer).__name__}: one weight for each output has no variance, so that there is nothing to "
            f"standardise in a weight of shape {list(weight.shape)}. Use the layer without weight standardisation."
        )
    check_switch(layer, "gain", gain)
    layer.eps = check_number_above(layer, "eps", eps, 0.0)
    layer.gain = nn.Parameter(torch.ones(weight.shape[0], *[1] * (weight.dim() - 1))) if gain else None


def _standardized(weight: torch.Tensor, gain: torch.Tensor | None, eps: float) -> torch.Tensor:
    inputs = tuple(range(1, weight.dim()))
    variance, mean = torch.var_mean(weight, dim=inputs, keepdim=True)
    standardized = (weight - mean) * torch.rsqrt(variance * weight[0].numel() + eps)
    return standardized if gain is None else standardized * gain
