"""Nodes for a sequence ``[T, N, *]`` a call.

Published programs name the backend 'torch' or 'cupy'; without one, 'auto' takes a kernel where that is faster.
"""

from typing import Any

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.clock_driven.neuron._node import BaseNode, MultiStep, Surrogate, as_float, with_older_order
from spikingjelly.clock_driven.neuron._single_step import EIFNode, GeneralNode, IFNode, LIFNode, ParametricLIFNode


class MultiStepIFNode(MultiStep, IFNode):
    """:class:`IFNode` on a sequence; ``v_seq`` and ``spike_seq`` keep the last call's potentials and spikes.

    :param backend: as in :class:`spikingjelly.activation_based.neuron.BaseNode`
    :param lava_s_cale: scale of the weights for an exchange with Lava; kept as an attribute
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        backend: str = "auto",
        lava_s_cale: int = 1 << 6,
    ) -> None:
        self._build(neuron.IFNode, v_threshold, v_reset, surrogate_function, detach_reset, backend=backend)
        self.lava_s_cale = lava_s_cale

    forward = BaseNode._forward_sequence


class MultiStepLIFNode(MultiStep, LIFNode):
    """:class:`LIFNode` on a sequence; ``v_seq`` and ``spike_seq`` keep the last call's potentials and spikes.

    :param backend: as in :class:`spikingjelly.activation_based.neuron.BaseNode`
    :param lava_s_cale: scale of the weights for an exchange with Lava; kept as an attribute
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
        backend: str = "auto",
        lava_s_cale: int = 1 << 6,
    ) -> None:
        own: dict[str, Any] = {"tau": tau, "decay_input": decay_input}
        self._build(neuron.LIFNode, v_threshold, v_reset, surrogate_function, detach_reset, backend=backend, **own)
        self.lava_s_cale = lava_s_cale

    forward = BaseNode._forward_sequence


class MultiStepParametricLIFNode(MultiStep, ParametricLIFNode):
    """:class:`ParametricLIFNode` on a sequence; ``v_seq`` and ``spike_seq`` keep the last call's potentials and spikes.

    :param backend: as in :class:`spikingjelly.activation_based.neuron.BaseNode`
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
        backend: str = "auto",
    ) -> None:
        own: dict[str, Any] = {"init_tau": init_tau, "decay_input": decay_input}
        node = neuron.ParametricLIFNode
        self._build(node, v_threshold, v_reset, surrogate_function, detach_reset, backend=backend, **own)

    forward = BaseNode._forward_sequence


class MultiStepEIFNode(MultiStep, EIFNode):
    """:class:`EIFNode` on a sequence; ``v_seq`` and ``spike_seq`` keep the last call's potentials and spikes.

    :param backend: as in :class:`spikingjelly.activation_based.neuron.BaseNode`
    """

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
        backend: str = "auto",
    ) -> None:
        own: dict[str, Any] = {"tau": tau, "delta_T": delta_T, "theta_rh": theta_rh, "v_rest": v_rest}
        self._build(neuron.EIFNode, v_threshold, v_reset, surrogate_function, detach_reset, backend=backend, **own)

    forward = BaseNode._forward_sequence


class MultiStepGeneralNode(MultiStep, GeneralNode):
    """:class:`GeneralNode` on a sequence; ``v_seq`` and ``spike_seq`` keep the last call's potentials and spikes.

    :param backend: as in :class:`spikingjelly.activation_based.neuron.BaseNode`
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
        backend: str = "auto",
    ) -> None:
        self._build(neuron.BaseNode, v_threshold, v_reset, surrogate_function, detach_reset, backend=backend)
        self.a, self.b, self.c = as_float(a), as_float(b), as_float(c)

    forward = BaseNode._forward_sequence
