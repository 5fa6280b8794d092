"""Neurons that read and write the times of spikes."""

import math
import numbers

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import _former_names
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_positive_int,
    check_tensor,
    describe,
)

__all__ = ["Tempotron"]


class Tempotron(nn.Module):
    r"""A layer of tempotrons: each fires once or not at all, and learns for which patterns of input spikes it fires.

    Input neuron :math:`i` fires once, at :math:`t_i`. The potential of output neuron :math:`j` is

    .. math::
        V_j[t] = \sum_i w_{ji} V_0 K(t - t_i), \quad
        K(t) = \left(e^{-t / \tau} - e^{-t / \tau_s}\right) \cdot [t \geq 0], \quad t = 0, 1, \dots, T - 1

    where :math:`V_0 = v_{threshold} / \max_t K(t)`: one input spike with the weight 1 lifts the potential right to the
    threshold. The neuron fires if its largest potential reaches the threshold.

    Source: R. Gütig and H. Sompolinsky, "The tempotron: a neuron that learns spike timing-based decisions", Nature
    Neuroscience 9, 2006.

    :param in_features: input neurons
    :param out_features: output neurons
    :param T: time steps for which the potential is computed
    :param tau: time constant of the membrane, in time steps
    :param tau_s: time constant of the synaptic current, in time steps; less than ``tau``
    :param v_threshold: firing threshold, greater than 0

    The weight is ``fc.weight``, ``[out_features, in_features]``; there is no bias.

    :raises TypeError: if a size is no int or a constant no number
    :raises ValueError: if a size is less than 1, ``0 < tau_s < tau`` does not hold or ``v_threshold <= 0``
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        T: int,
        tau: float = 15.0,
        tau_s: float = 15.0 / 4,
        v_threshold: float = 1.0,
    ) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features), ("T", T)):
            check_positive_int(self, name, size)
        for name, value in (("tau", tau), ("tau_s", tau_s), ("v_threshold", v_threshold)):
            _check_positive(name, value)
        if not tau_s < tau:
            raise ArgumentValueError(f"Tempotron: tau_s must be less than tau, but tau_s={tau_s} and tau={tau}.")
        self.T, self.tau, self.tau_s, self.v_threshold = T, tau, tau_s, v_threshold
        self.fc = nn.Linear(in_features, out_features, bias=False)

    @property
    def v0(self) -> float:
        """:math:`V_0`."""
        peak_time = self.tau * self.tau_s / (self.tau - self.tau_s) * math.log(self.tau / self.tau_s)
        return self.v_threshold / (math.exp(-peak_time / self.tau) - math.exp(-peak_time / self.tau_s))

    @staticmethod
    def psp_kernel(t: torch.Tensor, tau: float, tau_s: float) -> torch.Tensor:
        """The postsynaptic potential :math:`K` at the times ``t`` after a spike, of the shape of ``t``."""
        after = t.masked_fill(t < 0, 0.0)  # K(0) = 0; the exponentials of times long before the spike would overflow
        return torch.exp(-after / tau) - torch.exp(-after / tau_s)

    @staticmethod
    def mse_loss(
        v_max: torch.Tensor, v_threshold: float | torch.Tensor, label: torch.Tensor, num_classes: int
    ) -> torch.Tensor:
        r"""The squared distance to the threshold of the neurons that decided wrongly.

        Neuron :math:`j` should fire for the samples of class :math:`j` and for no other:

        .. math::
            L = \frac{1}{N} \sum_{n, j} (V_{max, nj} - v_{threshold})^2 \cdot
            \big[[V_{max, nj} \geq v_{threshold}] \neq [label_n = j]\big]

        :param v_max: largest potentials ``[N, num_classes]``
        :param v_threshold: firing threshold, or a tensor of thresholds that broadcasts to ``[N, num_classes]``
        :param label: classes ``[N]`` (int64)
        :param num_classes: number of classes
        :return: a scalar
        :raises ValueError: if the shapes don't fit
        """
        if v_max.shape != (*label.shape, num_classes) or label.dim() != 1:
            raise ArgumentValueError(
                f"Tempotron.mse_loss: v_max must be [N, num_classes] with num_classes={num_classes}, and label [N], "
                f"but their shapes are {list(v_max.shape)} and {list(label.shape)}."
            )
        wrong = (v_max >= v_threshold) != F.one_hot(label, num_classes).bool()
        return (torch.square(v_max - v_threshold) * wrong).sum() / len(label)

    def forward(self, in_spikes: torch.Tensor, ret_type: str = "v") -> torch.Tensor:
        r"""What the neurons do, given the times at which the input neurons fire.

        ``ret_type`` says what is returned:

        - 'v': the potentials ``[N, out_features, T]``
        - 'v_max': their maxima over time ``[N, out_features]``
        - 'spikes': the times of output spikes ``[N, out_features]``, negative where a neuron does not fire. The time is
          that of the largest potential; its gradient is that of :math:`\sum_t t \operatorname{softmax}_t(T \cdot V[t])`

        Gradients reach ``in_spikes`` if they are asked for, so that layers can be stacked with 'spikes'. They need the
        kernels of all spikes, ``[N, in_features, T]``; times that are whole numbers and need no gradient are added up
        for each time step instead, which takes far less time and memory.

        :param in_spikes: times ``[N, in_features]`` in time steps; a negative time is no spike, and times from T on
            come too late to matter
        :param ret_type: 'v', 'v_max' or 'spikes'
        :raises TypeError: if ``in_spikes`` is no tensor
        :raises ValueError: if it has another shape or holds NaN, or ``ret_type`` is none of the three
        """
        check_tensor(self, "in_spikes", in_spikes)
        if in_spikes.dim() != 2 or in_spikes.shape[1] != self.fc.in_features:
            raise ArgumentValueError(
                f"Tempotron: in_spikes must be [N, in_features] with in_features={self.fc.in_features}, but its shape "
                f"is {list(in_spikes.shape)}. Flatten what an encoder gives: times.flatten(1)."
            )
        if ret_type not in ("v", "v_max", "spikes"):
            raise ArgumentValueError(
                f"Tempotron: ret_type must be 'v', 'v_max' or 'spikes', but {describe(ret_type)} was given."
            )
        v = self.v0 * self._weighted_kernels(in_spikes)
        if ret_type == "v":
            return v
        v_max = v.amax(2)
        return v_max if ret_type == "v_max" else self._spike_times(v, v_max)

    def _weighted_kernels(self, in_spikes: torch.Tensor) -> torch.Tensor:
        """:math:`V / V_0`, ``[N, out_features, T]``."""
        if not in_spikes.requires_grad and bool((in_spikes == in_spikes.floor()).all()):
            return self._weighted_kernels_of_whole_times(in_spikes)
        if bool(in_spikes.isnan().any()):
            raise ArgumentValueError("Tempotron: in_spikes holds NaN; a neuron that does not fire has the time -1.")
        t = torch.arange(self.T, dtype=self.fc.weight.dtype, device=in_spikes.device)
        kernels = self.psp_kernel(t - in_spikes.unsqueeze(-1), self.tau, self.tau_s)
        return self.fc.weight @ (kernels * (in_spikes >= 0).unsqueeze(-1))

    def _weighted_kernels_of_whole_times(self, in_spikes: torch.Tensor) -> torch.Tensor:
        """Adds up the weights of the spikes of each time step, then lets the kernel pass over the T sums.

        The kernels of all spikes, ``[N, in_features, T]``, are never made.
        """
        sample, source = torch.nonzero((in_spikes >= 0) & (in_spikes < self.T), as_tuple=True)
        step = sample * self.T + in_spikes[sample, source].long()
        weights = self.fc.weight.t().index_select(0, source)
        sums = weights.new_zeros(len(in_spikes) * self.T, self.fc.out_features).index_add(0, step, weights)
        t = torch.arange(self.T, dtype=weights.dtype, device=weights.device)
        kernels = self.psp_kernel(t.unsqueeze(1) - t, self.tau, self.tau_s)
        return (kernels @ sums.view(len(in_spikes), self.T, self.fc.out_features)).transpose(1, 2)

    def _spike_times(self, v: torch.Tensor, v_max: torch.Tensor) -> torch.Tensor:
        t = torch.arange(self.T, dtype=v.dtype, device=v.device)
        soft = (torch.softmax(self.T * v, 2) * t).sum(2)
        hard = v.argmax(2).to(v.dtype)
        fires = v_max >= self.v_threshold
        # Negative zero would be read as a spike at time 0 by the next layer.
        times = torch.where(fires, hard, -hard.clamp(min=torch.finfo(v.dtype).tiny))
        slope = torch.where(fires, soft, -soft)
        return times + (slope - slope.detach())

    def extra_repr(self) -> str:
        return f"T={self.T}, tau={self.tau}, tau_s={self.tau_s}, v_threshold={self.v_threshold}"


def _check_positive(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ArgumentTypeError(f"Tempotron: {name} must be a number, but {describe(value)} was given.")
    if not 0 < value < math.inf:
        raise ArgumentValueError(f"Tempotron: {name} must be finite and greater than 0, but {value} was given.")


_BY_TIMES = "Tempotron; networks that are trained through the times of their spikes alone are not here"
__getattr__ = _former_names.refusing(__name__, {"CubicConv2d": _BY_TIMES, "CubicSRM": _BY_TIMES, "SRM": _BY_TIMES})
