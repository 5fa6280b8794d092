"""Synapses with a current of their own, and normalisation among the neurons at one place."""

import math

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    check_floating_tensor,
    check_number,
    check_positive_int,
    check_switch,
)
from spikingjelly.activation_based.layer._arguments import check_number_above
from spikingjelly.activation_based.layer._state import check_state_fits
from spikingjelly.activation_based.neuron import _fused as fused


def synapse_filter_step(
    x: torch.Tensor, out_i: float | torch.Tensor, reciprocal_tau: float | torch.Tensor
) -> torch.Tensor:
    r"""The current ``[N, *]`` of a :class:`SynapseFilter` after one time step.

    :param x: spikes ``[N, *]``
    :param out_i: the current before ``[N, *]``
    :param reciprocal_tau: :math:`1 / \tau`
    """
    return out_i - (1.0 - x) * out_i * reciprocal_tau + x


class SynapseFilter(base.MemoryModule):
    r"""A synapse whose output current jumps by 1 at a spike and decays where there is none.

    .. math::
        I[t] = I[t-1] - \frac{1}{\tau} (1 - S[t]) I[t-1] + S[t], \qquad I[-1] = 0

    Spikes and currents are ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'.

    :param tau: time constant in time steps, greater than 1; the initial one where ``learnable``
    :param learnable: whether the time constant, one for the layer, is learned: :math:`1/\tau = \sigma(w)`, with the
        parameter ``w`` (0-dimensional) from :math:`-\ln(\tau - 1)` on
    :param step_mode: 's' or 'm'

    :raises ValueError: (also an AssertionError) if ``tau <= 1``
    :raises RuntimeError: if the input does not fit the state that an earlier input left

    Source: Diehl and Cook, "Unsupervised learning of digit recognition using spike-timing-dependent plasticity", 2015;
    Fang et al., "Exploiting Neuron and Synapse Filter Dynamics in Spatial Temporal Learning of Deep Spiking Neural
    Network", IJCAI 2020.
    """

    out_i: float | torch.Tensor

    def __init__(self, tau: float = 100.0, learnable: bool = False, step_mode: str = "s") -> None:
        number = check_number_above(self, "tau", tau, 1.0)
        check_switch(self, "learnable", learnable)
        super().__init__()
        self.learnable = learnable
        if learnable:
            self.w = nn.Parameter(torch.tensor(-math.log(number - 1.0)))
        else:
            self.tau = tau
        self.register_memory("out_i", 0.0)
        self.step_mode = step_mode
        self.backend = "auto"

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The currents after each time step of ``[T, N, *]``; a fast kernel where ``backend`` allows it."""
        self._check_sequence(x_seq)
        check_state_fits(self, "the current", self.out_i, x_seq[0])
        currents = fused.run_sequence(self, x_seq)
        return super().multi_step_forward(x_seq) if currents is None else currents

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The current after the spikes ``[N, *]`` of one time step."""
        check_floating_tensor(self, "the input", x)
        check_state_fits(self, "the current", self.out_i, x)
        self._give_shape("out_i", x)
        self.out_i = synapse_filter_step(x, self.out_i, self.w.sigmoid() if self.learnable else 1.0 / self.tau)
        return self.out_i

    def extra_repr(self) -> str:
        with torch.no_grad():
            tau = round(1.0 / self.w.sigmoid().item(), 6) if self.learnable else self.tau
        return f"tau={tau}, learnable={self.learnable}, step_mode={self.step_mode}"


def neunorm_step(
    in_spikes: torch.Tensor, state: torch.Tensor, weight: torch.Tensor, momentum: float, input_scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""One time step of a :class:`NeuNorm`.

    :param in_spikes: ``[N, C, H, W]``
    :param state: the trace before ``[N, 1, H, W]``
    :param weight: :math:`w`, which broadcasts to the spikes
    :param momentum: :math:`k`
    :param input_scale: what the sum over channels is multiplied with: :math:`(1 - k) / C^2`
    :return: output ``[N, C, H, W]`` and trace
    """
    trace = momentum * state + input_scale * in_spikes.sum(dim=1, keepdim=True)
    return in_spikes - weight * trace, trace


class NeuNorm(base.MemoryModule):
    r"""Spikes minus the weighted trace of the spikes of all channels at the same place.

    .. math::
        X[t] &= k X[t-1] + \frac{1 - k}{C^2} \sum_{c=1}^{C} S_c[t], \qquad X[-1] = 0 \\
        Y_c[t] &= S_c[t] - w_c X[t]

    ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    :param in_channels: number of channels :math:`C`
    :param height: H
    :param width: W
    :param k: decay of the trace :math:`k`
    :param shared_across_channels: True for one ``w`` ``[1, H, W]``, False for ``[C, H, W]``
    :param step_mode: 's' or 'm'

    :raises ValueError: if the input has not the shape ``[N, C, H, W]`` at each time step
    :raises RuntimeError: if the input does not fit the state that an earlier input left

    Source: Wu et al., "Direct Training for Spiking Neural Networks: Faster, Larger, Better", AAAI 2019.
    """

    x: float | torch.Tensor

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        k: float = 0.9,
        shared_across_channels: bool = False,
        step_mode: str = "s",
    ) -> None:
        for name, value in (("in_channels", in_channels), ("height", height), ("width", width)):
            check_positive_int(self, name, value)
        check_number(self, "k", k)
        check_switch(self, "shared_across_channels", shared_across_channels)
        super().__init__()
        self.register_memory("x", 0.0)
        self.k0 = k
        self.k1 = (1.0 - k) / in_channels**2
        self.in_channels = in_channels
        self.w = nn.Parameter(torch.empty(1 if shared_across_channels else in_channels, height, width))
        nn.init.kaiming_uniform_(self.w, a=math.sqrt(5))
        self.step_mode = step_mode

    def single_step_forward(self, in_spikes: torch.Tensor) -> torch.Tensor:
        """One time step ``[N, C, H, W]``."""
        check_floating_tensor(self, "the input", in_spikes)
        expected = [self.in_channels, *self.w.shape[1:]]
        if in_spikes.dim() != 4 or list(in_spikes.shape[1:]) != expected:
            raise ValueError(
                f"{type(self).__name__}: expected x with shape [N, {', '.join(map(str, expected))}] at each time step, "
                f"but got x with shape {list(in_spikes.shape)}. In step_mode='m' a sequence has T in front."
            )
        trace_shape = (in_spikes.shape[0], 1, *in_spikes.shape[2:])
        check_state_fits(self, "the trace", self.x, in_spikes, trace_shape)
        output, self.x = neunorm_step(in_spikes, self.x, self.w, self.k0, self.k1)  # type: ignore[arg-type]
        return output

    def extra_repr(self) -> str:
        return f"shape={self.w.shape}, k={self.k0}, step_mode={self.step_mode}"
