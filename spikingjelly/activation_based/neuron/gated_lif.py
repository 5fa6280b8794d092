"""The gated LIF neuron."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_float,
    check_positive_int,
    describe,
    is_real,
)
from spikingjelly.activation_based.neuron import _fused as fused
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE, own_surrogate
from spikingjelly.activation_based.neuron._sequence_length import check_length


class Gates(NamedTuple):
    """The parameters of every time step after their sigmoid, shaped to broadcast over it."""

    alpha: torch.Tensor
    gamma: torch.Tensor
    tau: torch.Tensor
    v_threshold: torch.Tensor
    linear_decay: torch.Tensor
    v_subreset: torch.Tensor


class GatedLIFNode(base.MemoryModule):
    r"""GLIF: three learnable gates mix exponential and linear leak (:math:`\alpha`), plain and time-dependent input
    (:math:`\beta`), hard and soft reset (:math:`\gamma`).

    .. math::
        U[t] &= (1 - \alpha (1 - \tau)) V[t-1] - (1 - \alpha) l + (1 - \beta (1 - g[t])) X[t]
                - (1 - \gamma) r S[t-1] \\
        S[t] &= \Theta(U[t] - V_{th}) \\
        V[t] &= (1 - \gamma S[t]) U[t]

    Each of :math:`\alpha, \beta, \gamma, \tau, V_{th}, l, r, g[t]` is the sigmoid of a parameter (``alpha``, ``beta``,
    ``gamma``, ``tau``, ``v_threshold``, ``linear_decay``, ``v_subreset``, ``conduct``), so that it stays between 0
    and 1. The gates start near 0.5, at random. ``conduct`` is ``[T]`` or ``[T, C]``, the others are 0-dimensional or
    ``[C]``. The state is the potential ``v`` and the last spikes ``spike``.

    Input and output are ``[T, N, C, H, W]``; with ``inplane=None`` any ``[T, N, *]``.

    :param T: number of time steps of every sequence
    :param inplane: number of channels :math:`C` for parameters of each channel, or None for one set of parameters
    :param init_linear_decay: initial :math:`l`, default (None) ``init_v_threshold / (2 * T)``
    :param init_v_subreset: initial :math:`r`, default (None) ``init_v_threshold``
    :param init_tau: initial :math:`\tau`, the share of the potential that is kept, default 0.25
    :param init_v_threshold: initial :math:`V_{th}`, default 0.5
    :param init_conduct: initial :math:`g[t]`, default 0.5
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param step_mode: only 'm'
    :param backend: what runs a sequence, as in :class:`BaseNode`

    :raises ValueError: for an initial value that is not between 0 and 1, and for inputs with another number of time
        steps or channels
    :raises RuntimeError: if the input does not fit the state that an earlier input left

    Source: Yao et al., "GLIF: A Unified Gated Leaky Integrate-and-Fire Neuron for Spiking Neural Networks",
    NeurIPS 2022.
    """

    v: torch.Tensor
    spike: torch.Tensor

    def __init__(
        self,
        T: int,
        inplane: int | None = None,
        init_linear_decay: float | None = None,
        init_v_subreset: float | None = None,
        init_tau: float = 0.25,
        init_v_threshold: float = 0.5,
        init_conduct: float = 0.5,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_SURROGATE,
        step_mode: str = "m",
        backend: str = "auto",
    ) -> None:
        check_positive_int(self, "T", T)
        if inplane is not None:
            check_positive_int(self, "inplane", inplane)
        super().__init__()
        self.register_memory("v", 0.0)
        self.register_memory("spike", 0.0)
        self.step_mode = step_mode
        self.backend = backend
        self.T = T
        self.inplane = inplane
        self.surrogate_function = own_surrogate(self, surrogate_function)
        shape = () if inplane is None else (inplane,)
        for gate in ("alpha", "beta", "gamma"):
            self.register_parameter(gate, nn.Parameter(0.2 * (torch.rand(shape) - 0.5)))
        if init_linear_decay is None and is_real(init_v_threshold):
            init_linear_decay = init_v_threshold / (2 * T)
        self.tau = self._parameter("init_tau", init_tau, shape)
        self.v_threshold = self._parameter("init_v_threshold", init_v_threshold, shape)
        self.linear_decay = self._parameter("init_linear_decay", init_linear_decay, shape)
        self.v_subreset = self._parameter(
            "init_v_subreset", init_v_threshold if init_v_subreset is None else init_v_subreset, shape
        )
        self.conduct = self._parameter("init_conduct", init_conduct, (T, *shape))

    def _parameter(self, name: str, value: float | None, shape: tuple[int, ...]) -> nn.Parameter:
        """A parameter whose sigmoid is ``value``."""
        check_float(self, name, value)
        assert value is not None
        if not 0.0 < value < 1.0:
            raise ArgumentValueError(
                f"GatedLIFNode: {name} must be between 0 and 1 (a sigmoid of what is learned), but {value} was given."
            )
        return nn.Parameter(torch.full(shape, math.log(value / (1.0 - value))))

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    def neuronal_charge(self, current: torch.Tensor, gates: Gates) -> None:
        r"""Set ``self.v`` to :math:`U[t]`; ``current`` is :math:`(1 - \beta (1 - g[t])) X[t]`."""
        leak = (1.0 - gates.alpha * (1.0 - gates.tau)) * self.v - (1.0 - gates.alpha) * gates.linear_decay
        self.v = leak + current - (1.0 - gates.gamma) * gates.v_subreset * self.spike

    def neuronal_fire(self, gates: Gates) -> torch.Tensor:
        """The spikes of this time step, from the charged potential ``self.v``."""
        return self.surrogate_function(self.v - gates.v_threshold)

    def neuronal_reset(self, spike: torch.Tensor, gates: Gates) -> None:
        """The hard part of the reset; the soft part follows in the next charge, where it does not leak."""
        self.v = (1.0 - gates.gamma * spike) * self.v
        self.spike = spike

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give ``v`` and ``spike`` the shape, dtype and device of the input of one time step; later inputs must fit."""
        self._give_shape("v", x)
        self._give_shape("spike", x)
        self._check_carried_state(x)

    def single_step_forward(self, current: torch.Tensor, gates: Gates | None = None) -> torch.Tensor:
        """One time step with the input that :meth:`neuronal_charge` takes; a sequence is made of these."""
        gates = self._gates(current.dim()) if gates is None else gates
        self.neuronal_charge(current, gates)
        spike = self.neuronal_fire(gates)
        self.neuronal_reset(spike, gates)
        return spike

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_length(self, x_seq, self.T)
        self._check_channels(x_seq)
        current_seq = self._conducted(x_seq)
        spikes = fused.run_sequence(self, current_seq)
        if spikes is not None:
            return spikes
        self.v_float_to_tensor(current_seq[0])
        gates = self._gates(x_seq.dim() - 1)
        return torch.stack([self.single_step_forward(current, gates) for current in current_seq.unbind(0)])

    def _conducted(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The only part that differs between time steps."""
        conduct, beta = self.conduct.sigmoid(), self.beta.sigmoid()
        gain = (1.0 - beta * (1.0 - conduct)).to(x_seq.dtype)
        channels = gain.shape[1:]
        return x_seq * gain.view(self.T, *[1] * len(channels), *channels, *[1] * (x_seq.dim() - 1 - 2 * len(channels)))

    def _gates(self, dims: int) -> Gates:
        def broadcast(parameter: torch.Tensor) -> torch.Tensor:
            value = parameter.sigmoid()
            return value if value.dim() == 0 else value.view(-1, *[1] * (dims - 2))

        return Gates(*[broadcast(getattr(self, name)) for name in Gates._fields])

    def _check_channels(self, x_seq: torch.Tensor) -> None:
        if self.inplane is not None and (x_seq.dim() < 3 or x_seq.shape[2] != self.inplane):
            raise ValueError(
                f"GatedLIFNode was built for inplane={self.inplane} channels and expects an input "
                f"[T, N, {self.inplane}, *], but {describe(x_seq)} was given."
            )

    def extra_repr(self) -> str:
        return f"T={self.T}, inplane={self.inplane}, {super().extra_repr()}"
