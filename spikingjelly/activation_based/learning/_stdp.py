"""Spike-timing-dependent plasticity with two traces, as functions."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_floating_tensor, name_of
from spikingjelly.activation_based.learning._correlation import (
    WeightFunction,
    check_activities,
    check_synapse,
    correlation,
    weigh,
)
from spikingjelly.activation_based.learning._traces import Trace, check_start, check_tau, linear_decay, traces_over_time

TracesAndChange = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def as_it_is(weight: torch.Tensor) -> torch.Tensor:
    """The default of ``f_pre`` and ``f_post``."""
    return weight


def stdp_multi_step(
    layer: nn.Module,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> TracesAndChange:
    r"""STDP over a sequence, with the weights of its begin in all time steps.

    With the spikes :math:`s_j[t]` of the presynaptic and :math:`s_i[t]` of the postsynaptic neurons, for each weight
    :math:`w` and all pairs :math:`(i, j)` that it connects in all samples,

    .. math::
        x_j[t] &= x_j[t-1] - \frac{x_j[t-1]}{\tau_{pre}} + s_j[t], \qquad
        y_i[t] = y_i[t-1] - \frac{y_i[t-1]}{\tau_{post}} + s_i[t] \\
        \Delta w &= \sum_t \Big( f_{post}(w) \sum_{i, j} x_j[t] s_i[t] - f_{pre}(w) \sum_{i, j} y_i[t] s_j[t] \Big)

    Both traces are updated first, so that spikes at the same time count in both terms. The sum runs over the samples
    of the batch, it is no mean. With the default functions the change is proportional to the weight.

    :param layer: the synapse: a Linear, Conv1d, Conv2d or Conv3d of ``torch.nn`` or ``activation_based.layer``, with
        any stride, padding, dilation and groups
    :param in_spike: spikes that the layer is given, ``[T, N, *]``
    :param out_spike: spikes of the neurons that the layer drives, in the shape of its output with T in front
    :param trace_pre: :math:`x[-1]` ``[N, *]``; None for 0
    :param trace_post: :math:`y[-1]` ``[N, *]``; None for 0
    :param tau_pre: :math:`\tau_{pre}` in time steps, at least 1
    :param tau_post: :math:`\tau_{post}` in time steps, at least 1
    :param f_pre: how strong the depression at a presynaptic spike is, from the weights; default: as they are
    :param f_post: how strong the potentiation at a postsynaptic spike is, from the weights; default: as they are
    :return: :math:`x[T-1]`, :math:`y[T-1]` and :math:`\Delta w`, without graph; the weights stay as they are

    :raises NotImplementedError: for other layers
    :raises ValueError: if the shapes don't belong together, or a time constant is less than 1
    :raises RuntimeError: if a trace has not the shape of one time step

    Source: Morrison, Diesmann and Gerstner, "Phenomenological models of synaptic plasticity based on spike timing",
    Biological Cybernetics 98, 2008.
    """
    check_synapse("stdp_multi_step", layer)
    return change_over_time(
        "stdp_multi_step", layer, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


def stdp_linear_single_step(
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
    """One time step of :func:`stdp_multi_step` for a Linear.

    :param fc: the Linear
    :param in_spike: spikes ``[N, *, in_features]``
    :param out_spike: spikes ``[N, *, out_features]``

    The other parameters, the result and the errors are those of :func:`stdp_multi_step`.
    """
    check_synapse("stdp_linear_single_step", fc, (nn.Linear,))
    return _change_in_one_step(
        "stdp_linear_single_step", fc, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


def stdp_conv1d_single_step(
    conv: nn.Conv1d,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> TracesAndChange:
    """One time step of :func:`stdp_multi_step` for a Conv1d, with any stride, padding, dilation and groups.

    :param conv: the convolution
    :param in_spike: spikes ``[N, C, L]``
    :param out_spike: spikes ``[N, C_out, L_out]``

    The other parameters, the result and the errors are those of :func:`stdp_multi_step`.
    """
    check_synapse("stdp_conv1d_single_step", conv, (nn.Conv1d,))
    return _change_in_one_step(
        "stdp_conv1d_single_step", conv, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


def stdp_conv2d_single_step(
    conv: nn.Conv2d,
    in_spike: torch.Tensor,
    out_spike: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction = as_it_is,
    f_post: WeightFunction = as_it_is,
) -> TracesAndChange:
    """One time step of :func:`stdp_multi_step` for a Conv2d, with any stride, padding, dilation and groups.

    :param conv: the convolution
    :param in_spike: spikes ``[N, C, H, W]``
    :param out_spike: spikes ``[N, C_out, H_out, W_out]``

    The other parameters, the result and the errors are those of :func:`stdp_multi_step`.
    """
    check_synapse("stdp_conv2d_single_step", conv, (nn.Conv2d,))
    return _change_in_one_step(
        "stdp_conv2d_single_step", conv, in_spike, out_spike, trace_pre, trace_post, tau_pre, tau_post, f_pre, f_post
    )


@torch.no_grad()
def change_over_time(
    owner: Any,
    synapse: Any,
    in_seq: torch.Tensor,
    out_seq: torch.Tensor,
    trace_pre: Trace,
    trace_post: Trace,
    tau_pre: float,
    tau_post: float,
    f_pre: WeightFunction,
    f_post: WeightFunction,
) -> TracesAndChange:
    """:func:`stdp_multi_step` in the name of ``owner``."""
    pre, post = checked_spikes(owner, synapse, in_seq, out_seq, trace_pre, trace_post)
    check_tau(owner, "tau_pre", tau_pre, at_least=1)
    check_tau(owner, "tau_post", tau_post, at_least=1)
    x = traces_over_time(pre, trace_pre, linear_decay(tau_pre))
    y = traces_over_time(post, trace_post, linear_decay(tau_post))
    # The weights are the same in all time steps, so that time is one more dimension of the batch.
    potentiation = correlation(synapse, x.flatten(0, 1), post.flatten(0, 1))
    depression = correlation(synapse, pre.flatten(0, 1), y.flatten(0, 1))
    return x[-1], y[-1], weigh(synapse, f_pre, f_post, potentiation, depression)


def checked_spikes(
    owner: Any, synapse: Any, in_seq: torch.Tensor, out_seq: torch.Tensor, trace_pre: Trace, trace_post: Trace
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both sequences in the dtype of the weights, once their shapes are known to fit synapse and traces."""
    check_floating_tensor(owner, "the input of the synapse", in_seq)
    check_floating_tensor(owner, "the spikes of the neurons", out_seq)
    if min(in_seq.dim(), out_seq.dim()) < 2 or in_seq.shape[0] != out_seq.shape[0] or in_seq.shape[0] == 0:
        raise ValueError(
            f"{name_of(owner)}: the input of the synapse and the spikes of "
            f"the neurons must be sequences [T, N, *] of the same length T >= 1, but they have shape "
            f"{list(in_seq.shape)} and {list(out_seq.shape)}."
        )
    check_activities(owner, synapse, in_seq[0], out_seq[0])
    check_start(owner, "trace_pre", trace_pre, in_seq[0])
    check_start(owner, "trace_post", trace_post, out_seq[0])
    dtype = synapse.weight.dtype
    return in_seq.detach().to(dtype), out_seq.detach().to(dtype)


def _change_in_one_step(
    owner: str, synapse: nn.Module, in_spike: torch.Tensor, out_spike: torch.Tensor, *rest: Any
) -> TracesAndChange:
    check_floating_tensor(owner, "in_spike", in_spike)
    check_floating_tensor(owner, "out_spike", out_spike)
    return change_over_time(owner, synapse, in_spike.unsqueeze(0), out_spike.unsqueeze(0), *rest)
