"""Quantisers with straight-through gradients: forward they round, backward they pretend that they did not.

Halves are rounded to even everywhere, as :func:`torch.round` does.
"""

from typing import Any

import torch

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int

__all__ = [
    "CeilATGF",
    "ClampATGF",
    "FloorATGF",
    "KBitQuantizeATGF",
    "MultiLevelSpikeCountATGF",
    "RoundATGF",
    "StepQuantizeATGF",
    "affine_k_bit_quantize",
    "ceil",
    "ceil_atgf",
    "clamp",
    "clamp_atgf",
    "clamp_backward",
    "clamp_by_linear",
    "floor",
    "floor_atgf",
    "k_bit_quantize",
    "k_bit_quantize_atgf",
    "k_bit_quantize_forward",
    "multi_level_spike_count",
    "round",
    "round_atgf",
    "step_quantize",
    "step_quantize_atgf",
    "step_quantize_forward",
]


class _StraightThrough(torch.autograd.Function):
    """The gradient of the first argument is the gradient of the output; the other arguments have none."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        ctx.other_arguments = len(inputs) - 1

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        return grad_output, *[None] * ctx.other_arguments


class round_atgf(_StraightThrough):
    """The autograd function of :func:`round`."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.round()


class ceil_atgf(_StraightThrough):
    """The autograd function of :func:`ceil`."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.ceil()


class floor_atgf(_StraightThrough):
    """The autograd function of :func:`floor`."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.floor()


class step_quantize_atgf(_StraightThrough):
    """The autograd function of :func:`step_quantize`."""

    @staticmethod
    def forward(x: torch.Tensor, step: float) -> torch.Tensor:
        return step_quantize_forward(x, step)


class k_bit_quantize_atgf(_StraightThrough):
    """The autograd function of :func:`k_bit_quantize`."""

    @staticmethod
    def forward(x: torch.Tensor, k: int) -> torch.Tensor:
        return k_bit_quantize_forward(x, k)


