"""The LIF neuron with a complementary potential."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based._checks import check_switch
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_RECT
from spikingjelly.activation_based.neuron.lif import LIFNode


class ComplementaryLIFNode(LIFNode):
    r"""Leaky integrate-and-fire with a second memory, the complementary potential ``m``, which carries gradients over
    many time steps.

    .. math::
        H[t] &= \left(1 - \frac{1}{\tau}\right) V[t-1] + X[t] \\
        S[t] &= \Theta(H[t] - V_{th}) \\
        M[t] &= M[t-1] \sigma\left(\frac{H[t]}{\tau}\right) + S[t] \\
        V[t] &= H[t] - S[t] (V_{th} + \sigma(M[t]))

    Not to be confused with :class:`CLIFNode`, which is current-based.

    :param tau: membrane time constant in time steps, greater than 1, default 2.0
    :param v_threshold: threshold, default 1.0
    :param surrogate_function: gives the spike and its gradient, default ``Rect(alpha=1.0)``
    :param step_mode: 's' or 'm'
    :param store_state_seqs: in step mode 'm', whether ``state_seqs`` keeps the list of the potentials after reset and
        of the complementary potentials, each ``[T, N, *]``; such a neuron runs the loop of PyTorch operations
    :param backend: as for :class:`BaseNode`

    Shapes and errors are those of :class:`LIFNode`.

    Source: Huang et al., "CLIF: Complementary Leaky Integrate-and-Fire Neuron for Spiking Neural Networks", ICML 2024.
    """

    m: Any  # a float until the first input gives it a shape

    def __init__(
        self,
        tau: float = 2.0,
        v_threshold: float = 1.0,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] = DEFAULT_RECT,
        step_mode: str = "s",
        store_state_seqs: bool = False,
        backend: str = "auto",
    ) -> None:
        check_switch(self, "store_state_seqs", store_state_seqs)
        super().__init__(tau, False, v_threshold, None, surrogate_function, step_mode=step_mode, backend=backend)
        self.register_memory("m", 0.0)
        self.store_state_seqs = store_state_seqs
        self.state_seqs: list[torch.Tensor] | None = None

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        self._give_shape("m", x)

    def neuronal_reset(self, spike: torch.Tensor) -> None:
        self.m = self.m * torch.sigmoid(self.v / self.tau) + spike
        self.v = self.v - spike * (self.v_threshold + torch.sigmoid(self.m))

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A sequence ``[T, N, *]``."""
        if not self.store_state_seqs:
            return super().multi_step_forward(x_seq)
        self._check_sequence(x_seq)
        spikes, potentials, complements = [], [], []
        for x in x_seq.unbind(0):
            spikes.append(self.single_step_forward(x))
            potentials.append(self.v)
            complements.append(self.m)
        self.state_seqs = [torch.stack(potentials), torch.stack(complements)]
        return torch.stack(spikes)
