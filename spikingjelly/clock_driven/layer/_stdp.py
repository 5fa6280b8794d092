"""Spike-timing-dependent plasticity of a linear layer, one time step a call."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.clock_driven.base import MemoryModule

Bound = Callable[[torch.Tensor], torch.Tensor]


class STDPLearner(MemoryModule):
    r"""Changes weights at each spike, and keeps traces of the spikes, one time step ``[N, *]`` a call.

    .. math::
        tr &\leftarrow tr - \frac{tr}{\tau} + s \quad\text{(of both sides)} \\
        \Delta W_{ij} &= \sum_n F_{pre}(W_{ij}) \, s_{nj}^{pre} + F_{post}(W_{ij}) \, s_{ni}^{post}

    In no release did the weights depend on the traces: this is what published programs have learned with. For
    plasticity that depends on the timing of spikes use :class:`spikingjelly.activation_based.learning.STDPLearner`.

    :param tau_pre: time constant of the traces of the inputs, in time steps
    :param tau_post: time constant of the traces of the outputs, in time steps
    :param f_pre: :math:`F_{pre}`, a function of the weight; negative to weaken it at a spike of its input
    :param f_post: :math:`F_{post}`, a function of the weight
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
        """Add ``learning_rate`` times the change, the sum over the samples, to ``module.weight``.

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
        self.trace_pre = self.trace_pre - self.trace_pre / self.tau_pre + s_pre
        self.trace_post = self.trace_post - self.trace_post / self.tau_post + s_post
        pre, post = s_pre.reshape(-1, module.in_features).sum(0), s_post.reshape(-1, module.out_features).sum(0)
        weight = module.weight
        weight += learning_rate * (self.f_pre(weight) * pre + self.f_post(weight) * post.unsqueeze(1))
