"""What the published neurons called for a sequence, under the same names: each runs the kernel of today's neuron.

``LIFNodeATGF.apply(x_seq, v_init, v_th, v_reset, decay, forward_kernel, backward_kernel)`` returns the spikes and the
potentials after the reset, both ``[T, *]``, for a sequence ``[T, *]`` and potentials ``[*]`` at its begin. The two
kernels are records of what they were made with. A class that derives from :class:`NeuronFPTTKernel` or
:class:`NeuronBPTTKernel` with CUDA code of its own can be defined and not made: the message says what to do instead.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from spikingjelly.activation_based.auto_cuda import _replaced
from spikingjelly.activation_based.auto_cuda.base import CKernel2D
from spikingjelly.activation_based.neuron_kernel import (
    MultiStepIFNodePTT,
    MultiStepLIFNodePTT,
    MultiStepParametricLIFNodePTT,
)

__all__ = [
    "IFNodeATGF",
    "IFNodeBPTTKernel",
    "IFNodeFPTTKernel",
    "LIFNodeATGF",
    "LIFNodeBPTTKernel",
    "LIFNodeFPTTKernel",
    "NeuronATGFBase",
    "NeuronBPTTKernel",
    "NeuronFPTTKernel",
    "ParametricLIFNodeATGF",
    "ParametricLIFNodeBPTTKernel",
    "ParametricLIFNodeFPTTKernel",
    "if_requires_grad",
    "neuronal_fire",
    "neuronal_hard_reset",
    "neuronal_soft_reset",
    "new_tensors",
    "scalar_to_cupy",
]

Pair = tuple[torch.Tensor, torch.Tensor]


class NeuronFPTTKernel(CKernel2D):
    """The forward pass over a sequence.

    :param hard_reset: whether ``v_reset`` is a number
    :param dtype: 'float' or 'half2'

    :raises NotImplementedError: for a subclass with CUDA code of its own
    """

    def __init__(self, hard_reset: bool, dtype: str) -> None:
        if type(self) not in _OF_NEURONS:
            _replaced.refuse(f"neuron_kernel.{type(self).__name__}")
        self.hard_reset, self.dtype = hard_reset, dtype


class NeuronBPTTKernel(NeuronFPTTKernel):
    """The backward pass over a sequence.

    :param surrogate_function: the method ``cuda_codes`` of a surrogate function, or the function itself
    :param hard_reset: whether ``v_reset`` is a number
    :param detach_reset: whether the reset has no gradient
    :param dtype: 'float' or 'half2'

    :raises NotImplementedError: for a subclass with CUDA code of its own
    """

    def __init__(
        self, surrogate_function: Callable[..., Any], hard_reset: bool, detach_reset: bool, dtype: str
    ) -> None:
        super().__init__(hard_reset, dtype)
        self.surrogate_function, self.detach_reset = surrogate_function, detach_reset


class IFNodeFPTTKernel(NeuronFPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.IFNode`."""


class IFNodeBPTTKernel(NeuronBPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.IFNode`."""


class LIFNodeFPTTKernel(NeuronFPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.LIFNode`, with its ``decay_input`` in front."""

    def __init__(self, decay_input: bool, hard_reset: bool, dtype: str) -> None:
        super().__init__(hard_reset, dtype)
        self.decay_input = decay_input


class LIFNodeBPTTKernel(NeuronBPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.LIFNode`, with its ``decay_input`` in front."""

    def __init__(
        self,
        decay_input: bool,
        surrogate_function: Callable[..., Any],
        hard_reset: bool,
        detach_reset: bool,
        dtype: str,
    ) -> None:
        super().__init__(surrogate_function, hard_reset, detach_reset, dtype)
        self.decay_input = decay_input


class ParametricLIFNodeFPTTKernel(LIFNodeFPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.ParametricLIFNode`."""


class ParametricLIFNodeBPTTKernel(LIFNodeBPTTKernel):
    """Of :class:`spikingjelly.activation_based.neuron.ParametricLIFNode`."""


_OF_NEURONS = (
    IFNodeFPTTKernel,
    IFNodeBPTTKernel,
    LIFNodeFPTTKernel,
    LIFNodeBPTTKernel,
    ParametricLIFNodeFPTTKernel,
    ParametricLIFNodeBPTTKernel,
)


def _common(v_th: float, v_reset: float | None, backward_kernel: NeuronBPTTKernel) -> tuple[Any, ...]:
    # A program that replaces v_reset makes its kernels anew, so the number alone decides between the two resets.
    return v_th, v_reset, backward_kernel.detach_reset, backward_kernel.surrogate_function


class IFNodeATGF:
    """:class:`spikingjelly.activation_based.neuron.IFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor,
        v_init: torch.Tensor,
        v_th: float,
        v_reset: float | None,
        forward_kernel: IFNodeFPTTKernel,
        backward_kernel: IFNodeBPTTKernel,
    ) -> Pair:
        """Spikes and potentials."""
        return MultiStepIFNodePTT.apply(x_seq, v_init, *_common(v_th, v_reset, backward_kernel))


class LIFNodeATGF:
    """:class:`spikingjelly.activation_based.neuron.LIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor,
        v_init: torch.Tensor,
        v_th: float,
        v_reset: float | None,
        decay: float,
        forward_kernel: LIFNodeFPTTKernel,
        backward_kernel: LIFNodeBPTTKernel,
    ) -> Pair:
        """Spikes and potentials. ``decay`` is 1 / tau."""
        common = _common(v_th, v_reset, backward_kernel)
        return MultiStepLIFNodePTT.apply(x_seq, v_init, forward_kernel.decay_input, 1.0 / decay, *common)


class ParametricLIFNodeATGF:
    """:class:`spikingjelly.activation_based.neuron.ParametricLIFNode` on a sequence."""

    @staticmethod
    def apply(
        x_seq: torch.Tensor,
        v_init: torch.Tensor,
        v_th: float,
        v_reset: float | None,
        decay: torch.Tensor,
        forward_kernel: ParametricLIFNodeFPTTKernel,
        backward_kernel: ParametricLIFNodeBPTTKernel,
    ) -> Pair:
        """Spikes and potentials. ``decay`` is 1 / tau, a 0-dimensional tensor that gets a gradient."""
        common = _common(v_th, v_reset, backward_kernel)
        return MultiStepParametricLIFNodePTT.apply(x_seq, v_init, decay, forward_kernel.decay_input, *common)


class NeuronATGFBase:
    """Formerly what autograd functions around kernels share.

    :raises NotImplementedError: when one of its functions is called
    """

    pre_forward, ctx_save, pre_backward = (
        staticmethod(function)
        for function in _replaced.functions(
            "neuron_kernel.NeuronATGFBase", ["pre_forward", "ctx_save", "pre_backward"]
        ).values()
    )


def if_requires_grad(items: Iterable[Any]) -> bool:
    """Whether a tensor among ``items`` requires a gradient."""
    return any(isinstance(item, torch.Tensor) and item.requires_grad for item in items)


neuronal_fire, neuronal_hard_reset, neuronal_soft_reset, new_tensors, scalar_to_cupy = _replaced.functions(
    "neuron_kernel",
    ["neuronal_fire", "neuronal_hard_reset", "neuronal_soft_reset", "new_tensors", "scalar_to_cupy"],
).values()
