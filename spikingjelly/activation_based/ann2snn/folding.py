"""Take the factors out of a converted network: spikes are 0 and 1, and the weights know what they stand for."""

from typing import Any

import torch
from torch import fx, nn

from spikingjelly.activation_based.ann2snn._assembly import set_module
from spikingjelly.activation_based.ann2snn._cropping import crop_input
from spikingjelly.activation_based.ann2snn._pooling import window_of
from spikingjelly.activation_based.ann2snn._preparation import MAX_POOLS, calls
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation, SpikingMaxPool
from spikingjelly.activation_based.ann2snn._time import RepeatOverTime
from spikingjelly.activation_based.ann2snn.modules import VoltageScaler

__all__ = ["fold_scales"]

_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_PASSING_MODULES = (
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.Flatten, nn.Identity, SpikingMaxPool, RepeatOverTime, *MAX_POOLS,
)  # fmt: skip
_POOLS = ("avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
_PASSING_NAMES = (*_POOLS, "flatten", "view", "reshape")


@torch.no_grad()
def fold_scales(snn: fx.GraphModule) -> int:
    r"""Fold ``scaler0`` into the layer before, and ``scaler1`` into the layers after it, where these are
    convolutions or linear layers. Changes ``snn``; afterwards neurons get currents in units of their threshold.

    :func:`convert` has done it, but for ``fold=False``; the network of a :class:`Converter` keeps its factors, in the
    published layout. Outputs stay the same up to rounding: in float32 a few spikes come a step earlier or later. Time
    and memory for two products with each tensor are saved. Between activation and layer there may be average and max
    pooling, flattening and views. A factor stays where branches are added up, where a layer is called several times,
    and where it is different for each channel and the channels are flattened.

    Average pooling (nn.AvgPool2d, in windows that do not overlap) behind the neurons that see the input becomes a part
    of their module: for a static input, spikes and their mean are computed in one pass, and only the mean is written.

    Pixels at the end of an image that no window of the first layers reads, because windows without padding leave some
    out, are cut off at the input: the neurons that nobody reads are not there any more. In the sample network for
    images of 28 x 28 pixels they are half of all.

    :param snn: a network from :class:`Converter` or :func:`convert`
    :return: how many factors have been folded

    :raises TypeError: if ``snn`` has no graph
    """
    if not isinstance(snn, fx.GraphModule):
        raise TypeError(
            f"fold_scales: expected a converted network with a graph, but a {type(snn).__name__} was given. Networks "
            "that torch.fx can't follow keep their factors."
        )
    counts: dict[Any, int] = {}
    for node in snn.graph.nodes:
        if node.op == "call_module":
            counts[node.target] = counts.get(node.target, 0) + 1
    folded = 0
    for node in calls(snn, (SpikingActivation,)):
        part: Any = snn.get_submodule(str(node.target))
        if isinstance(part.scaler0, VoltageScaler):
            folded += _fold_before(snn, node, part, counts)
        if isinstance(part.scaler1, VoltageScaler):
            folded += _fold_after(snn, node, part, counts)
        if part.before_first_neuron and part.pool is None:
            _take_pooling_in(snn, node, part, counts)
    crop_input(snn)
    return folded


def _take_pooling_in(snn: fx.GraphModule, node: fx.Node, part: SpikingActivation, counts: dict[Any, int]) -> None:
    """The average pooling that alone reads ``node`` becomes a part of it."""
    (user, *others) = node.users
    if others or user.op != "call_module" or counts[user.target] > 1:
        return
    pool = snn.get_submodule(str(user.target))
    if type(pool) is nn.AvgPool2d and window_of(pool) is not None:
        part.pool = pool
        set_module(snn, str(user.target), nn.Identity())


def _weighted(snn: fx.GraphModule, node: Any, counts: dict[Any, int], factor: torch.Tensor) -> Any:
    """The convolution or linear layer that ``node`` alone calls, or None; also if ``factor`` is not one a channel."""
    if not isinstance(node, fx.Node) or node.op != "call_module" or counts[node.target] > 1:
        return None
    layer: Any = snn.get_submodule(str(node.target))
    if type(layer) not in _WEIGHTED:
        return None
    channels = 1 if isinstance(layer, nn.Linear) else layer.weight.dim() - 1
    return layer if factor.numel() == 1 or factor.dim() == channels else None


def _fold_before(snn: fx.GraphModule, node: fx.Node, part: Any, counts: dict[Any, int]) -> int:
    source = node.all_input_nodes[0]
    factor = part.scaler0.scale
    layer = _weighted(snn, source, counts, factor)
    if layer is None or len(source.users) > 1:
        return 0
    if part.offset is not None:
        offset = part.offset.reshape(-1).expand(layer.weight.shape[0])
        layer.bias = nn.Parameter(offset.clone() if layer.bias is None else layer.bias + offset)
        part.offset = None
    layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    if layer.bias is not None:
        layer.bias.mul_(factor.reshape(-1))
    part.scaler0 = nn.Identity()
    return 1


def _fold_after(snn: fx.GraphModule, node: fx.Node, part: Any, counts: dict[Any, int]) -> int:
    factor = part.scaler1.scale
    layers = _readers(snn, node, counts, factor)
    for layer in layers:
        layer.weight.mul_(factor.reshape(1, -1, *[1] * (layer.weight.dim() - 2)))
    if layers:
        part.folded_scale = factor
        part.scaler1 = nn.Identity()
    return int(bool(layers))


def _readers(snn: fx.GraphModule, node: fx.Node, counts: dict[Any, int], factor: torch.Tensor) -> list[Any]:
    """The layers that read the output of ``node``, also through pooling; none if something else reads it too."""
    found = []
    by_channel = factor.numel() > 1
    for user in node.users:
        layer = _weighted(snn, user, counts, factor)
        if layer is not None and not (by_channel and getattr(layer, "groups", 1) > 1):
            found.append(layer)
        elif _passes(snn, user, by_channel) and user.args[0] is node:
            further = _readers(snn, user, counts, factor)
            if not further:
                return []
            found += further
        elif not _takes_only_sizes(user):
            return []
    return found


def _passes(snn: fx.GraphModule, node: fx.Node, by_channel: bool) -> bool:
    """Whether the output of ``node`` is multiplied with what its input is multiplied with."""
    if node.op == "call_module":
        module = snn.get_submodule(str(node.target))
        return isinstance(module, _PASSING_MODULES) and not (by_channel and isinstance(module, nn.Flatten))
    name = str(getattr(node.target, "__name__", node.target))
    return node.op in ("call_function", "call_method") and name in (_POOLS if by_channel else _PASSING_NAMES)


def _takes_only_sizes(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in ("size", "dim")
    return node.op == "call_function" and getattr(node.target, "__name__", "") == "getattr" and node.args[1] == "shape"
