"""One time step, as in :mod:`._steps`, of neurons with more states or other spikes."""

import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.functional._steps import Pair, Spike, Triple, advance
from spikingjelly.activation_based.neuron.gated_lif import Gates
from spikingjelly.activation_based.surrogate import MultiLevelSpikeCount


def cuba_lif_step(
    x: torch.Tensor,
    current: torch.Tensor,
    v: torch.Tensor,
    current_decay: float,
    voltage_decay: float,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Triple:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.CUBALIFNode` with the synaptic current
    ``current`` ``[N, *]``.

    :return: spikes, current and potential ``[N, *]``
    """
    node = neuron.CUBALIFNode(current_decay, voltage_decay, v_threshold, v_reset, surrogate_function)
    node.detach_reset = detach_reset
    return advance(node, x, c=current, v=v)  # type: ignore[return-value]


def clif_step(
    x: torch.Tensor, v: torch.Tensor, m: torch.Tensor, tau: float, v_threshold: float, spike_function: Spike
) -> Triple:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.ComplementaryLIFNode` with the
    complementary potential ``m`` ``[N, *]``.

    :return: spikes, potential and complementary potential ``[N, *]``
    """
    return advance(neuron.ComplementaryLIFNode(tau, v_threshold, spike_function), x, v=v, m=m)  # type: ignore[return-value]


def raf_step(
    x: torch.Tensor,
    u: torch.Tensor,
    v: torch.Tensor,
    b: float,
    omega: float,
    dt: float,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Triple:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.RAFNode` with the real part ``u``
    ``[N, *]``.

    :return: spikes, real part and potential ``[N, *]``
    """
    node = neuron.RAFNode(b, omega, dt, v_threshold, v_reset, surrogate_function, detach_reset)
    return advance(node, x, u=u, v=v)  # type: ignore[return-value]


def ilif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    v_threshold: float,
    surrogate_function: MultiLevelSpikeCount,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for an :class:`~spikingjelly.activation_based.neuron.ILIFNode`, whose output is a number of
    spikes."""
    return advance(neuron.ILIFNode(tau, v_threshold, surrogate_function, detach_reset), x, v=v)  # type: ignore[return-value]


def ternary_if_step(
    x: torch.Tensor,
    v: torch.Tensor,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.TernaryIFNode`."""
    return advance(neuron.TernaryIFNode(v_threshold, v_reset, surrogate_function, detach_reset), x, v=v)  # type: ignore[return-value]


def ternary_lif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    decay_input: bool,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.TernaryLIFNode`."""
    node = neuron.TernaryLIFNode(tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset)
    return advance(node, x, v=v)  # type: ignore[return-value]


def stbif_step(
    x: torch.Tensor,
    q: torch.Tensor,
    acc_q: torch.Tensor,
    q_threshold: torch.Tensor,
    pos_max: torch.Tensor,
    neg_min: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """One time step of an :class:`~spikingjelly.activation_based.neuron.STBIFNode` with these bounds.

    :param x: input ``[N, *]``
    :param q: charge ``[N, *]``, 0.5 at the start
    :param acc_q: what has been put out ``[N, *]``, 0 at the start
    :return: output, charge, what has been put out, and the spike -1, 0 or 1, each ``[N, *]``
    """
    node = neuron.STBIFNode(q_threshold, 1, pos_max=pos_max, neg_min=neg_min)
    return *advance(node, x, q=q, acc_q=acc_q), node.cur_output  # type: ignore[return-value]


def activation_aware_if_step(
    x: torch.Tensor,
    v: torch.Tensor,
    v_threshold: torch.Tensor,
    v_offset: torch.Tensor,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for an :class:`~spikingjelly.activation_based.neuron.ActivationAwareIFNode` whose
    threshold and offset broadcast to ``[N, *]``."""
    node = neuron.IFNode(v_threshold, v_reset, surrogate_function, detach_reset)  # type: ignore[arg-type]
    node.v = v
    node.v_float_to_tensor(x)
    node.neuronal_charge(x)
    spike = surrogate_function(node.v + v_offset - v_threshold)
    node.neuronal_reset(spike)
    return spike, node.v


def gated_lif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    spike: torch.Tensor,
    alpha: torch.Tensor,
    beta: torch.Tensor,
    gamma: torch.Tensor,
    tau: torch.Tensor,
    v_threshold: torch.Tensor,
    linear_decay: torch.Tensor,
    v_subreset: torch.Tensor,
    conduct: torch.Tensor,
    surrogate_function: Spike,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.GatedLIFNode`.

    :param v: charged potential of the time step before ``[N, *]``, without a reset
    :param spike: spikes of the time step before ``[N, *]``

    The other parameters are as behind their sigmoid, and broadcast to ``[N, *]``.

    :return: spikes and charged potential ``[N, *]``
    """
    node = neuron.GatedLIFNode(1, surrogate_function=surrogate_function)
    node.v = v
    gates = Gates(alpha, gamma, tau, v_threshold, linear_decay, v_subreset)
    node.neuronal_reset(spike, gates)
    node.neuronal_charge(x * (1.0 - beta * (1.0 - conduct)), gates)
    return node.neuronal_fire(gates), node.v
