"""Integrate-and-fire neurons for converted networks: other ways to turn a charge into spikes."""

from typing import Any

import torch

from spikingjelly.activation_based import base, neuron, surrogate


class SignedIFNode(neuron.IFNode):
    r"""Integrate-and-fire that takes a spike back when it turns out to have been one too many.

    With the number of spikes so far :math:`C`,

    .. math::
        H[t] &= V[t-1] + X[t] \\
        S[t] &= \Theta(H[t] - V_{th}) - \Theta(-H[t]) \, \Theta(C[t-1] - 1) \\
        V[t] &= H[t] - S[t] V_{th}, \qquad C[t] = C[t-1] + S[t]

    so spikes are -1, 0 or 1, and C never falls below 0: charge that arrives in an unlucky order is not lost.

    Parameters, shapes and errors are those of :class:`~spikingjelly.activation_based.neuron.BaseNode`, with
    ``v_reset=None``, the soft reset.

    Source: the idea of negative spikes is that of Wang et al., "Signed Neuron with Memory: Towards Simple, Accurate
    and High-Efficient ANN-SNN Conversion", IJCAI 2022.
    """

    count: Any

    def __init__(self, v_threshold: float = 1.0, v_reset: None = None, **kwargs: Any) -> None:
        if v_reset is not None:
            raise ValueError(f"SignedIFNode: only the soft reset, v_reset=None, but v_reset={v_reset!r} was given.")
        super().__init__(v_threshold, v_reset, **kwargs)
        self.register_memory("count", 0.0)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        if not isinstance(self.count, torch.Tensor):
            self.count = torch.zeros_like(x)

    def neuronal_fire(self) -> torch.Tensor:
        too_many = (1.0 - self.surrogate_function(self.v)) * (self.count >= 0.5).to(self.v)
        return super().neuronal_fire() - too_many

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        super().neuronal_reset(spike)
        self.count = self.count + spike


class DelayedIFNode(base.MemoryModule, base.MultiStepModule):
    r"""Integrate-and-fire that waits until all of its input is there: it integrates T steps, then fires T steps.

    .. math::
        Q = V + \sum_{t=1}^{T} X[t], \qquad S[t] = \Theta(Q - t \, V_{th}), \quad t = 1, \dots, T

    The number of spikes is :math:`\mathrm{clip}(\lfloor Q / V_{th} \rfloor, 0, T)`, whatever the order of the input. A
    network of d such layers has a latency of d T steps; layer by layer, as step mode 'm' computes, that costs nothing.

    :param v_threshold: :math:`V_{th}`, default 1.0
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``

    Input and output are ``[T, N, *]``; there is no step mode 's'. The charge that is left stays in ``v``.
    """

    v: Any

    def __init__(self, v_threshold: float = 1.0, surrogate_function: Any = None) -> None:
        super().__init__()
        self.register_memory("v", 0.0)
        self.v_threshold = v_threshold
        self.surrogate_function = surrogate.Sigmoid() if surrogate_function is None else surrogate_function

    def single_step_forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        raise ValueError("DelayedIFNode: a single step can't be computed before all input is there; use step_mode='m'.")

    def multi_step_forward(self, x_seq: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        self._check_sequence(x_seq)
        T = x_seq.shape[0]
        charge = (x_seq[0] * T if x_seq.stride(0) == 0 else x_seq.sum(0)) + self.v
        levels = torch.arange(1, T + 1, dtype=x_seq.dtype, device=x_seq.device) * self.v_threshold
        spikes = self.surrogate_function(charge - levels.view(T, *[1] * charge.dim()))
        self.v = charge - spikes.sum(0) * self.v_threshold
        return spikes

    def extra_repr(self) -> str:
        return f"v_threshold={self.v_threshold}, step_mode={self.step_mode}"


class StartedIFNode(neuron.IFNode):
    r"""Integrate-and-fire in which each neuron of a sample has an initial potential of its own.

    :param v_start: the initial potentials, ``[*]`` without the batch; a buffer, so it is part of the state dict

    The other parameters are those of :class:`~spikingjelly.activation_based.neuron.BaseNode`.
    """

    v_start: torch.Tensor

    def __init__(self, v_start: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("v_start", v_start)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        if not isinstance(self.v, torch.Tensor):
            self.v = self.v_start.to(x).expand_as(x).clone(memory_format=torch.preserve_format)
        super().v_float_to_tensor(x)
