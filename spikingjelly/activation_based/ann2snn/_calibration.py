"""Make mean rates right, layer by layer, after the thresholds are set."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import fx, nn
from tqdm import tqdm

from spikingjelly.activation_based.ann2snn._assembly import activations_of
from spikingjelly.activation_based.ann2snn._batches import image_batches
from spikingjelly.activation_based.ann2snn._measurement import watching
from spikingjelly.activation_based.ann2snn._neurons import StartedIFNode
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation
from spikingjelly.activation_based.ann2snn._thresholds import at_least_float32
from spikingjelly.activation_based.ann2snn._weights import fit_weights
from spikingjelly.activation_based.ann2snn.methods import Method
from spikingjelly.activation_based.ann2snn.simulation import simulate


class _Mean:
    """The sum of the outputs, over batches."""

    def __init__(self) -> None:
        self.total: Any = 0.0
        self.count = 0

    def __call__(self, x: torch.Tensor) -> None:
        self.total = self.total + at_least_float32(x).sum(0)
        self.count += x.shape[0]

    @property
    def mean(self) -> torch.Tensor:
        """Over samples and time steps, for each neuron: ``[*]``."""
        return self.total / self.count


def calibrate(
    ann: nn.Module, snn: nn.Module, dataloader: Iterable[Any], method: Method, T: int, device: torch.device
) -> None:
    """Give each activation of ``snn``, in the order of the forward pass, the current or the initial potential that
    makes the mean of its error zero, with all layers before it calibrated already. Changes ``snn``.

    With the error :math:`e`, the mean over the images of the ANN's activation minus the mean output: a current
    :math:`\\bar e` for each channel, after which the weights may be fitted too, or a potential :math:`T e / s` for each
    neuron.
    """
    wanted = _means(ann, list(activations_of(snn)), dataloader, None, device, "calibration, ANN")
    parts = activations_of(snn)
    for path in tqdm(list(wanted), desc="calibration", unit="layer", leave=False):
        error = (wanted[path] - _means(snn, [path], dataloader, T, device, None)[path]).to(parts[path].scaler0.scale)
        if method.calibrate == "potential":
            _add_potential(parts[path], error, T, method.v_init)
        else:
            _add_current(parts[path], error)
        if method.calibrate == "weights" and isinstance(snn, fx.GraphModule):
            fit_weights(ann, snn, path, dataloader, method, T, device)


@torch.no_grad()
def _means(
    net: nn.Module, paths: list[str], dataloader: Iterable[Any], T: int | None, device: torch.device, title: str | None
) -> dict[str, torch.Tensor]:
    """The mean output of each neuron, by path in the order of the forward pass."""
    order: dict[str, _Mean] = {}
    observers = {path: _Ordered(path, order) for path in paths}
    with watching(net, observers):
        for images in image_batches("convert", dataloader, device, title):
            if T is None:
                net(images)
            else:
                simulate(net, images, T)
    return {path: mean.mean for path, mean in order.items()}


class _Ordered:
    """Files what it sees under its path, at the end if it is new."""

    def __init__(self, path: str, order: dict[str, _Mean]) -> None:
        self.path = path
        self.order = order

    def __call__(self, x: torch.Tensor) -> None:
        self.order.setdefault(self.path, _Mean())(x)


def _add_current(part: SpikingActivation, error: torch.Tensor) -> None:
    channels = error.flatten(1).mean(1) if error.dim() > 1 else error
    current = channels.view(-1, *[1] * (error.dim() - 1))
    part.offset = current if part.offset is None else part.offset + current


def _add_potential(part: SpikingActivation, error: torch.Tensor, T: int, v_init: float) -> None:
    if not isinstance(part.if_node, StartedIFNode):
        node = StartedIFNode(torch.full_like(error, v_init), v_threshold=1.0, v_reset=None)
        node.step_mode = part.if_node.step_mode
        part.if_node = node
    node = part.if_node
    node.v_start = node.v_start + error * T * part.scaler0.scale
