"""Linear layers that read spikes."""

import torch
from torch import nn

from spikingjelly import products

FEWEST_ROWS = 2048  # with fewer, finding the ones takes as long as it saves


class SpikeLinear(nn.Linear):
    """:class:`torch.nn.Linear`, which leaves out the products with zeros where that is faster."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        y = products.linear(input, self.weight, self.bias) if _has_many_rows(input) else None
        return super().forward(input) if y is None else y


def _has_many_rows(x: torch.Tensor) -> bool:
    """Never while a graph is recorded, which is to hold for other batches too."""
    return type(x) is torch.Tensor and not torch.compiler.is_compiling() and x.dim() == 2 and x.shape[0] >= FEWEST_ROWS


def skip_zeros(net: nn.Module) -> None:
    """Let the linear layers of ``net`` be such. Changes ``net``."""
    for module in net.modules():
        if type(module) is nn.Linear:
            module.__class__ = SpikeLinear
