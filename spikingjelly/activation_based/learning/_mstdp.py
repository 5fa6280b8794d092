"""Reward-modulated STDP with two traces and an eligibility, as functions."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_floating_tensor
from spikingjelly.activation_based.learning._correlation import (
    WeightFunction,
    check_synapse,
    correlation_of_each,
    weigh,
)
from spikingjelly.activation_based.learning._stdp import TracesAndChange, as_it_is, checked_spikes
from spikingjelly.activation_based.learning._traces import Trace, check_tau, exponential_decay, traces_over_time


def mstdp_linear_single_step(
    fc: nn.Linear,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> TracesAndChange:
    r"""The eligibility of one time step for reward-modulated STDP, for each sample by itself.

    With the spikes :math:`s_j` of the presynaptic and :math:`s_i` of the postsynaptic neurons,

    .. math::
        x_j[t] &= x_j[t-1] e^{-1 / \tau_{pre}} + s_j[t], \qquad
        y_i[t] = y_i[t-1] e^{-1 / \tau_{post}} + s_i[t] \\
        \zeta_{ij}[t] &= f_{post}(w_{ij}) x_j[t] s_i[t] - f_{pre}(w_{ij}) y_i[t] s_j[t]

    The change of the weights is then :math:`\sum_n r_n[t+1] \zeta_n[t]` with the reward that follows, see
    :class:`MSTDPLearner`.

    :param fc: the synapse, a Linear
    :param in_spike: spikes ``[N, *, in_features]``, or ``[in_features]`` without batch
    :param out_spike: spikes ``[N, *, out_features]``, or ``[out_features]``
    :param trace_pre: :math:`x[t-1]`, in the shape of ``in_spike``; None for 0
    :param trace_post: :math:`y[t-1]`, in the shape of ``out_spike``; None for 0
    :param tau_pre: :math:`\tau_{pre}` in time steps, greater than 0
    :param tau_post: :math:`\tau_{post}` in time steps, greater than 0
    :param f_pre: how strong the depression at a presynaptic spike is, from the weights; default: as they are
    :param f_post: how strong the potentiation at a postsynaptic spike is, from the weights; default: as they are
    :return: :math:`x[t]`, :math:`y[t]` and :math:`\zeta[t]` ``[N, out_features, in_features]`` (without N where the
        spikes have none), without graph

    :raises NotImplementedError: for other layers
    :raises ValueError: if the shapes don't belong together, or a time constant is not greater than 0
    :raises RuntimeError: if a trace has not the shape of the spikes

    Source: Florian, "Reinforcement learning through modulation of spike-timing-dependent synaptic plasticity", Neural
    Computation 19(6), 2007.
    """
    return _eligibility(
        "mstdp_linear_single_step", fc, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


def mstdpet_linear_single_step(
    fc: nn.Linear,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    tau_trace: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> TracesAndChange:
    r"""The eligibility of one time step: :func:`mstdp_linear_single_step`, for a rule that keeps a trace of it.

    The trace of the eligibility is the caller's, as in :class:`MSTDPETLearner`:
    :math:`z[t+1] = z[t] e^{-1 / \tau_{trace}} + \zeta[t] / \tau_{trace}`.

    :param tau_trace: :math:`\tau_{trace}` in time steps, greater than 0; the eligibility does not depend on it

    The other parameters, the result, the errors and the source are those of :func:`mstdp_linear_single_step`.
    """
    check_tau("mstdpet_linear_single_step", "tau_trace", tau_trace)
    return _eligibility(
        "mstdpet_linear_single_step", fc, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


@torch.no_grad()
def _eligibility(
    owner: str,
    fc: Any,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction,
    f_post: WeightFunction,
) -> TracesAndChange:
    check_synapse(owner, fc, (nn.Linear,))
    check_floating_tensor(owner, "in_spike", in_spike)
    check_floating_tensor(owner, "out_spike", out_spike)
    if in_spike.dim() == out_spike.dim() == 1:
        start = _unsqueezed(trace_pre), _unsqueezed(trace_post)
        x, y, zeta = _eligibility(
            owner, fc, in_spike.unsqueeze(0), out_spike.unsqueeze(0), *start, tau_pre, tau_post, f_pre, f_post
        )
        return x[0], y[0], zeta[0]
    pre, post = checked_spikes(owner, fc, in_spike.unsqueeze(0), out_spike.unsqueeze(0), trace_pre, trace_post)
    check_tau(owner, "tau_pre", tau_pre)
    check_tau(owner, "tau_post", tau_post)
    x = traces_over_time(pre, trace_pre, exponential_decay(tau_pre))[0]
    y = traces_over_time(post, trace_post, exponential_decay(tau_post))[0]
    potentiation, depression = correlation_of_each(fc, x, post[0]), correlation_of_each(fc, pre[0], y)
    return x, y, weigh(fc, f_pre, f_post, potentiation, depression)


def _unsqueezed(trace: Trace) -> Trace:
    return trace.unsqueeze(0) if isinstance(trace, torch.Tensor) else trace
