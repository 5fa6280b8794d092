"""The ANN in the form from which its spiking network is made: the same layers and activations under the same paths."""

import copy
import logging
from dataclasses import dataclass

import torch
from torch import nn

from spikingjelly.activation_based.ann2snn import _module_swap
from spikingjelly.activation_based.ann2snn._fusion import fuse_graph, fuse_sequentials
from spikingjelly.activation_based.ann2snn._measurement import device_of
from spikingjelly.activation_based.ann2snn._preparation import ACTIVATIONS, calls, separate


@dataclass
class Twin:
    """An ANN whose activations are modules, each called once."""

    ann: nn.Module
    paths: list[str]  # of the activations
    device: torch.device

    def copy_of_ann(self) -> nn.Module:
        """Another one like ``ann``."""
        return copy.deepcopy(self.ann)


def twin_of(model: nn.Module, device: torch.device | str | None, fuse: bool, level: int = logging.WARNING) -> Twin:
    """A copy of ``model`` in evaluation mode, with batch norms folded if ``fuse``.

    :param level: of the log, for the reason why torch.fx can't follow the forward

    :raises ValueError: if it has no activation that can be converted
    """
    where = device_of(model) if device is None else torch.device(device)
    net: nn.Module = copy.deepcopy(model).to(where).eval()
    traced = _module_swap.trace_or_explain(net, level)
    if traced is None:
        if fuse:
            fuse_sequentials(net)
        paths = [path for path, _ in _module_swap.modules_of(net, ACTIVATIONS)]
    else:
        net = separate(fuse_graph(traced) if fuse else traced)
        paths = [str(node.target) for node in calls(net, ACTIVATIONS)]
    if not paths:
        raise ValueError(
            f"ann2snn: {type(model).__name__} has no activation to convert. ReLU, ReLU6 and QCFS are converted, as "
            "modules, and where torch.fx can follow the forward as functions."
        )
    return Twin(net, paths, where)
