"""The integrate-and-fire neuron."""

import torch

from spikingjelly.activation_based.neuron._evaluation import add_evaluation_functions
from spikingjelly.activation_based.neuron._node import BaseNode


class IFNode(BaseNode):
    r"""Integrate-and-fire: :math:`H[t] = V[t-1] + X[t]`.

    Parameters, shapes and errors are those of :class:`BaseNode`.
    """

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + x


add_evaluation_functions(IFNode, {"": (lambda x, v, v_reset: v + x, lambda x, v: v + x)})
