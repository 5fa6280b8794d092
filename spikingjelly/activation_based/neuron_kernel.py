"""Sequences of time steps under the names of the former CUDA kernels: each is the kernel of today's neuron.

``MultiStepLIFNodePTT.apply(x_seq, v_init, ...)`` returns the spikes and the potentials after the reset, both
``[T, *]``, for a sequence ``[T, *]`` and potentials ``[*]`` at its begin. The last argument of the published functions
is the method ``cuda_code`` of a surrogate function: the surrogate itself is what is used of it.
"""

from typing import Any

import torch

from spikingjelly.activation_based import neuron

__all__ = [
    "MultiStepEIFNodePTT",
    "MultiStepIFNodePTT",
    "MultiStepLIFNodePTT",
    "MultiStepParametricLIFNodePTT",
    "MultiStepQIFNodePTT",
]


def _run_sequence(
    node: neuron.BaseNode, x_seq: torch.Tensor, **states: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    for name, value in states.items():
        setattr(node, name, value)
    return node(x_seq), node.v_seq


def _node_arguments(
    v_threshold: float, v_reset: float | None, detach_reset: bool, sg_cuda_code_fun: Any
) -> dict[str, Any]:
    return {
        "v_threshold": v_threshold,
        "v_reset": v_reset,
        "detach_reset": detach_reset,
        "surrogate_function": getattr(sg_cuda_code_fun, "__self__", sg_cuda_code_fun),
        "step_mode": "m",
        "store_v_seq": True,
    }


class MultiStepIFNodePTT:
    """:class:`spikingjelly.activation_based.neuron.IFNode` on a sequence."""

    @staticmethod
    def apply(x_seq: torch.Tensor, v_init: torch.Tensor, *common: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """``common`` is ``v_threshold, v_reset, detach_reset, surrogate.cuda_code``."""
        return _run_sequence(neuron.IFNode(**_node_arguments(*common)), x_seq, v=v_init)


class MultiStepLIFNodePTT:
    """:class:`spikingjelly.activation_based.neuron.LIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor, v_init: torch.Tensor, decay_input: bool, tau: float, *common: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``common`` is ``v_threshold, v_reset, detach_reset, surrogate.cuda_code``."""
        return _run_sequence(neuron.LIFNode(tau, decay_input, **_node_arguments(*common)), x_seq, v=v_init)


class _GivenDecay(neuron.ParametricLIFNode):
    """Takes the decay 1 / tau itself, with its graph, where the base has the parameter of which it is the sigmoid."""

    def __init__(self, reciprocal_tau: torch.Tensor, decay_input: bool, **common: Any) -> None:
        super().__init__(2.0, decay_input, **common)
        del self.w
        self.w = torch.logit(reciprocal_tau)  # type: ignore[assignment]


class MultiStepParametricLIFNodePTT:
    """:class:`spikingjelly.activation_based.neuron.ParametricLIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor, v_init: torch.Tensor, reciprocal_tau: torch.Tensor, decay_input: bool, *common: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``reciprocal_tau`` is 1 / tau, a 0-dimensional tensor that gets a gradient; ``common`` is ``v_threshold,
        v_reset, detach_reset, surrogate.cuda_code``."""
        return _run_sequence(_GivenDecay(reciprocal_tau, decay_input, **_node_arguments(*common)), x_seq, v=v_init)


class MultiStepQIFNodePTT:
    """:class:`spikingjelly.activation_based.neuron.QIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor,
        v_init: torch.Tensor,
        tau: float,
        v_threshold: float,
        v_reset: float | None,
        v_rest: float,
        v_c: float,
        a0: float,
        *common: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``common`` is ``detach_reset, surrogate.cuda_code``."""
        node = neuron.QIFNode(tau, v_c, a0, v_rest=v_rest, **_node_arguments(v_threshold, v_reset, *common))
        return _run_sequence(node, x_seq, v=v_init)


class MultiStepEIFNodePTT:
    """:class:`spikingjelly.activation_based.neuron.EIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor,
        v_init: torch.Tensor,
        tau: float,
        v_threshold: float,
        v_reset: float | None,
        v_rest: float,
        theta_rh: float,
        delta_T: float,
        *common: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``common`` is ``detach_reset, surrogate.cuda_code``."""
        node = neuron.EIFNode(tau, delta_T, theta_rh, v_rest=v_rest, **_node_arguments(v_threshold, v_reset, *common))
        return _run_sequence(node, x_seq, v=v_init)
