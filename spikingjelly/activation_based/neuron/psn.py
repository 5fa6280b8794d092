"""Parallel spiking neurons: no reset, so that all time steps are one matrix product.

Source: Fang et al., "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term Dependencies",
NeurIPS 2023.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_bool,
    check_float,
    check_floating_tensor,
    check_positive_int,
    describe,
)
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_ATAN, own_surrogate
from spikingjelly.activation_based.neuron._sequence_length import check_length


class PSN(nn.Module, base.MultiStepModule):
    r"""The parallel spiking neuron: each time step sees all ``T`` time steps.

    .. math::
        H = W X - B, \quad S = \Theta(H)

    with a learnable weight :math:`W` ``[T, T]`` and a learnable bias :math:`-B` ``[T, 1]`` (the negative threshold,
    which starts at -1). There is no state and no reset. Input and output are ``[T, N, *]``.

    :param T: number of time steps of every input
    :param surrogate_function: gives the spike and its gradient, default ``ATan(alpha=2.0)``

    :raises ValueError: if the input has another number of time steps
    """

    def __init__(self, T: int, surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_ATAN) -> None:
        check_positive_int(self, "T", T)
        super().__init__()
        self.T = T
        self.surrogate_function = own_surrogate(self, surrogate_function)
        self.weight = _dense_weight(T)
        self.bias = nn.Parameter(torch.full((T, 1), -1.0))

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_length(self, x_seq, self.T)
        h_seq = torch.addmm(self.bias, self.weight, x_seq.flatten(1))
        return self.surrogate_function(h_seq.view(x_seq.shape))

    def extra_repr(self) -> str:
        return f"T={self.T}, step_mode={self.step_mode}"


class MaskedPSN(base.MemoryModule):
    r"""A parallel spiking neuron that learns to see only the last ``k`` time steps.

    .. math::
        M_{ij} &= 1 \text{ if } j \leq i \leq j + k - 1 \text{ else } 0 \\
        H &= (W \cdot (\lambda M + (1 - \lambda))) X - B,  \quad S = \Theta(H)

    During training :math:`\lambda` (``lambda_``, a number from 0 to 1 that the user sets; above 1 it counts as 1) moves
    the neuron from :class:`PSN` to one that needs no future and runs step by step. The state in step mode 's' is the
    last ``k`` inputs (``queue``) and the number of steps so far (``time_step``).

    :param k: order: how many time steps are seen
    :param T: number of time steps of every sequence
    :param lambda_init: initial :math:`\lambda`, default 0.0
    :param surrogate_function: gives the spike and its gradient, default ``ATan(alpha=2.0)``
    :param step_mode: 's' (input ``[N, *]``, only where :math:`\lambda \geq 1`) or 'm' (input ``[T, N, *]``)

    :raises ValueError: for a sequence with another number of time steps, and for step mode 's' with
        :math:`\lambda < 1`
    :raises OverflowError: in step mode 's', for more than ``T`` time steps without a reset
    """

    time_step: int
    queue: list[torch.Tensor]
    _lambda_: torch.Tensor
    mask0: torch.Tensor
    mask1: torch.Tensor

    def __init__(
        self,
        k: int,
        T: int,
        lambda_init: float = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_ATAN,
        step_mode: str = "s",
    ) -> None:
        check_positive_int(self, "k", k)
        check_positive_int(self, "T", T)
        check_float(self, "lambda_init", lambda_init)
        super().__init__()
        self.register_memory("time_step", 0)
        self.register_memory("queue", [])
        self.step_mode = step_mode
        self.k = k
        self.T = T
        self.surrogate_function = own_surrogate(self, surrogate_function)
        self.weight = _dense_weight(T)
        self.bias = nn.Parameter(torch.full((T, 1), -1.0))
        self.register_buffer("_lambda_", torch.tensor(0.0))
        self.lambda_ = lambda_init
        # Both masks are in state_dict, so that checkpoints of the published package load strictly.
        self.register_buffer("mask0", torch.ones(T, T).tril().triu(1 - k))
        self.register_buffer("mask1", torch.ones(T, T))

    @property
    def lambda_(self) -> torch.Tensor:
        r""":math:`\lambda`, a 0-dimensional tensor; set it with a number that is not negative.

        :raises ValueError: on assignment of a negative number
        """
        return self._lambda_

    @lambda_.setter
    def lambda_(self, value: float | torch.Tensor) -> None:
        if not float(value) >= 0.0:
            raise ArgumentValueError(
                f"{type(self).__name__}: lambda_ goes from 0 (sees all time steps) to 1 (sees the last k), but {value} "
                "was given."
            )
        self._lambda_.fill_(float(value))

    def masked_weight(self) -> torch.Tensor:
        r""":math:`W \cdot (\lambda M + (1 - \lambda))`, ``[T, T]``."""
        mask_share = self._lambda_.clamp(max=1.0)
        return (mask_share * self.mask0 + (1.0 - mask_share) * self.mask1) * self.weight

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``. Neither reads nor changes the state of step mode 's'."""
        check_length(self, x_seq, self.T)
        h_seq = torch.addmm(self.bias, self.masked_weight(), x_seq.flatten(1))
        return self.surrogate_function(h_seq.view(x_seq.shape))

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The next time step ``[N, *]``."""
        check_floating_tensor(self, "the input", x)
        if self._lambda_ < 1.0:
            raise ValueError(
                f"{type(self).__name__}: lambda_ is {float(self._lambda_):g}, so that each time step depends on later "
                "inputs. step_mode='s' works from lambda_ = 1 on; use step_mode='m' until then."
            )
        t = self.time_step
        if t >= self.T:
            raise OverflowError(
                f"{type(self).__name__} has run all of its T={self.T} time steps. Call functional.reset_net(net) "
                "before the next sequence, or build the node with a larger T."
            )
        self._check_carried_state(x)
        self.queue = [*self.queue, x][-self.k :]
        self.time_step = t + 1
        weight = self.weight[t, t + 1 - len(self.queue) : t + 1]
        return self.surrogate_function(weighted_sum(weight, self.queue) + self.bias[t, 0])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, k={self.k}, T={self.T}, lambda_={float(self._lambda_):g}"


class SlidingPSN(base.MemoryModule):
    r"""A parallel spiking neuron with ``k`` weights that all time steps share, for sequences of any length.

    .. math::
        H[t] = \sum_{i=0}^{k-1} W_i X[t - k + 1 + i] - B,  \quad S[t] = \Theta(H[t])

    with :math:`X[t] = 0` before the sequence. In step mode 'm' every call is a sequence of its own; in 's' the state is
    the last ``k`` inputs (``queue``).

    :param k: order: how many time steps are seen
    :param exp_init: whether :math:`W_i` starts at :math:`2^{-(k - 1 - i)}`, else random (Kaiming uniform)
    :param surrogate_function: gives the spike and its gradient, default ``ATan(alpha=2.0)``
    :param step_mode: 's' (input ``[N, *]``) or 'm' (input ``[T, N, *]``)
    :param backend: how step mode 'm' computes: 'gemm', a product with a banded ``[T, T]`` matrix, or 'conv', a
        one-dimensional convolution. The results are equal.

    :raises NotImplementedError: for another backend
    """

    queue: list[torch.Tensor]

    def __init__(
        self,
        k: int,
        exp_init: bool = True,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_ATAN,
        step_mode: str = "s",
        backend: str = "gemm",
    ) -> None:
        check_positive_int(self, "k", k)
        check_bool(self, "exp_init", exp_init)
        super().__init__()
        self.register_memory("queue", [])
        self.step_mode = step_mode
        self.k = k
        self.surrogate_function = own_surrogate(self, surrogate_function)
        self.backend = backend
        if exp_init:
            weight = 2.0 ** torch.arange(1.0 - k, 1.0)
        else:
            weight = nn.init.kaiming_uniform_(torch.empty(1, k), a=math.sqrt(5.0))[0]
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.tensor(-1.0))

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return ("gemm", "conv")

    @property
    def backend(self) -> str:
        """'gemm' or 'conv': the algorithm of step mode 'm'."""
        return self._backend

    @backend.setter
    def backend(self, value: Any) -> None:
        if value not in self.supported_backends:
            raise NotImplementedError(
                f"{type(self).__name__}: backend must be 'gemm' or 'conv', but {describe(value)} was given."
            )
        self._backend = value

    def gen_gemm_weight(self, T: int) -> torch.Tensor:
        """The banded matrix ``[T, T]`` that takes a sequence to its charged potentials."""
        step = torch.arange(T, device=self.weight.device)
        lag = step.unsqueeze(1) - step
        weight = self.weight[(self.k - 1 - lag).clamp(0, self.k - 1)]
        return torch.where((lag >= 0) & (lag < self.k), weight, torch.zeros_like(weight))

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``. Neither reads nor changes the state of step mode 's'."""
        check_length(self, x_seq)
        flat = x_seq.flatten(1)
        if self.backend == "gemm":
            h_seq = torch.addmm(self.bias, self.gen_gemm_weight(len(x_seq)), flat)
        else:
            rows = F.pad(flat.t().unsqueeze(1), (self.k - 1, 0))
            h_seq = F.conv1d(rows, self.weight.view(1, 1, -1), self.bias.view(1)).squeeze(1).t()
        return self.surrogate_function(h_seq.reshape(x_seq.shape))

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The next time step ``[N, *]``."""
        check_floating_tensor(self, "the input", x)
        self._check_carried_state(x)
        self.queue = [*self.queue, x][-self.k :]
        weight = self.weight[self.k - len(self.queue) :]
        return self.surrogate_function(weighted_sum(weight, self.queue) + self.bias)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, k={self.k}"


def _dense_weight(T: int) -> nn.Parameter:
    return nn.Parameter(nn.init.kaiming_uniform_(torch.empty(T, T), a=math.sqrt(5.0)))


def weighted_sum(weight: torch.Tensor, steps: list[torch.Tensor] | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The sum of time steps ``[*]``, each times its weight in ``[len(steps)]``."""
    return torch.tensordot(weight, torch.stack(steps), dims=1)
