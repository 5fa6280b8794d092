"""Nodes for one time step ``[N, *]`` a call: the classes of ``activation_based.neuron`` with the old arguments."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.clock_driven.neuron._node import BaseNode, Surrogate, as_float, with_older_order


class IFNode(BaseNode, neuron.IFNode):
    """:class:`spikingjelly.activation_based.neuron.IFNode`; see :class:`BaseNode` for what differs.

    :param cupy_fp32_inference: kept as an attribute; kernels serve inference without being asked
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        cupy_fp32_inference: bool = False,
        monitor_state: bool = False,
    ) -> None:
        self._build(neuron.IFNode, v_threshold, v_reset, surrogate_function, detach_reset, monitor_state)
        self.cupy_fp32_inference = cupy_fp32_inference


class LIFNode(BaseNode, neuron.LIFNode):
    """:class:`spikingjelly.activation_based.neuron.LIFNode`; see :class:`BaseNode` for what differs.

    The second positional argument may also be ``v_threshold``, as it was before there was ``decay_input``.

    :param cupy_fp32_inference: kept as an attribute; kernels serve inference without being asked
    """

    @with_older_order
    def __init__(
        self,
        tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        cupy_fp32_inference: bool = False,
        monitor_state: bool = False,
    ) -> None:
        own: dict[str, Any] = {"tau": tau, "decay_input": decay_input}
        self._build(neuron.LIFNode, v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, **own)
        self.cupy_fp32_inference = cupy_fp32_inference


class ParametricLIFNode(BaseNode, neuron.ParametricLIFNode):
    """:class:`spikingjelly.activation_based.neuron.ParametricLIFNode`; see :class:`BaseNode` for what differs.

    The second positional argument may also be ``v_threshold``, as it was before there was ``decay_input``.
    """

    @with_older_order
    def __init__(
        self,
        init_tau: float = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        monitor_state: bool = False,
    ) -> None:
        own: dict[str, Any] = {"init_tau": init_tau, "decay_input": decay_input}
        node = neuron.ParametricLIFNode
        self._build(node, v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, **own)


class QIFNode(BaseNode, neuron.QIFNode):
    """:class:`spikingjelly.activation_based.neuron.QIFNode`; see :class:`BaseNode` for what differs."""

    def __init__(
        self,
        tau: float = 2.0,
        v_c: float = 0.8,
        a0: float = 1.0,
        v_threshold: float = 1.0,
        v_rest: float = 0.0,
        v_reset: float | None = -0.1,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
    ) -> None:
        own: dict[str, Any] = {"tau": tau, "v_c": v_c, "a0": a0, "v_rest": v_rest}
        self._build(neuron.QIFNode, v_threshold, v_reset, surrogate_function, detach_reset, **own)


class EIFNode(BaseNode, neuron.EIFNode):
    """:class:`spikingjelly.activation_based.neuron.EIFNode`; see :class:`BaseNode` for what differs."""

    def __init__(
        self,
        tau: float = 2.0,
        delta_T: float = 1.0,
        theta_rh: float = 0.8,
        v_threshold: float = 1.0,
        v_rest: float = 0.0,
        v_reset: float | None = -0.1,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
    ) -> None:
        own: dict[str, Any] = {"tau": tau, "delta_T": delta_T, "theta_rh": theta_rh, "v_rest": v_rest}
        self._build(neuron.EIFNode, v_threshold, v_reset, surrogate_function, detach_reset, **own)


class AdaptiveBaseNode(BaseNode, neuron.AdaptBaseNode):
    """:class:`spikingjelly.activation_based.neuron.AdaptBaseNode`; see :class:`BaseNode` for what differs."""

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        v_rest: float = 0.0,
        w_rest: float = 0.0,
        tau_w: float = 2.0,
        a: float = 0.0,
        b: float = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
    ) -> None:
        own: dict[str, Any] = {"v_rest": v_rest, "w_rest": w_rest, "tau_w": tau_w, "a": a, "b": b}
        self._build(neuron.AdaptBaseNode, v_threshold, v_reset, surrogate_function, detach_reset, **own)


class GeneralNode(BaseNode):
    r"""A neuron with a charge that is linear: :math:`H[t] = a V[t-1] + b X[t] + c`.

    :param a: weight of the potential
    :param b: weight of the input
    :param c: constant current, default 0.0

    The other parameters are those of :class:`BaseNode`.
    """

    def __init__(
        self,
        a: float,
        b: float,
        c: float = 0.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
    ) -> None:
        self._build(neuron.BaseNode, v_threshold, v_reset, surrogate_function, detach_reset)
        self.a, self.b, self.c = as_float(a), as_float(b), as_float(c)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.a * self.v + self.b * x + self.c


class LIAFNode(LIFNode, neuron.LIAFNode):
    """:class:`spikingjelly.activation_based.neuron.LIAFNode`; see :class:`BaseNode` for what differs.

    :param act: the activation that gives the output
    :param threshold_related: whether the activation is of the potential above the threshold
    :param args: the arguments of :class:`LIFNode`
    :param kwargs: the same by keyword
    """

    def __init__(
        self, act: Callable[[torch.Tensor], torch.Tensor], threshold_related: bool, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.act = act
        self.threshold_related = threshold_related
