"""One time step of plasticity as a function of weights and traces, in the spelling of the 2.0 releases."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from spikingjelly.activation_based.learning._correlation import WeightFunction
from spikingjelly.activation_based.learning._mstdp import mstdp_linear_single_step
from spikingjelly.activation_based.learning._stdp import (
    TracesAndChange,
    as_it_is,
    stdp_conv1d_single_step,
    stdp_conv2d_single_step,
    stdp_linear_single_step,
)
from spikingjelly.activation_based.learning._traces import check_tau

Traces = tuple[torch.Tensor, torch.Tensor]
ChangeAndTraces = tuple[torch.Tensor, Traces]


def stdp_linear_step(
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace: Traces,
    weight: torch.Tensor,
    *,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> ChangeAndTraces:
    """:func:`stdp_linear_single_step` for a weight ``[out_features, in_features]``.

    :param trace: traces of the presynaptic and the postsynaptic neurons
    :return: change of the weight, and both traces afterwards
    """
    results = stdp_linear_single_step(_linear(weight), in_spike, out_spike, *trace, tau_pre, tau_post, f_pre, f_post)
    return _change_first(results)


def stdp_conv1d_step(
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace: Traces,
    weight: torch.Tensor,
    *,
    stride: Sequence[int],
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> ChangeAndTraces:
    """As :func:`stdp_linear_step`, for the weight ``[C_out, C, K]`` of a Conv1d.

    :param in_spike: spikes ``[N, C, L]``, with the padding
    :param stride: of the convolution
    """
    conv = nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2], stride[0], bias=False, device="meta")
    conv.weight = nn.Parameter(weight.detach())
    return _change_first(stdp_conv1d_single_step(conv, in_spike, out_spike, *trace, tau_pre, tau_post, f_pre, f_post))


def stdp_conv2d_step(
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace: Traces,
    weight: torch.Tensor,
    *,
    stride: Sequence[int],
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> ChangeAndTraces:
    """As :func:`stdp_linear_step`, for the weight ``[C_out, C, K, K]`` of a Conv2d.

    :param in_spike: spikes ``[N, C, H, W]``, with the padding
    :param stride: of the convolution
    """
    kernel, strides = (weight.shape[2], weight.shape[3]), (stride[0], stride[1])
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], kernel, strides, bias=False, device="meta")
    conv.weight = nn.Parameter(weight.detach())
    return _change_first(stdp_conv2d_single_step(conv, in_spike, out_spike, *trace, tau_pre, tau_post, f_pre, f_post))


def mstdp_linear_step(
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace: Traces,
    weight: torch.Tensor,
    *,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> ChangeAndTraces:
    """As :func:`stdp_linear_step`, for :func:`mstdp_linear_single_step`, whose eligibility takes the place of the
    change."""
    results = mstdp_linear_single_step(_linear(weight), in_spike, out_spike, *trace, tau_pre, tau_post, f_pre, f_post)
    return _change_first(results)


def mstdpet_linear_step(
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace: Traces,
    weight: torch.Tensor,
    *,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> ChangeAndTraces:
    """As :func:`mstdp_linear_step`, for spikes without batch; the trace of the eligibility is
    :func:`mstdpet_reward_step`."""
    return mstdp_linear_step(
        in_spike, out_spike, trace, weight, tau_pre=tau_pre, tau_post=tau_post, f_pre=f_pre, f_post=f_post
    )


def mstdpet_reward_step(
    reward: torch.Tensor | float, eligibility: torch.Tensor, trace_e: torch.Tensor, *, tau_trace: float
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""The change :math:`r z[t+1]` that a reward makes, and the trace of the eligibility
    :math:`z[t+1] = z[t] e^{-1 / \tau_{trace}} + \zeta[t] / \tau_{trace}`.

    :param reward: :math:`r`
    :param eligibility: :math:`\zeta[t]`, in the shape of the weight
    :param trace_e: :math:`z[t]`, in that shape
    :param tau_trace: :math:`\tau_{trace}` in time steps, greater than 0
    :return: change of the weight, and :math:`z[t+1]`

    :raises ValueError: if ``tau_trace`` is not greater than 0
    """
    check_tau("mstdpet_reward_step", "tau_trace", tau_trace)
    trace_e = trace_e * math.exp(-1.0 / tau_trace) + eligibility / tau_trace
    return reward * trace_e, trace_e


def _linear(weight: torch.Tensor) -> nn.Linear:
    fc = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    fc.weight = nn.Parameter(weight.detach())
    return fc


def _change_first(results: TracesAndChange) -> ChangeAndTraces:
    pre, post, change = results
    return change, (pre, post)
