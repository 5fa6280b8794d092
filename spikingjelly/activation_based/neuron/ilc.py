"""Nodes with connections inside their layer.

Source: Chen et al., "Fully Spiking Actor Network with Intra-layer Connections for Reinforcement Learning", IEEE
Transactions on Neural Networks and Learning Systems, 2024.
"""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_float, check_positive_int, describe
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_RECT
from spikingjelly.activation_based.neuron._population import PopulationNode
from spikingjelly.activation_based.neuron.cuba import CurrentBasedNode


class IntraLayerNode(PopulationNode):
    """The connection that all nodes of this family share: the last spikes of a population reach all of its neurons."""

    spike: torch.Tensor | None

    def _set_up_connection(self, act_dim: int, dec_pop_dim: int) -> None:
        check_positive_int(self, "act_dim", act_dim)
        check_positive_int(self, "dec_pop_dim", dec_pop_dim)
        self.act_dim = act_dim
        self.dec_pop_dim = dec_pop_dim
        self.out_pop_dim = act_dim * dec_pop_dim
        # A grouped convolution over the whole population: one dense matrix for each of the act_dim populations.
        self.conn = nn.Conv1d(act_dim, self.out_pop_dim, dec_pop_dim, groups=act_dim)
        self.register_memory("spike", None)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_sequence(x_seq)
        if x_seq.dim() != 3 or x_seq.shape[2] != self.out_pop_dim:
            raise ValueError(
                f"{type(self).__name__} has act_dim={self.act_dim} populations of dec_pop_dim={self.dec_pop_dim} "
                f"neurons and expects an input [T, N, {self.out_pop_dim}], but {describe(x_seq)} was given."
            )
        return super().multi_step_forward(x_seq)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.spike is not None:
            populations = self.spike.view(-1, self.act_dim, self.dec_pop_dim)
            x = x + self.conn(populations).view(x.shape)
        self.spike = super().single_step_forward(x)
        return self.spike


class ILCBaseNode(IntraLayerNode):
    r"""A layer of ``act_dim`` populations of ``dec_pop_dim`` neurons each, in which the spikes of the last time step
    are an additional input to all neurons of the same population:

    .. math::
        X'[t] = X[t] + W_p S_p[t-1] + b_p  \quad (t > 1)

    with charge, fire and reset of :class:`BaseNode` on :math:`X'[t]`. The weights :math:`W_p` and the biases of all
    populations are those of ``conn``, a grouped convolution.

    Input and output are ``[T, N, act_dim * dec_pop_dim]``. Each sequence starts at rest: nothing is carried over.

    :param act_dim: number of populations, one for each dimension of the action
    :param dec_pop_dim: number of neurons in a population
    :param v_threshold: threshold, default 1.0
    :param v_reset: potential after a spike (hard reset), or None for the soft reset
    :param surrogate_function: gives the spike and its gradient, default ``Rect(alpha=1.0)``

    :raises ValueError: for inputs of another shape, and for step mode 's'
    """

    def __init__(
        self,
        act_dim: int,
        dec_pop_dim: int,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, step_mode="m")
        self._set_up_connection(act_dim, dec_pop_dim)


class ILCIFNode(ILCBaseNode):
    r"""Integrate-and-fire with connections inside the layer: :math:`H[t] = V[t-1] + X'[t]`.

    Parameters, shapes and errors are those of :class:`ILCBaseNode`.
    """

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x


class ILCLIFNode(ILCBaseNode):
    r"""Leaky integrate-and-fire with connections inside the layer: :math:`H[t] = d_v V[t-1] + X'[t]`.

    :param v_decay: share :math:`d_v` of the potential that is left after a time step, default 0.75

    The other parameters, shapes and errors are those of :class:`ILCBaseNode`.
    """

    def __init__(
        self,
        act_dim: int,
        dec_pop_dim: int,
        v_decay: float = 0.75,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        check_float(self, "v_decay", v_decay)
        super().__init__(act_dim, dec_pop_dim, v_threshold, v_reset, surrogate_function)
        self.v_decay = v_decay

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v * self.v_decay + x

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, v_decay={self.v_decay}"


class ILCCLIFNode(CurrentBasedNode, ILCBaseNode):
    r"""Current-based leaky integrate-and-fire (:class:`CLIFNode`) with connections inside the layer.

    :param c_decay: share of the current that is left after a time step, default 0.5
    :param v_decay: share of the potential that is left after a time step, default 0.75
    :param v_threshold: threshold, default 0.5

    The other parameters, shapes and errors are those of :class:`ILCBaseNode`.
    """

    def __init__(
        self,
        act_dim: int,
        dec_pop_dim: int,
        c_decay: float = 0.5,
        v_decay: float = 0.75,
        v_threshold: float = 0.5,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        ILCBaseNode.__init__(self, act_dim, dec_pop_dim, v_threshold, v_reset, surrogate_function)
        self._set_up_current(c_decay, v_decay)