class clamp_atgf(torch.autograd.Function):
    """The autograd function of :func:`clamp`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, min_value: float, max_value: float) -> torch.Tensor:
        return x.clamp(min_value, max_value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, float, float], output: torch.Tensor) -> None:
        x, min_value, max_value = inputs
        ctx.save_for_backward((x >= min_value) & (x <= max_value))

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        (inside,) = ctx.saved_tensors
        return grad_output * inside, None, None


def step_quantize_forward(x: torch.Tensor, step: float) -> torch.Tensor:
    """What :func:`step_quantize` returns, with the gradient 0 of the rounding."""
    return (x / step).round() * step


def k_bit_quantize_forward(x: torch.Tensor, k: int) -> torch.Tensor:
    """What :func:`k_bit_quantize` returns, with the gradient 0 of the rounding."""
    levels = 2**k - 1
    return (x * levels).round() / levels


def clamp_backward(grad_output: torch.Tensor, x: torch.Tensor, min_value: float, max_value: float) -> torch.Tensor:
    """The gradient of ``x`` in :func:`clamp`, from that of the output."""
    return grad_output * ((x >= min_value) & (x <= max_value))


# Their names in the 2.0 releases
MultiLevelSpikeCountATGF = surrogate.multi_level_spike_count
RoundATGF = round_atgf
CeilATGF = ceil_atgf
FloorATGF = floor_atgf
StepQuantizeATGF = step_quantize_atgf
KBitQuantizeATGF = k_bit_quantize_atgf
ClampATGF = clamp_atgf


def round(x: torch.Tensor) -> torch.Tensor:
    r""":math:`y = \operatorname{round}(x)`, with :math:`\partial y / \partial x = 1`.

    :param x: of any shape; halves go to the even neighbour, as in :func:`torch.round`
    """
    return round_atgf.apply(x)


def multi_level_spike_count(
    x: torch.Tensor, max_spike_count: int, grad_window: tuple[float, float] | None = None
) -> torch.Tensor:
    r""":math:`y = \operatorname{round}(\min(\max(x, 0), D))`, with :math:`\partial y / \partial x = 1` in a window.

    :param x: of any shape, in units of the threshold of a neuron
    :param max_spike_count: :math:`D`, an int of at least 1
    :param grad_window: the window ``(lower, upper)``, bounds included, default ``(0, max_spike_count)``

    :raises TypeError: (also an AssertionError) if ``max_spike_count`` is no int
    :raises ValueError: (also an AssertionError) if it is less than 1, or ``grad_window`` is no pair in order
    """
    return surrogate.MultiLevelSpikeCount(max_spike_count, grad_window=grad_window)(x)


def ceil(x: torch.Tensor) -> torch.Tensor:
    r""":math:`y = \lceil x \rceil`, with :math:`\partial y / \partial x = 1`.

    :param x: of any shape
    """
    return ceil_atgf.apply(x)


def floor(x: torch.Tensor) -> torch.Tensor:
    r""":math:`y = \lfloor x \rfloor`, with :math:`\partial y / \partial x = 1`.

    :param x: of any shape
    """
    return floor_atgf.apply(x)


def clamp(x: torch.Tensor, min_value: float, max_value: float) -> torch.Tensor:
    r""":math:`y = \min(\max(x, x_{min}), x_{max})`, with :math:`\partial y / \partial x = 1` where
    :math:`x_{min} \le x \le x_{max}` and 0 elsewhere. (At the bounds that of ``torch.clamp`` is 1 up to PyTorch 2.13
    and 0 from 2.14 on.)

    :param x: of any shape
    :param min_value: :math:`x_{min}`
    :param max_value: :math:`x_{max}`
    :raises ValueError: (also an AssertionError) if ``min_value > max_value``
    """
    if not min_value <= max_value:
        raise ArgumentValueError(
            f"clamp: min_value must not exceed max_value, but {min_value} > {max_value} was given."
        )
    return clamp_atgf.apply(x, min_value, max_value)


def step_quantize(x: torch.Tensor, step: float) -> torch.Tensor:
    r""":math:`y = \operatorname{round}(x / s) \cdot s`, with :math:`\partial y / \partial x = 1`.

    :param x: of any shape
    :param step: distance :math:`s` of the levels, greater than 0
    :raises ValueError: (also an AssertionError) if ``step <= 0``
    """
    if not step > 0:
        raise ArgumentValueError(f"step_quantize: step must be greater than 0, but {step} was given.")
    return step_quantize_atgf.apply(x, step)


def k_bit_quantize(x: torch.Tensor, k: int) -> torch.Tensor:
    r""":math:`y = \operatorname{round}((2^k - 1) x) / (2^k - 1)`, with :math:`\partial y / \partial x = 1`.

    For :math:`0 \le x \le 1` these are :math:`2^k` levels. ("DoReFa-Net: Training Low Bitwidth Convolutional Neural
    Networks with Low Bitwidth Gradients", Zhou et al., 2016.)

    :param x: of any shape
    :param k: bits, at least 1
    :raises TypeError: (also an AssertionError) if ``k`` is no int
    :raises ValueError: (also an AssertionError) if ``k < 1``
    """
    check_positive_int("k_bit_quantize", "k", k)
    return k_bit_quantize_atgf.apply(x, k)


def affine_k_bit_quantize(x: torch.Tensor, k: int, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    r""":math:`y = w \cdot \operatorname{k\_bit\_quantize}(x, k) + b`, with gradients for :math:`x`, :math:`w` and
    :math:`b`.

    :param w: scale, broadcasts to ``x``
    :param b: offset, broadcasts to ``x``

    The other parameters and errors are those of :func:`k_bit_quantize`.
    """
    return w * k_bit_quantize(x, k) + b


def clamp_by_linear(x: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    r"""Move and scale all of ``x`` into :math:`[0, 1)`; of any shape.

    .. math::
        y = \frac{x - \min x}{\max x + \epsilon - \min x}

    The gradient is the true one, also through minimum and maximum.

    :param eps: :math:`\epsilon`, keeps a constant ``x`` from 0 / 0
    """
    smallest = x.min()
    return (x - smallest) / (x.max() + eps - smallest)
