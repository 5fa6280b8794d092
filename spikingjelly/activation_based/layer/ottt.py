"""Layers for online training through time: values from spikes, gradients from traces."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.layer.dropout import Dropout

SpikeAndTrace = Sequence[torch.Tensor]


class GradwithTrace(nn.Module):
    r"""A synaptic layer between neurons that are trained online.

    The input is a pair of the spikes :math:`S[t]` and their trace :math:`\hat{a}[t]`, each ``[N, *]``. The output has
    the value of the module at the spikes; the gradient of its weights is taken at the trace, which is a constant, and
    the gradient of the input goes to the spikes:

    .. math::
        I[t] = W S[t] + b, \qquad
        \nabla_W = \nabla_{I[t]} \, \hat{a}[t]^\top, \qquad
        \nabla_{S[t]} = W^\top \nabla_{I[t]}

    An input that is a tensor, as neurons send in evaluation mode, just goes through the module. The module runs twice
    in training, so that one with running statistics would count twice.

    :param module: the module, for example a convolution

    :raises TypeError: if the input is neither a tensor nor a pair of tensors

    Source: Xiao et al., "Online Training Through Time for Spiking Neural Networks", NeurIPS 2022.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor | SpikeAndTrace) -> torch.Tensor:
        if isinstance(x, torch.Tensor):
            return self.module(x)
        return _with_trace(self.module, *_pair(self, x))


class SpikeTraceOp(nn.Module):
    """Applies a module without weights, for example a pooling, to the spikes and to their trace.

    :param module: the module

    :raises TypeError: if the input is neither a tensor nor a pair of tensors

    Source: as :class:`GradwithTrace`.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor | SpikeAndTrace) -> torch.Tensor | list[torch.Tensor]:
        if isinstance(x, torch.Tensor):
            return self.module(x)
        return _on_both(self.module, *_pair(self, x))


class OTTTSequential(nn.Sequential):
    """A Sequential that hands pairs of spikes and trace on: as :class:`GradwithTrace` to modules with weights, as
    :class:`SpikeTraceOp` to modules without, and the spikes alone to neurons, which start a trace of their own.

    Tensors go through the modules as in :class:`torch.nn.Sequential`.

    :param args: the modules, as for :class:`torch.nn.Sequential`

    :raises TypeError: if a module is given neither a tensor nor a pair of tensors

    Source: as :class:`GradwithTrace`.
    """

    def forward(self, x: torch.Tensor | SpikeAndTrace) -> Any:
        for module in self:
            x = module(x) if isinstance(x, torch.Tensor) or _reads_pairs(module) else self._apply_to_pair(module, x)
        return x

    def _apply_to_pair(self, module: nn.Module, x: SpikeAndTrace) -> torch.Tensor | list[torch.Tensor]:
        spike, trace = _pair(self, x)
        if _has_state(module):
            return module(spike)
        if any(True for _ in module.parameters()):
            return _with_trace(module, spike, trace)
        return _on_both(module, spike, trace)


class ReplaceforGrad(torch.autograd.Function):
    """``apply(x, x_r)`` is ``x_r``, and both get the gradient: the value of a trace in the graph of the spikes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, x_r: torch.Tensor) -> torch.Tensor:
        return x_r.view_as(x_r)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return grad, grad


class _ValueWithGradientOf(torch.autograd.Function):
    """The value of one tensor, the gradient of another."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, differentiable: torch.Tensor) -> torch.Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, grad


def _with_trace(module: nn.Module, spike: torch.Tensor, trace: torch.Tensor) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return module(spike)
    with torch.no_grad():
        value = module(spike)
    at_trace = module(_ValueWithGradientOf.apply(trace.detach(), spike))
    return _ValueWithGradientOf.apply(value, at_trace)


def _on_both(module: nn.Module, spike: torch.Tensor, trace: torch.Tensor) -> list[torch.Tensor]:
    out = module(spike)
    with torch.no_grad():
        return [out, module(trace)]


def _pair(owner: nn.Module, x: Any) -> SpikeAndTrace:
    is_pair = isinstance(x, (list, tuple)) and len(x) == 2 and all(isinstance(part, torch.Tensor) for part in x)
    if not is_pair:
        raise TypeError(
            f"{type(owner).__name__}: expected a tensor, or a pair [spike, trace] as OTTTLIFNode returns in training, "
            f"but {describe(x)} was given."
        )
    if x[0].shape != x[1].shape:
        raise ValueError(
            f"{type(owner).__name__}: spike and trace must have the same shape, but have {list(x[0].shape)} and "
            f"{list(x[1].shape)}."
        )
    return x


def _reads_pairs(module: nn.Module) -> bool:
    return isinstance(module, (GradwithTrace, SpikeTraceOp, OTTTSequential))


def _has_state(module: nn.Module) -> bool:
    """Whether a second call in the same time step would go wrong. The mask of a dropout does not change."""
    return any(isinstance(m, base.MemoryModule) and not isinstance(m, Dropout) for m in module.modules())
