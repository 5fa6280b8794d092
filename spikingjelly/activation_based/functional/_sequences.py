"""A whole sequence of a neuron as a function of its states: the kernels of the classes in ``neuron``."""

from typing import Any

import torch

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.activation_based.functional._steps import Spike, with_parameter

Sequence = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def _run(node: Any, x_seq: torch.Tensor, v: torch.Tensor, store_v_seq: bool) -> Sequence:
    node.step_mode = "m"
    node.store_v_seq = store_v_seq
    node.v = v
    return node(x_seq), node.v, node.v_seq if store_v_seq else None


def _spike(surrogate_function: Spike | None) -> Spike:
    return surrogate.Sigmoid() if surrogate_function is None else surrogate_function


def if_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Spike | None = None,
    detach_reset: bool = False,
    store_v_seq: bool = False,
) -> Sequence:
    """A sequence of an :class:`~spikingjelly.activation_based.neuron.IFNode`.

    :param x_seq: input ``[T, N, *]``
    :param v: potential at the start ``[N, *]``
    :param surrogate_function: default ``Sigmoid(alpha=4.0)``
    :param store_v_seq: whether the potentials after reset are wanted as well

    The other parameters are those of the class.

    :return: spikes ``[T, N, *]``, potential at the end ``[N, *]``, and potentials ``[T, N, *]`` or None
    """
    node = neuron.IFNode(v_threshold, v_reset, _spike(surrogate_function), detach_reset)
    return _run(node, x_seq, v, store_v_seq)


def lif_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Spike | None = None,
    detach_reset: bool = False,
    store_v_seq: bool = False,
) -> Sequence:
    """As :func:`if_multi_step`, for a :class:`~spikingjelly.activation_based.neuron.LIFNode`."""
    node = neuron.LIFNode(tau, decay_input, v_threshold, v_reset, _spike(surrogate_function), detach_reset)
    return _run(node, x_seq, v, store_v_seq)


def plif_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    w: torch.Tensor,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Spike | None = None,
    detach_reset: bool = False,
    store_v_seq: bool = False,
) -> Sequence:
    """As :func:`if_multi_step`, for a :class:`~spikingjelly.activation_based.neuron.ParametricLIFNode` with the
    parameter ``w``."""
    node = neuron.ParametricLIFNode(2.0, decay_input, v_threshold, v_reset, _spike(surrogate_function), detach_reset)
    return _run(with_parameter(node, "w", w), x_seq, v, store_v_seq)


def qif_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    tau: float = 2.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    v_rest: float = 0.0,
    v_c: float = 0.8,
    a0: float = 1.0,
    detach_reset: bool = False,
    surrogate_function: Spike | None = None,
    store_v_seq: bool = False,
) -> Sequence:
    """As :func:`if_multi_step`, for a :class:`~spikingjelly.activation_based.neuron.QIFNode`."""
    node = neuron.QIFNode(tau, v_c, a0, v_threshold, v_rest, v_reset, _spike(surrogate_function), detach_reset)  # type: ignore[arg-type]
    return _run(node, x_seq, v, store_v_seq)


def eif_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    tau: float = 2.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    v_rest: float = 0.0,
    theta_rh: float = 1.0,
    delta_t: float = 1.0,
    detach_reset: bool = False,
    surrogate_function: Spike | None = None,
    store_v_seq: bool = False,
) -> Sequence:
    """As :func:`if_multi_step`, for an :class:`~spikingjelly.activation_based.neuron.EIFNode`."""
    node = neuron.EIFNode(
        tau, delta_t, theta_rh, v_threshold, v_rest, v_reset, _spike(surrogate_function), detach_reset
    )  # type: ignore[arg-type]
    return _run(node, x_seq, v, store_v_seq)


def ilif_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    tau: float = 2.0,
    v_threshold: float = 1.0,
    surrogate_function: surrogate.MultiLevelSpikeCount | None = None,
    detach_reset: bool = False,
    store_v_seq: bool = False,
) -> Sequence:
    """As :func:`if_multi_step`, for an :class:`~spikingjelly.activation_based.neuron.ILIFNode`.

    :param surrogate_function: default ``MultiLevelSpikeCount(4)``
    """
    count = surrogate.MultiLevelSpikeCount(4) if surrogate_function is None else surrogate_function
    return _run(neuron.ILIFNode(tau, v_threshold, count, detach_reset), x_seq, v, store_v_seq)


def izhikevich_multi_step(
    x_seq: torch.Tensor,
    v: torch.Tensor,
    w: torch.Tensor,
    tau: float = 2.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    v_rest: float = 0.0,
    a: float = 0.1,
    b: float = 0.2,
    tau_w: float = 2.0,
    v_c: float = 0.8,
    a0: float = 1.0,
    detach_reset: bool = False,
    surrogate_function: Spike | None = None,
    store_state_seq: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
    """As :func:`if_multi_step`, for an :class:`~spikingjelly.activation_based.neuron.IzhikevichNode` with the
    adaptation ``w`` ``[N, *]`` at the start.

    :param store_state_seq: whether potentials and adaptations of all time steps are wanted as well
    :return: spikes ``[T, N, *]``, potential and adaptation at the end ``[N, *]``, and potentials and adaptations
        ``[T, N, *]`` or None
    """
    node = neuron.IzhikevichNode(
        tau, v_c, a0, v_threshold, v_reset, v_rest, 0.0, tau_w, a, b, _spike(surrogate_function), detach_reset
    )
    node.w = w
    if not store_state_seq:
        spikes, v, _ = _run(node, x_seq, v, False)
        return spikes, v, node.w, None, None
    node.v = v
    steps = [(node.single_step_forward(x), node.v, node.w) for x in x_seq.unbind(0)]
    spikes, v_seq, w_seq = (torch.stack(values) for values in zip(*steps, strict=True))
    return spikes, node.v, node.w, v_seq, w_seq
