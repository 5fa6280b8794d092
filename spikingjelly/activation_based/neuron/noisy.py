"""Spiking nodes with noise for exploration.

Source: Chen et al., "Noisy Spiking Actor Network for Exploration", 2024.
"""

from collections.abc import Callable

import torch

from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_RECT
from spikingjelly.activation_based.neuron._exploration_noise import ExplorationNoise, initial_sigma
from spikingjelly.activation_based.neuron._population import PopulationNode
from spikingjelly.activation_based.neuron.cuba import CurrentBasedNode
from spikingjelly.activation_based.neuron.ilc import IntraLayerNode


class NoisyBaseNode(ExplorationNoise, PopulationNode):
    r"""A node with noise on its input and on its output:

    .. math::
        X'[t] &= X[t] + \sigma_v \epsilon_v[t] \\
        Y[t] &= S[t] + \sigma_s \epsilon_s[t]

    with charge, fire and reset of :class:`BaseNode` on :math:`X'[t]`; the reset uses :math:`S[t]` without noise. Both
    noises are Gaussian with power spectrum :math:`1 / f^\beta` over the time steps of an episode, the same for the
    whole batch. :math:`\sigma_v = \sigma_s = \sigma_{init} / \sqrt{num\_node}` (``sigma_v``, ``sigma_s``).

    An episode starts with ``reset_noise(num_rl_step)``, which draws the noise of that many forward passes.
    ``get_colored_noise()`` gives the noise of the last one ``[T, 2 * num_node]``; ``load_colored_noise(cn)`` replays
    stored noise ``[N, T, 2 * num_node]`` for a batch until ``cancel_load()``.

    Input and output are ``[T, N, num_node]``. Each sequence starts at rest: nothing is carried over.

    :param num_node: number of neurons
    :param is_training: whether there is noise; an attribute of its own that ``train()`` and ``eval()`` leave alone
    :param T: number of time steps of every sequence, default 5
    :param sigma_init: strength of the noise :math:`\sigma_{init}`, default 0.5
    :param beta: exponent of the spectrum: 0.0 (the default) white, 1.0 pink, 2.0 Brownian
    :param v_threshold: threshold, default 0.5
    :param v_reset: potential after a spike (hard reset), or None for the soft reset
    :param surrogate_function: gives the spike and its gradient, default ``Rect(alpha=1.0)``

    :raises ValueError: for inputs or noise of another shape, and for step mode 's'
    :raises RuntimeError: if there is no noise for this forward pass
    """

    noise_seq: list[torch.Tensor] | None

    def __init__(
        self,
        num_node: int,
        is_training: bool = True,
        T: int = 5,
        sigma_init: float = 0.5,
        beta: float = 0.0,
        v_threshold: float = 0.5,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, step_mode="m")
        self.sigma_v = self.sigma_s = initial_sigma(self, sigma_init, num_node)
        self._set_up_noise(num_node, is_training, T, beta, streams=2)
        self.register_memory("noise_seq", None)  # of the time steps to come in this sequence

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_sequence(x_seq)
        noise_seq = self._noise_of(x_seq)
        self.reset()
        self.noise_seq = noise_seq
        return self._eager_loop(x_seq)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.noise_seq is None:
            return super().single_step_forward(x)
        charge_noise, spike_noise = self.noise_seq.pop(0).split(self.num_node, -1)
        spike = super().single_step_forward(x + charge_noise * self.sigma_v)
        return spike + spike_noise * self.sigma_s


class NoisyCLIFNode(CurrentBasedNode, NoisyBaseNode):
    r"""Current-based leaky integrate-and-fire (:class:`CLIFNode`) with noise.

    :param c_decay: share of the current that is left after a time step, default 0.5
    :param v_decay: share of the potential that is left after a time step, default 0.75

    The other parameters, shapes and errors are those of :class:`NoisyBaseNode`.
    """

    def __init__(
        self,
        num_node: int,
        c_decay: float = 0.5,
        v_decay: float = 0.75,
        is_training: bool = True,
        T: int = 5,
        sigma_init: float = 0.5,
        beta: float = 0.0,
        v_threshold: float = 0.5,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        NoisyBaseNode.__init__(
            self, num_node, is_training, T, sigma_init, beta, v_threshold, v_reset, surrogate_function
        )
        self._set_up_current(c_decay, v_decay)


class NoisyILCBaseNode(IntraLayerNode, NoisyBaseNode):
    r"""A node with noise (:class:`NoisyBaseNode`) and with connections inside the layer (:class:`ILCBaseNode`):
    ``act_dim`` populations of ``dec_pop_dim`` neurons, to which the connections carry the noisy output.

    Input and output are ``[T, N, act_dim * dec_pop_dim]``.

    :param act_dim: number of populations, one for each dimension of the action
    :param dec_pop_dim: number of neurons in a population
    :param v_threshold: threshold, default 1.0

    The other parameters, the methods and the errors are those of :class:`NoisyBaseNode`.
    """

    def __init__(
        self,
        act_dim: int,
        dec_pop_dim: int,
        is_training: bool = True,
        T: int = 5,
        sigma_init: float = 0.5,
        beta: float = 0.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        check_positive_int(self, "act_dim", act_dim)
        check_positive_int(self, "dec_pop_dim", dec_pop_dim)
        NoisyBaseNode.__init__(
            self, act_dim * dec_pop_dim, is_training, T, sigma_init, beta, v_threshold, v_reset, surrogate_function
        )
        self._set_up_connection(act_dim, dec_pop_dim)


class NoisyILCCLIFNode(CurrentBasedNode, NoisyILCBaseNode):
    r"""Current-based leaky integrate-and-fire (:class:`CLIFNode`) with noise and with connections inside the layer.

    :param c_decay: share of the current that is left after a time step, default 0.5
    :param v_decay: share of the potential that is left after a time step, default 0.75

    The other parameters, shapes and errors are those of :class:`NoisyILCBaseNode`.
    """

    def __init__(
        self,
        act_dim: int,
        dec_pop_dim: int,
        c_decay: float = 0.5,
        v_decay: float = 0.75,
        is_training: bool = True,
        T: int = 5,
        sigma_init: float = 0.5,
        beta: float = 0.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
    ) -> None:
        NoisyILCBaseNode.__init__(
            self, act_dim, dec_pop_dim, is_training, T, sigma_init, beta, v_threshold, v_reset, surrogate_function
        )
        self._set_up_current(c_decay, v_decay)
