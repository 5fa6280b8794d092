"""What the spiking nodes of actor networks share."""

import torch

from spikingjelly.activation_based.neuron._node import BaseNode


class PopulationNode(BaseNode):
    """A node that takes whole sequences ``[T, N, *]`` and starts each of them at rest: nothing is carried over."""

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return ("torch",)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_sequence(x_seq)
        self.reset()
        return self._eager_loop(x_seq)
