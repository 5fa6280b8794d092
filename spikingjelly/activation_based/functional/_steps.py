"""One time step of a neuron as a function of its states; the equations are those of the classes in ``neuron``."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import neuron

Spike = Callable[[torch.Tensor], torch.Tensor]
Pair = tuple[torch.Tensor, torch.Tensor]
Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def advance(node: Any, x: torch.Tensor, **states: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What ``node`` puts out for ``x`` ``[N, *]`` from these states, and the states afterwards."""
    for name, value in states.items():
        setattr(node, name, value)
    return node.single_step_forward(x), *[getattr(node, name) for name in states]


def with_parameter(node: Any, name: str, value: torch.Tensor) -> Any:
    """``node`` with another tensor for one of its parameters."""
    if isinstance(value, nn.Parameter):
        setattr(node, name, value)
    else:
        delattr(node, name)
        object.__setattr__(node, name, value)
    return node


def if_step(
    x: torch.Tensor,
    v: torch.Tensor,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """One time step of an :class:`~spikingjelly.activation_based.neuron.IFNode`.

    :param x: input ``[N, *]``
    :param v: potential ``[N, *]``

    The other parameters are those of the class.

    :return: spikes and potential ``[N, *]``
    """
    return advance(neuron.IFNode(v_threshold, v_reset, surrogate_function, detach_reset), x, v=v)  # type: ignore[return-value]


def lif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    decay_input: bool,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.LIFNode`."""
    node = neuron.LIFNode(tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset)
    return advance(node, x, v=v)  # type: ignore[return-value]


def lif_charge(x: torch.Tensor, v: torch.Tensor, tau: float, decay_input: bool, v_reset: float | None) -> torch.Tensor:
    """The charged potential ``[N, *]`` of a :class:`~spikingjelly.activation_based.neuron.LIFNode`, from input and
    potential ``[N, *]``."""
    node = neuron.LIFNode(tau, decay_input, v_reset=v_reset)
    node.v = v
    node.neuronal_charge(x)
    return node.v


def voltage_reset(
    v: torch.Tensor, spike: torch.Tensor, v_threshold: float, v_reset: float | None, detach_reset: bool
) -> torch.Tensor:
    """The potential ``[N, *]`` after the reset of a :class:`~spikingjelly.activation_based.neuron.BaseNode`, from
    charged potential and spikes ``[N, *]``."""
    node = neuron.IFNode(v_threshold, v_reset, detach_reset=detach_reset)
    node.v = v
    node.neuronal_reset(spike)
    return node.v


def plif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    w: torch.Tensor,
    decay_input: bool,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.ParametricLIFNode` with the parameter
    ``w``."""
    node = neuron.ParametricLIFNode(2.0, decay_input, v_threshold, v_reset, surrogate_function, detach_reset)
    return advance(with_parameter(node, "w", w), x, v=v)  # type: ignore[return-value]


def qif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    a0: float,
    v_rest: float,
    v_c: float,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.QIFNode`."""
    node = neuron.QIFNode(tau, v_c, a0, v_threshold, v_rest, v_reset, surrogate_function, detach_reset)  # type: ignore[arg-type]
    return advance(node, x, v=v)  # type: ignore[return-value]


def eif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    delta_t: float,
    theta_rh: float,
    v_rest: float,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for an :class:`~spikingjelly.activation_based.neuron.EIFNode`."""
    node = neuron.EIFNode(tau, delta_t, theta_rh, v_threshold, v_rest, v_reset, surrogate_function, detach_reset)  # type: ignore[arg-type]
    return advance(node, x, v=v)  # type: ignore[return-value]


def izhikevich_step(
    x: torch.Tensor,
    v: torch.Tensor,
    w: torch.Tensor,
    tau: float,
    a0: float,
    v_rest: float,
    v_c: float,
    tau_w: float,
    a: float,
    b: float,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Triple:
    """As :func:`if_step`, for an :class:`~spikingjelly.activation_based.neuron.IzhikevichNode` with the adaptation
    ``w`` ``[N, *]``.

    :return: spikes, potential and adaptation ``[N, *]``
    """
    node = neuron.IzhikevichNode(
        tau, v_c, a0, v_threshold, v_reset, v_rest, 0.0, tau_w, a, b, surrogate_function, detach_reset
    )
    return advance(node, x, v=v, w=w)  # type: ignore[return-value]


def klif_step(
    x: torch.Tensor,
    v: torch.Tensor,
    k: torch.Tensor,
    tau: float,
    decay_input: bool,
    scale_reset: bool,
    v_threshold: float,
    v_reset: float | None,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.KLIFNode` with the parameter ``k``."""
    node = neuron.KLIFNode(scale_reset, tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset)
    return advance(with_parameter(node, "k", k), x, v=v)  # type: ignore[return-value]


def liaf_step(
    x: torch.Tensor,
    v: torch.Tensor,
    tau: float,
    decay_input: bool,
    v_threshold: float,
    v_reset: float | None,
    act: Spike,
    threshold_related: bool,
    surrogate_function: Spike,
    detach_reset: bool = False,
) -> Pair:
    """As :func:`if_step`, for a :class:`~spikingjelly.activation_based.neuron.LIAFNode`, whose output is analog."""
    node = neuron.LIAFNode(
        act, threshold_related, tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset
    )
    return advance(node, x, v=v)  # type: ignore[return-value]
