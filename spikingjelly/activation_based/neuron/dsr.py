"""Neurons that are trained by differentiation on their spike representation (DSR).

Source: Meng et al., "Training High-Performance Low-Latency Spiking Neural Networks by Differentiation on Spike
Representation", CVPR 2022.
"""

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import (
    ArgumentValueError,
    check_above,
    check_bool,
    check_float,
    check_positive_int,
)
from spikingjelly.activation_based.neuron._eager_only import EagerOnly
from spikingjelly.activation_based.neuron._sequence_length import check_length

# Arguments of other nodes that networks pass to every node they build, and that have no meaning without a surrogate.
_WITHOUT_MEANING = {"v_reset", "surrogate_function", "detach_reset", "decay_input", "store_v_seq"}


def _refuse_unknown(owner: str, keywords: dict[str, Any]) -> None:
    for name in keywords.keys() - _WITHOUT_MEANING:
        raise TypeError(
            f"{owner} has no argument {name!r}. Of the arguments of other nodes it takes, without effect, "
            f"{', '.join(sorted(_WITHOUT_MEANING))}."
        )


class _RateGradient(torch.autograd.Function):
    """Given spikes forward; backward, the gradient of their weighted mean with respect to the input's weighted mean."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x_seq: torch.Tensor,
        v_threshold: torch.Tensor,
        spike_seq: torch.Tensor,
        time_weights: torch.Tensor,
        to_input: torch.Tensor,
        to_threshold: torch.Tensor,
        lower_bound: float,
    ) -> torch.Tensor:
        return spike_seq.view_as(spike_seq)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        x_seq, v_threshold, _, time_weights, to_input, to_threshold, ctx.lower_bound = inputs
        ctx.save_for_backward(v_threshold, time_weights, to_input, to_threshold)
        ctx.T = len(x_seq)

    @staticmethod
    def backward(ctx: Any, grad_spike_seq: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        v_threshold, time_weights, to_input, to_threshold = ctx.saved_tensors
        grad_rate = torch.tensordot(time_weights, grad_spike_seq, dims=1)
        grad_x_seq = (grad_rate * to_input).expand(ctx.T, *to_input.shape)
        grad_v_threshold = (grad_rate * to_threshold).sum()
        # A threshold below its bound acts as the bound. It may be led back, but not be led further away.
        away = (v_threshold < ctx.lower_bound) & (grad_v_threshold > 0.0)
        return grad_x_seq, grad_v_threshold.masked_fill(away, 0.0), None, None, None, None, None


class _DSRNode(EagerOnly):
    """What both nodes share: the threshold, the loop over time, and the backward pass through the rate."""

    v: torch.Tensor
    v_threshold: torch.Tensor

    def __init__(
        self,
        T: int,
        v_threshold: float,
        alpha: float,
        v_threshold_training: bool,
        v_threshold_grad_scaling: float,
        v_threshold_lower_bound: float,
        step_mode: str,
        backend: str,
        **kwargs: Any,
    ) -> None:
        _refuse_unknown(type(self).__name__, kwargs)
        check_positive_int(self, "T", T)
        check_bool(self, "v_threshold_training", v_threshold_training)
        check_float(self, "v_threshold", v_threshold)
        check_above(self, "v_threshold_lower_bound", v_threshold_lower_bound, 0.0)
        if v_threshold < v_threshold_lower_bound:
            raise ArgumentValueError(
                f"{type(self).__name__}: v_threshold must not be below v_threshold_lower_bound="
                f"{v_threshold_lower_bound}, but {v_threshold} was given."
            )
        check_float(self, "v_threshold_grad_scaling", v_threshold_grad_scaling)
        check_above(self, "alpha", alpha, 0.0)
        if alpha > 1.0:
            raise ArgumentValueError(
                f"{type(self).__name__}: alpha is a share of v_threshold and at most 1, but {alpha} was given."
            )
        super().__init__()
        self.register_memory("v", 0.0)
        self.step_mode = step_mode
        self.backend = backend
        self.T = T
        self.alpha = alpha
        self.v_threshold_training = v_threshold_training
        self.v_threshold_grad_scaling = v_threshold_grad_scaling
        self.v_threshold_lower_bound = v_threshold_lower_bound
        if v_threshold_training:
            self.register_parameter("v_threshold", nn.Parameter(torch.tensor(v_threshold)))
        else:
            self.register_buffer("v_threshold", torch.tensor(v_threshold), persistent=False)

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    @abstractmethod
    def neuronal_charge(self, x: torch.Tensor) -> None:
        """Set ``self.v`` from the previous potential and the input of this time step ``x`` ``[N, *]``."""

    def neuronal_fire(self, v_threshold: torch.Tensor) -> torch.Tensor:
        """The spikes of this time step, 0 or 1."""
        return (self.v >= self.alpha * v_threshold).to(self.v)

    def neuronal_reset(self, spike: torch.Tensor, v_threshold: torch.Tensor) -> None:
        """Set ``self.v`` to the potential after the spikes."""
        self.v = self.v - spike * v_threshold

    @abstractmethod
    def _rate_rule(self, x_seq: torch.Tensor, v_threshold: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Weights of the time steps ``[T]``; the rate's derivatives by the input and by the threshold ``[N, *]``."""

    @abstractmethod
    def _spike_height(self, v_threshold: torch.Tensor) -> torch.Tensor:
        """What the node puts out for one spike."""

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_length(self, x_seq, self.T)
        with torch.no_grad():
            v_threshold = self.v_threshold.clamp(min=self.v_threshold_lower_bound)
            self.v = torch.zeros_like(x_seq[0])
            spikes = []
            for x in x_seq.unbind(0):
                self.neuronal_charge(x)
                spikes.append(self.neuronal_fire(v_threshold))
                self.neuronal_reset(spikes[-1], v_threshold)
            spike_seq = torch.stack(spikes) * self._spike_height(v_threshold)
            rate_rule = self._rate_rule(x_seq, v_threshold)
        return _RateGradient.apply(x_seq, self.v_threshold, spike_seq, *rate_rule, self.v_threshold_lower_bound)

    def extra_repr(self) -> str:
        return (
            f"T={self.T}, v_threshold={self.v_threshold.item():g}, alpha={self.alpha}, "
            f"v_threshold_training={self.v_threshold_training}, "
            f"v_threshold_grad_scaling={self.v_threshold_grad_scaling}, "
            f"v_threshold_lower_bound={self.v_threshold_lower_bound}, {super().extra_repr()}"
        )


