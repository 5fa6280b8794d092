"""Non-spiking nodes with noise for exploration.

Source: Chen et al., "Noisy Spiking Actor Network for Exploration", 2024.
"""

import torch
from torch import nn

from spikingjelly.activation_based.neuron._exploration_noise import ExplorationNoise, initial_sigma
from spikingjelly.activation_based.neuron.non_spiking import NonSpikingBaseNode


class NoisyNonSpikingBaseNode(ExplorationNoise, NonSpikingBaseNode):
    r"""A node that never fires (:class:`NonSpikingBaseNode`) with noise on its input:
    :math:`X'[t] = X[t] + \sigma \epsilon[t]`.

    The strength of the noise is a learnable parameter of each neuron, ``sigma`` ``[num_node]``, which starts at
    :math:`\sigma_{init} / \sqrt{num\_node}`. Noise is drawn, read and replayed as in :class:`NoisyBaseNode`, with one
    noise for each neuron: ``[T, num_node]`` and ``[N, T, num_node]``.

    Input is ``[T, N, num_node]``, output ``[N, num_node]``.

    :param num_node: number of neurons
    :param is_training: whether there is noise; an attribute of its own that ``train()`` and ``eval()`` leave alone
    :param T: number of time steps of every sequence, default 5
    :param sigma_init: strength of the noise :math:`\sigma_{init}`, default 0.5
    :param beta: exponent of the spectrum: 0.0 (the default) white, 1.0 pink, 2.0 Brownian
    :param decode: which potential is read, as in :class:`NonSpikingBaseNode`

    :raises ValueError: for inputs or noise of another shape, and for another ``decode``
    :raises RuntimeError: if there is no noise for this forward pass
    """

    def __init__(
        self,
        num_node: int,
        is_training: bool = True,
        T: int = 5,
        sigma_init: float = 0.5,
        beta: float = 0.0,
        decode: str | None = "last-mem",
    ) -> None:
        super().__init__(decode)
        sigma = initial_sigma(self, sigma_init, num_node)
        self._set_up_noise(num_node, is_training, T, beta, streams=1)
        self.sigma = nn.Parameter(torch.full((num_node,), sigma))

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_sequence(x_seq)
        noise_seq = self._noise_of(x_seq)
        if noise_seq is not None:
            x_seq = torch.stack([x + noise * self.sigma for x, noise in zip(x_seq.unbind(0), noise_seq, strict=True)])
        return super().multi_step_forward(x_seq)


class NoisyNonSpikingIFNode(NoisyNonSpikingBaseNode):
    r"""An integrator with noise that never fires: :math:`V[t] = V[t-1] + X'[t]`.

    Parameters, shapes and errors are those of :class:`NoisyNonSpikingBaseNode`.
    """

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x
