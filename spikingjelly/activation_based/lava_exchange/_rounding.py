"""Quantisers of weights, with straight-through gradients."""

import torch

from spikingjelly.activation_based import quantize
from spikingjelly.activation_based._checks import ArgumentValueError, check_number
from spikingjelly.activation_based.quantize import step_quantize_atgf

__all__ = ["quantize_8b", "quantize_8bit", "step_quantize", "step_quantize_atgf"]

LOWEST_WEIGHT, HIGHEST_WEIGHT = -256, 255


def step_quantize(x: torch.Tensor, step: float = 1.0) -> torch.Tensor:
    """:func:`spikingjelly.activation_based.quantize.step_quantize` with a default step of 1."""
    return quantize.step_quantize(x, step)


def quantize_8b(x: torch.Tensor, scale: float, descale: bool = False) -> torch.Tensor:
    r"""Round weights to what eight bits of Loihi's synapses hold: the even integers from -256 to 254, over ``scale``.

    .. math::
        y = \frac{1}{s} \min(\max(2 \operatorname{round}(s x / 2), -256), 255)

    The gradient is 1, and 0 where the bounds cut off. The upper bound is the 255 of published networks; it is odd, and
    a chip takes it for 254, which is what :func:`export_hdf5` writes.

    :param x: weights, any shape
    :param scale: :math:`s`, integer units of a weight of 1, greater than 0
    :param descale: whether to leave the division by :math:`s` out and give integers
    :raises ValueError: (also an AssertionError) if ``scale <= 0``
    """
    if not check_number("quantize_8b", "scale", scale) > 0:
        raise ArgumentValueError(f"quantize_8b: scale must be greater than 0, but {scale} was given.")
    units = quantize.clamp(quantize.step_quantize(x * scale, 2.0), LOWEST_WEIGHT, HIGHEST_WEIGHT)
    return units if descale else units / scale


quantize_8bit = quantize_8b  # the name in clock_driven
