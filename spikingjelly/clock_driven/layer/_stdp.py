"""Spike-timing-dependent plasticity of a linear layer, one time step a call."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based.learning import stdp_linear_single_step
from spikingjelly.clock_driven.base import MemoryModule

Bound = Callable[[torch.Tensor], torch.Tensor]


class STDPLearner(MemoryModule):
    r"""The rule of :func:`spikingjelly.activation_based.learning.stdp_linear_single_step`, with traces that it keeps.

    .. math::
        tr &\leftarrow tr - \frac{tr}{\tau} + s \quad\text{(of both sides)} \\
        \Delta W_{ij} &= F_{post}(W_{ij}) \, tr_j^{pre} s_i^{post} - F_{pre}(W_{ij}) \, tr_i^{post} s_j^{pre}

    :param tau_pre: time constant of the traces of the inputs, in time steps
    :param tau_post: time constant of the traces of the outputs, in time steps
    :param f_pre: :math:`F_{pre}`, a function of the weight
    :param f_post: :math:`F_{post}`, a function of the weight

    Source: Morrison, Diesmann, Gerstner, "Phenomenological models of synaptic plasticity based on spike timing", 2008.
    """

    trace_pre: torch.Tensor | float
    trace_post: torch.Tensor | float

    def __init__(self, tau_pre: float, tau_post: float, f_pre: Bound, f_post: Bound) -> None:
        super().__init__()
        self.tau_pre = tau_pre
        self.tau_post = tau_post
        self.f_pre = f_pre
        self.f_post = f_post
        self.register_memory("trace_pre", 0.0)
        self.register_memory("trace_post", 0.0)

    @torch.no_grad()
    def stdp(self, s_pre: torch.Tensor, s_post: torch.Tensor, module: nn.Module, learning_rate: float) -> None:
        """Add ``learning_rate`` times the change to ``module.weight``.

        :param s_pre: spikes of the inputs, ``[in]`` or ``[N, in]``
        :param s_post: spikes of the outputs, ``[out]`` or ``[N, out]``
        :param module: a :class:`torch.nn.Linear`

        :raises NotImplementedError: for another module
        """
        if not isinstance(module, nn.Linear):
            raise NotImplementedError(
                f"STDPLearner: module must be a torch.nn.Linear, but {type(module).__name__} was given. For "
                "convolutions use activation_based.learning.STDPLearner."
            )
        single = s_pre.dim() == 1
        before = [t[None] if single and isinstance(t, torch.Tensor) else t for t in (self.trace_pre, self.trace_post)]
        pre, post = (s_pre[None], s_post[None]) if single else (s_pre, s_post)
        *traces, change = stdp_linear_single_step(
            module, pre, post, before[0], before[1], self.tau_pre, self.tau_post, self.f_pre, self.f_post
        )
        self.trace_pre, self.trace_post = (trace[0] if single else trace for trace in traces)
        module.weight += learning_rate * change
