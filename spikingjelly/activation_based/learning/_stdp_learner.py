"""The learner of spike-timing-dependent plasticity."""

import torch
from torch import nn

from spikingjelly.activation_based.learning._correlation import WeightFunction
from spikingjelly.activation_based.learning._learner import Learner
from spikingjelly.activation_based.learning._stdp import as_it_is, change_over_time


class STDPLearner(Learner):
    r"""Spike-timing-dependent plasticity with two traces, see :func:`stdp_multi_step` for the equations.

    It watches ``synapse`` and the neurons ``sn`` that it drives. Run the network, then call :meth:`step`, after each
    time step or after several: the change is the sum over all that has been recorded since the last call, with the
    weights as they are at the call. It goes into ``synapse.weight.grad`` with its sign turned, so that an optimizer of
    gradient descent adds it and can train other layers in the same step::

        net = nn.Sequential(layer.Linear(4, 3, bias=False), neuron.IFNode())
        learner = learning.STDPLearner("s", net[0], net[1], 2.0, 2.0, lambda w: 1.0 - w, lambda w: w)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for x in torch.rand(8, 5, 4):
            optimizer.zero_grad()
            net(x)
            learner.step()
            optimizer.step()
        functional.reset_net(net)
        learner.reset()

    With backpropagation, call ``step`` after ``backward()``, for gradients add up. Constant steps take functions such
    as ``f_post=lambda w: torch.full_like(w, 0.01)``.

    :param step_mode: 's' if a call of the network is one time step, 'm' if it is a sequence ``[T, N, *]``
    :param synapse: a Linear, Conv1d, Conv2d or Conv3d of ``torch.nn`` or ``activation_based.layer``; it may also run
        in a ``SeqToANNContainer``, which makes one batch of the time steps
    :param sn: the neurons behind the synapse, whose output has the shape of the synapse's
    :param tau_pre: time constant of the presynaptic trace in time steps, at least 1
    :param tau_post: time constant of the postsynaptic trace in time steps, at least 1
    :param f_pre: how strong the depression at a presynaptic spike is, from the weights; default: as they are
    :param f_post: how strong the potentiation at a postsynaptic spike is, from the weights; default: as they are

    The traces ``trace_pre`` and ``trace_post`` are memories of the shape of one time step, None before the first.

    :raises NotImplementedError: for another synapse
    :raises ValueError: (also an AssertionError) if a time constant is less than 1
    :raises TypeError: if ``sn`` is no module, or ``f_pre`` or ``f_post`` can't be called
    """

    _smallest_tau = 1.0

    def __init__(
        self,
        step_mode: str,
        synapse: nn.Module,
        sn: nn.Module,
        tau_pre: float,
        tau_post: float,
        f_pre: WeightFunction = as_it_is,
        f_post: WeightFunction = as_it_is,
    ) -> None:
        super().__init__(step_mode, synapse, sn, tau_pre, tau_post, f_pre, f_post)

    def step(self, on_grad: bool = True, scale: float = 1.0) -> torch.Tensor | None:
        r"""Learn from what has been recorded since the last call.

        :param on_grad: True to subtract the change from ``synapse.weight.grad``, False to return it
        :param scale: a factor of the change
        :return: ``scale`` :math:`\Delta w` in the shape of the weight, or None with ``on_grad``

        :raises RuntimeError: if nothing has been recorded, synapse and neurons have not run equally often, or the
            batch has changed without :meth:`reset`
        :raises ValueError: if the shapes or step modes don't belong together
        """
        return self._learn(on_grad, scale)

    def _change(self, pre: torch.Tensor, post: torch.Tensor) -> torch.Tensor:
        self.trace_pre, self.trace_post, change = change_over_time(
            self, self.synapse, pre, post, self.trace_pre, self.trace_post, self.tau_pre, self.tau_post,
            self.f_pre, self.f_post,
        )  # fmt: skip
        return change
