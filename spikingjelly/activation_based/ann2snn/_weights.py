"""Fine-tune the weights in front of neurons, so that their rates come closer to the activations of the ANN."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import fx, nn

from spikingjelly.activation_based import quantize
from spikingjelly.activation_based.ann2snn._batches import image_batches
from spikingjelly.activation_based.ann2snn._measurement import watching
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation
from spikingjelly.activation_based.ann2snn.methods import Method
from spikingjelly.activation_based.ann2snn.simulation import simulate

_STEPS = 100
_SAMPLES = 64  # of a step
_STEP_SIZE = 1e-2  # of the standard deviation of the weights, and of the scale for the current
_ROWS_AT_ONCE = 2048  # time steps times samples
_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class _Seen(NamedTuple):
    """Of some images: the mean over time of what the layer reads and the neurons give, and what the ANN gives."""

    inputs: torch.Tensor
    outputs: torch.Tensor
    wanted: torch.Tensor


def fit_weights(
    ann: nn.Module,
    snn: fx.GraphModule,
    path: str,
    dataloader: Iterable[Any],
    method: Method,
    T: int,
    device: torch.device,
) -> None:
    r"""Change the weights of the layer in front of the neurons at ``path``, and their constant current, if that makes
    the squared error of their mean output less.

    With the mean over time of what the layer reads, :math:`\bar x`, and the ANN's activation :math:`a`, steps of Adam
    on the mean of :math:`(s \, \mathrm{clip}(\lfloor T (W \bar x + b) / s + v \rfloor / T, 0, 1) - a)^2`, where the
    gradient of :math:`\lfloor \cdot \rfloor` is that of the identity.
    """
    layer, part = _layer_before(snn, path), snn.get_submodule(path)
    if layer is None or not isinstance(part, SpikingActivation) or part.offset is None:
        return
    seen = list(_look(ann, snn, path, layer, dataloader, T, device))
    before = layer.weight.detach().clone(), part.offset.clone()
    _descend(layer, part, seen, method.v_init, T)
    if _error(_look(ann, snn, path, layer, dataloader, T, device)) > _error(seen):
        layer.weight.data, part.offset = before


def _layer_before(snn: fx.GraphModule, path: str) -> Any:
    """The convolution or linear layer that only the activation at ``path`` reads, or None."""
    calls = [node for node in snn.graph.nodes if node.op == "call_module"]
    (activation,) = (node for node in calls if node.target == path)
    source = activation.args[0]
    if not isinstance(source, fx.Node) or source.op != "call_module" or len(source.users) > 1:
        return None
    layer = snn.get_submodule(str(source.target))
    shared = sum(node.target == source.target for node in calls) > 1
    return layer if isinstance(layer, _WEIGHTED) and not shared else None


@torch.no_grad()
def _look(
    ann: nn.Module, snn: nn.Module, path: str, layer: nn.Module, dataloader: Iterable[Any], T: int, device: torch.device
) -> Iterator[_Seen]:
    for images in image_batches("convert", dataloader, device, None):
        for few in images.split(max(1, _ROWS_AT_ONCE // T)):
            found: dict[str, torch.Tensor] = {}
            with watching(ann, {path: lambda y, found=found: found.update(wanted=y)}):  # type: ignore[misc]
                ann(few)
            keep = layer.register_forward_pre_hook(lambda m, x, found=found: found.update(inputs=x[0]))
            with keep, watching(snn, {path: lambda y, found=found: found.update(outputs=y)}):  # type: ignore[misc]
                simulate(snn, few, T, chunk=T)
            inputs, outputs = (_mean_over_time(found[name], len(few)) for name in ("inputs", "outputs"))
            yield _Seen(inputs, outputs, found["wanted"])


def _mean_over_time(x: torch.Tensor, samples: int) -> torch.Tensor:
    """Of ``[T * N, *]``, or of one step that holds for all: ``[N, *]``."""
    return x.unflatten(0, (-1, samples)).mean(0)


def _error(seen: Iterable[_Seen]) -> float:
    return sum((of.outputs - of.wanted).square().sum().item() for of in seen)


def _samples(seen: list[_Seen]) -> Iterator[_Seen]:
    """A few of the images after the other, again and again."""
    while True:
        for many in seen:
            yield from itertools.starmap(_Seen, zip(*(part.split(_SAMPLES) for part in many), strict=True))


def _descend(layer: Any, part: SpikingActivation, seen: list[_Seen], v_init: float, T: int) -> None:
    scale, weight = part.spike_value, layer.weight
    current = nn.Parameter(part.offset.clone())  # type: ignore[union-attr]
    sizes = [
        {"params": [weight], "lr": _STEP_SIZE * weight.std().item()},
        {"params": [current], "lr": _STEP_SIZE * scale.mean().item()},
    ]
    optimizer = torch.optim.Adam(sizes)
    with torch.enable_grad():
        for few in itertools.islice(_samples(seen), _STEPS):
            charge = (layer(few.inputs) + current) / scale
            rate = quantize.clamp(quantize.floor(T * charge + v_init) / T, 0, 1)
            (gradient, of_current) = torch.autograd.grad((scale * rate - few.wanted).square().mean(), [weight, current])
            weight.grad, current.grad = gradient, of_current
            optimizer.step()
    weight.grad = None
    part.offset = current.detach()
