"""Population coding: each value drives several neurons with Gaussian receptive fields."""

import math
import numbers
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_floating_tensor,
    check_positive_int,
    describe,
)


class _GaussianPopulation(nn.Module):
    def __init__(self, obs_dim: int, pop_dim: int, spike_ts: int, mean_range: tuple[float, float], std: float) -> None:
        super().__init__()
        for name, value in (("obs_dim", obs_dim), ("pop_dim", pop_dim), ("spike_ts", spike_ts)):
            check_positive_int(self, name, value)
        low, high = _check_receptive_fields(self, mean_range, std)
        self.obs_dim = obs_dim
        self.pop_dim = pop_dim
        self.encoder_neuron_num = obs_dim * pop_dim
        self.spike_ts = spike_ts
        self.mean = nn.Parameter(torch.linspace(low, high, pop_dim).repeat(1, obs_dim, 1))
        self.std = nn.Parameter(torch.full((1, obs_dim, pop_dim), float(std)))

    def _activation(self, obs: torch.Tensor) -> torch.Tensor:
        """How strongly each neuron is driven, in (0, 1]: ``[N, obs_dim * pop_dim]``."""
        check_floating_tensor(self, "obs", obs)
        if obs.dim() == 0 or obs.shape[-1] != self.obs_dim:
            raise ArgumentValueError(
                f"{type(self).__name__}: obs must be [N, obs_dim] with obs_dim={self.obs_dim}, but {describe(obs)} "
                "was given."
            )
        distance = obs.reshape(-1, self.obs_dim, 1) - self.mean
        return torch.exp(-0.5 * distance.pow(2) / self.std.pow(2)).flatten(1)

    def _over_time(self, obs: torch.Tensor) -> torch.Tensor:
        return self._activation(obs).repeat(self.spike_ts, 1, 1)

    def extra_repr(self) -> str:
        return f"obs_dim={self.obs_dim}, pop_dim={self.pop_dim}, spike_ts={self.spike_ts}"


class PopEncoder(_GaussianPopulation):
    r"""Drive a population of neurons by each value of an observation; the drive itself is the output, no spikes.

    .. math::
        a_{ij} = \exp\left(-\frac{1}{2} \frac{(x_i - \mu_{ij})^2}{\sigma_{ij}^2}\right)

    The means :math:`\mu` are spread evenly over ``mean_range``; means and widths :math:`\sigma` are learned. ("Deep
    Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous Control", Tang et al., CoRL
    2020.)

    Input ``[N, obs_dim]`` (dimensions before the last count as batch), output ``[spike_ts, N, obs_dim * pop_dim]``,
    the same at all time steps.

    :param obs_dim: values of an observation
    :param pop_dim: neurons for each value
    :param spike_ts: time steps
    :param mean_range: the first and the last mean
    :param std: width of the receptive fields, greater than 0

    :raises TypeError: (also an AssertionError) for arguments of a wrong type; and for inputs that are no floating-point
        tensors
    :raises ValueError: (also an AssertionError) for arguments out of range; and for inputs of another ``obs_dim``
    """

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self._over_time(obs)


class PopSpikeEncoderDeterministic(_GaussianPopulation):
    """:class:`PopEncoder` whose output are the spikes of integrate-and-fire neurons (threshold 0.999, soft reset).

    The gradient passes each spike as if it were the potential. The potentials stay from one call to the next until
    ``functional.reset_net``. Parameters, shapes and errors are those of :class:`PopEncoder`.

    :raises RuntimeError: for an input of another batch size without a reset
    """

    _keeps_children_step_mode = True  # the neurons always run on the whole sequence

    def __init__(self, obs_dim: int, pop_dim: int, spike_ts: int, mean_range: tuple[float, float], std: float) -> None:
        super().__init__(obs_dim, pop_dim, spike_ts, mean_range, std)
        self.neurons = neuron.IFNode(
            v_threshold=0.999,
            v_reset=None,
            surrogate_function=surrogate.DeterministicPass(),
            detach_reset=True,
            step_mode="m",
        )

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.neurons(self._over_time(obs))


class PopSpikeEncoderRandom(_GaussianPopulation):
    """:class:`PopEncoder` whose output are random spikes, with the drive as their probability at each time step.

    The gradient passes each spike as if it were its probability. Parameters, shapes and errors are those of
    :class:`PopEncoder`.
    """

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return _BernoulliPass.apply(self._over_time(obs))


class _BernoulliPass(torch.autograd.Function):
    """Random spikes with the gradient of their probability."""

    generate_vmap_rule = True

    @staticmethod
    def forward(probability: torch.Tensor) -> torch.Tensor:
        return torch.bernoulli(probability)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


def _check_receptive_fields(owner: nn.Module, mean_range: Any, std: Any) -> tuple[float, float]:
    name = type(owner).__name__
    if not isinstance(mean_range, tuple | list) or not all(isinstance(m, numbers.Real) for m in mean_range):
        raise ArgumentTypeError(
            f"{name}: mean_range must be a pair of numbers, the first and the last mean, but {describe(mean_range)} "
            "was given."
        )
    if len(mean_range) != 2 or not all(math.isfinite(m) for m in mean_range) or mean_range[0] > mean_range[1]:
        raise ArgumentValueError(f"{name}: mean_range must be (low, high), low <= high, but {mean_range} was given.")
    if not isinstance(std, numbers.Real):
        raise ArgumentTypeError(f"{name}: std must be a number, but {describe(std)} was given.")
    if not 0 < float(std) < math.inf:
        raise ArgumentValueError(f"{name}: std must be greater than 0, but {std} was given.")
    return float(mean_range[0]), float(mean_range[1])