class DSRIFNode(_DSRNode):
    r"""Integrate-and-fire whose gradient is that of its firing rate.

    .. math::
        H[t] &= V[t-1] + X[t] \\
        S[t] &= \Theta(H[t] - \alpha V_{th}) \\
        V[t] &= H[t] - S[t] V_{th}

    with :math:`V[0] = 0` at the start of each sequence, and the output :math:`V_{th} S[t]`. The mean output over
    ``T`` time steps approximates :math:`\mathrm{clamp}(\frac{1}{T}\sum_t X[t], 0, V_{th})`, and the backward pass is
    the derivative of that: no surrogate is needed. Input and output are ``[T, N, *]``.

    :param T: number of time steps of every sequence, default 20
    :param v_threshold: initial threshold :math:`V_{th}`, default 6.0
    :param alpha: at which share of :math:`V_{th}` the neuron fires, in (0, 1], default 0.5
    :param v_threshold_training: whether the threshold is learned (a parameter ``v_threshold``)
    :param v_threshold_grad_scaling: factor on the gradient of the threshold, default 1.0
    :param v_threshold_lower_bound: a threshold that training leads below this value acts as this value, default 0.01
    :param step_mode: only 'm'
    :param backend: 'torch', 'cupy', 'triton', 'cpp' or 'auto'; the eager code runs with all of them
    :param kwargs: arguments of other nodes that have no meaning here (``surrogate_function``, ``detach_reset``,
        ``v_reset``, ``decay_input``, ``store_v_seq``) are accepted and not used

    :raises ValueError: for inputs with another number of time steps, and for arguments out of range
    :raises TypeError: for any other argument
    """

    def __init__(
        self,
        T: int = 20,
        v_threshold: float = 6.0,
        alpha: float = 0.5,
        v_threshold_training: bool = True,
        v_threshold_grad_scaling: float = 1.0,
        v_threshold_lower_bound: float = 0.01,
        step_mode: str = "m",
        backend: str = "torch",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("tau", None)
        super().__init__(
            T, v_threshold, alpha, v_threshold_training, v_threshold_grad_scaling, v_threshold_lower_bound, step_mode,
            backend, **kwargs,
        )  # fmt: skip

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x

    def _spike_height(self, v_threshold: torch.Tensor) -> torch.Tensor:
        return v_threshold

    def _rate_rule(self, x_seq: torch.Tensor, v_threshold: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mean = x_seq.mean(0)
        inside = (mean >= 0.0) & (mean <= v_threshold)
        above = mean > v_threshold
        return (
            x_seq.new_full((self.T,), 1.0 / self.T),
            inside.to(x_seq),
            above.to(x_seq) * (self.v_threshold_grad_scaling * self.T),
        )


class DSRLIFNode(_DSRNode):
    r"""Leaky integrate-and-fire whose gradient is that of its weighted firing rate.

    .. math::
        H[t] &= \lambda V[t-1] + (1 - \lambda) X[t],  \quad \lambda = e^{-\Delta t / \tau} \\
        S[t] &= \Theta(H[t] - \alpha V_{th}) \\
        V[t] &= H[t] - S[t] V_{th}

    with :math:`V[0] = 0` at the start of each sequence, and the output :math:`\frac{V_{th}}{\Delta t} S[t]`. With the
    weights :math:`w_t = \lambda^{T - t} / \sum_i \lambda^{T - i}` the weighted mean of the output approximates
    :math:`\mathrm{clamp}(\frac{1}{\tau} \sum_t w_t X[t], 0, \frac{V_{th}}{\Delta t})`. The backward pass takes, with
    :math:`G = \sum_t w_t \partial L / \partial Y[t]`, the gradient :math:`G / \tau` for every :math:`X[t]` between the
    bounds, and :math:`T \Delta t G` for :math:`V_{th}` above them. Input and output are ``[T, N, *]``.

    :param T: number of time steps of every sequence, default 20
    :param v_threshold: initial threshold :math:`V_{th}`, default 1.0
    :param tau: membrane time constant :math:`\tau`, in the unit of ``delta_t``, default 2.0
    :param delta_t: duration of a time step :math:`\Delta t`, default 0.05
    :param alpha: at which share of :math:`V_{th}` the neuron fires, in (0, 1], default 0.3
    :param v_threshold_lower_bound: as in :class:`DSRIFNode`, default 0.1

    The other parameters, shapes and errors are those of :class:`DSRIFNode`.
    """

    def __init__(
        self,
        T: int = 20,
        v_threshold: float = 1.0,
        tau: float = 2.0,
        delta_t: float = 0.05,
        alpha: float = 0.3,
        v_threshold_training: bool = True,
        v_threshold_grad_scaling: float = 1.0,
        v_threshold_lower_bound: float = 0.1,
        step_mode: str = "m",
        backend: str = "torch",
        **kwargs: Any,
    ) -> None:
        check_above(self, "tau", tau, 0.0)
        check_above(self, "delta_t", delta_t, 0.0)
        super().__init__(
            T, v_threshold, alpha, v_threshold_training, v_threshold_grad_scaling, v_threshold_lower_bound, step_mode,
            backend, **kwargs,
        )  # fmt: skip
        self.tau = tau
        self.delta_t = delta_t

    def neuronal_charge(self, x: torch.Tensor) -> None:
        decay = math.exp(-self.delta_t / self.tau)
        self.v = decay * self.v + (1.0 - decay) * x

    def _spike_height(self, v_threshold: torch.Tensor) -> torch.Tensor:
        return v_threshold / self.delta_t

    def _rate_rule(self, x_seq: torch.Tensor, v_threshold: torch.Tensor) -> tuple[torch.Tensor, ...]:
        age = torch.arange(self.T - 1, -1, -1, dtype=x_seq.dtype, device=x_seq.device)
        time_weights = torch.softmax(-age * (self.delta_t / self.tau), 0)  # = decay^age, normalised
        mean = torch.tensordot(time_weights, x_seq, dims=1)
        bound = v_threshold * (self.tau / self.delta_t)
        inside = (mean > 0.0) & (mean < bound)
        above = mean > bound
        return (
            time_weights,
            inside.to(x_seq) / self.tau,
            above.to(x_seq) * (self.v_threshold_grad_scaling * self.T * self.delta_t),
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau={self.tau}, delta_t={self.delta_t}"
