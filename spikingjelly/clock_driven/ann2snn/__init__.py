"""The conversion of :mod:`spikingjelly.activation_based.ann2snn`, with the nodes of this package."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from spikingjelly.activation_based import ann2snn
from spikingjelly.activation_based import neuron as today
from spikingjelly.activation_based.ann2snn import converter, download_url, modules, utils
from spikingjelly.clock_driven import neuron

__all__ = ["Converter", "converter", "download_url", "modules", "utils"]


class Converter(ann2snn.Converter):
    """:class:`spikingjelly.activation_based.ann2snn.Converter`, whose neurons are :class:`neuron.IFNode` of here.

    ``mode='MaxNorm'``, the default of the oldest releases, is 'max'.
    """

    def __init__(
        self,
        dataloader: Iterable[Any],
        device: Any = None,
        mode: str | float = "Max",
        momentum: float = 0.1,
        fuse_flag: bool = True,
    ) -> None:
        super().__init__(_mode(dataloader), _mode(device), _mode(mode), momentum, fuse_flag)

    def forward(self, ann: nn.Module) -> nn.Module:
        """The spiking network, in evaluation mode."""
        snn = super().forward(ann)
        for module in list(snn.modules()):
            for name, child in module.named_children():
                if isinstance(child, today.IFNode):
                    setattr(module, name, neuron.IFNode(child.v_threshold, child.v_reset).eval())
        return snn


def _mode(argument: Any) -> Any:
    return "max" if isinstance(argument, str) and argument == "MaxNorm" else argument


def __getattr__(name: str) -> Any:
    return getattr(ann2snn, name)
