"""Surrogates whose forward is no Heaviside step: several spikes at once, or spikes drawn at random."""

import numbers
from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_number, check_positive_int, describe
from spikingjelly.activation_based.surrogate._base import SurrogateFunctionBase, applied


def _count(x: torch.Tensor, max_spike_count: int, *_: float) -> torch.Tensor:
    return x.clamp(0.0, max_spike_count).round()


class multi_level_spike_count(torch.autograd.Function):
    """The autograd function of :class:`MultiLevelSpikeCount`: ``apply(x, max_spike_count, grad_min, grad_max)``."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, max_spike_count: int, grad_min: float, grad_max: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.parameters = (max_spike_count, grad_min, grad_max)
        return _count(x, max_spike_count)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        return MultiLevelSpikeCount.backward(grad_output, x, *ctx.parameters), None, None, None


_apply = applied(multi_level_spike_count, _count)


class MultiLevelSpikeCount(SurrogateFunctionBase):
    r"""The number of spikes that a neuron emits in one time step, for input in units of the threshold:

    .. math::
        C = \mathrm{round}(\min(\max(x, 0), D))

    with slope 1 where ``x`` lies in the window of the gradient, bounds included, else 0. Halves are rounded to even.

    :param max_spike_count: largest count :math:`D`, an int of at least 1
    :param spiking: True for counts, False for :math:`\min(\max(x, 0), D)` without rounding
    :param grad_window: the window ``(lower, upper)``, default ``(0, max_spike_count)``

    :raises TypeError: (also an AssertionError) if ``max_spike_count`` is no int
    :raises ValueError: (also an AssertionError) if it is less than 1, or ``grad_window`` is no pair in order

    Source: Luo et al., "Integer-Valued Training and Spike-Driven Inference Spiking Neural Network for High-performance
    and Energy-efficient Object Detection", ECCV 2024.
    """

    _parameter_names = ("max_spike_count", "grad_min", "grad_max")

    def __init__(self, max_spike_count: int, spiking: bool = True, grad_window: Sequence[float] | None = None) -> None:
        check_positive_int(self, "max_spike_count", max_spike_count)
        lower, upper = _window(self, (0.0, float(max_spike_count)) if grad_window is None else grad_window)
        super().__init__(spiking, max_spike_count=int(max_spike_count), grad_min=lower, grad_max=upper)  # type: ignore[call-arg]

    @staticmethod
    def spiking_function(x: torch.Tensor, max_spike_count: int, grad_min: float, grad_max: float) -> torch.Tensor:  # type: ignore[override]
        return _apply(x, max_spike_count, grad_min, grad_max)

    @staticmethod
    def primitive_function(x: torch.Tensor, max_spike_count: int, grad_min: float, grad_max: float) -> torch.Tensor:  # type: ignore[override]
        return torch.where(x > max_spike_count, max_spike_count, torch.where(x < 0, 0.0, x))

    @staticmethod
    def backward(  # type: ignore[override]
        grad_output: torch.Tensor, x: torch.Tensor, max_spike_count: int, grad_min: float, grad_max: float
    ) -> torch.Tensor:
        return grad_output * ((x >= grad_min) & (x <= grad_max))


def _window(owner: Any, window: Any) -> tuple[float, float]:
    pair = isinstance(window, Sequence) and len(window) == 2 and all(isinstance(b, numbers.Real) for b in window)
    if not pair or not window[0] <= window[1]:
        raise ArgumentValueError(
            f"{type(owner).__name__}: grad_window must be a pair (lower, upper) with lower <= upper, but "
            f"{describe(window)} was given."
        )
    return check_number(owner, "grad_window", window[0]), check_number(owner, "grad_window", window[1])


class poisson_pass(torch.autograd.Function):
    """The autograd function of :class:`PoissonPass`: ``apply(x)``."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return torch.bernoulli(x)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


class PoissonPass(SurrogateFunctionBase):
    r"""A spike with probability ``x``, slope 1; with ``spiking=False`` the probability itself.

    :param spiking: True for spikes, False for their probability

    The input is a probability between 0 and 1. Spikes are drawn with torch's generator, so a neuron that fires this
    way has no kernel and runs the loop of PyTorch operations.

    Source: Tang et al., "Deep Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous
    Control", CoRL 2020.
    """

    _parameter_names = ()

    def __init__(self, spiking: bool = True) -> None:
        super().__init__(spiking)

    @staticmethod
    def spiking_function(x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return poisson_pass.apply(x)

    @staticmethod
    def primitive_function(x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return x

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return grad_output
