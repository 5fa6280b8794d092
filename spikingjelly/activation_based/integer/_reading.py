"""A trained network as a list of synapses, poolings and neurons in floats."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, layer.Dropout, layer.Dropout2d)


@dataclass(frozen=True)
class Neurons:
    """
    :param place: in the network, for messages
    :param threshold: float64 ``[1]`` or ``[C]``
    :param kept: share of the potential that is left after a time step
    :param input_factor: what an input is multiplied by on its way to the potential
    :param v_reset: None for the soft reset
    """

    place: str
    threshold: torch.Tensor
    kept: float
    input_factor: float
    v_reset: float | None


@dataclass
class Synapse:
    """
    :param weight: float64, batch normalisation folded in
    :param neurons: None for the last layer of a network that ends in a synapse
    """

    place: str
    weight: torch.Tensor
    bias: torch.Tensor | None
    geometry: dict[str, Any]
    neurons: Neurons | None = None


@dataclass
class Pool:
    """
    :param kind: 'sum_pool' or 'max_pool'
    """

    place: str
    kind: str
    geometry: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Flatten:
    place: str


@dataclass
class Voting:
    place: str
    voting_size: int


Layer = Synapse | Pool | Flatten | Voting


def read(net: nn.Module) -> list[Layer]:
    """The layers of ``net``.

    :raises TypeError: (also an AssertionError) for a module that has no integer form
    :raises ValueError: (also an AssertionError) for an order of layers or a parameter that has none, for neurons that
        hold a state, and for a tensor that is not on the CPU
    """
    layers: list[Layer] = []
    for place, module in _flat("", net):
        _check_module(place, module)
        before = layers[-1] if layers else None
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            layers.append(_synapse(place, module))
        elif isinstance(module, NORMS):
            _fold(place, module, before)
        elif isinstance(module, neuron.BaseNode):
            _attach(place, module, before)
        elif isinstance(module, nn.AvgPool2d | nn.MaxPool2d):
            layers.append(_pool(place, module))
        elif isinstance(module, nn.Flatten):
            layers.append(_flatten(place, module))
        elif isinstance(module, layer.VotingLayer):
            layers.append(Voting(place, module.voting_size))
        else:
            raise ArgumentTypeError(
                f"quantize_network: {place} ({type(module).__name__}) has no integer form. There are Linear, Conv1d to "
                "Conv3d, BatchNorm behind them, IFNode, LIFNode, ParametricLIFNode, AvgPool2d, MaxPool2d, Flatten, "
                "Dropout and, at the end, VotingLayer, inside nn.Sequential."
            )
    _check_order(layers)
    return layers


def _flat(prefix: str, net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(net, nn.Sequential):
        yield prefix or "the network", net
        return
    for name, child in net.named_children():
        if not isinstance(child, NOTHING):
            yield from _flat(f"{prefix}.{name}" if prefix else name, child)


def _check_module(place: str, module: nn.Module) -> None:
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.device.type != "cpu":
            raise ArgumentValueError(
                f"quantize_network: {place} ({type(module).__name__}) is on {tensor.device}; integers are computed on "
                "the CPU. Call net.cpu() first."
            )
    if isinstance(module, neuron.BaseNode) and isinstance(module.v, torch.Tensor) and module.v is not module.v_reset:
        raise ArgumentValueError(
            f"quantize_network: {place} ({type(module).__name__}) holds the state of an earlier input, which would be "
            "lost. Call functional.reset_net(net) first."
        )


def _check_order(layers: list[Layer]) -> None:
    if not any(isinstance(part, Synapse) for part in layers):
        raise ArgumentValueError("quantize_network: the network has no layer with weights.")
    for part in layers[:-1]:
        if isinstance(part, Voting):
            raise ArgumentValueError(f"quantize_network: {part.place} (VotingLayer) must be the last layer.")
    for position, part in enumerate(layers):
        if isinstance(part, Synapse) and part.neurons is None and position < len(layers) - 1:
            raise ArgumentValueError(
                f"quantize_network: {part.place} has no neurons behind it. Only the last layer may give its sums; "
                "elsewhere they would need more bits than the next layer's products can have."
            )


def _synapse(place: str, module: Any) -> Synapse:
    geometry = {}
    if not isinstance(module, nn.Linear):
        if module.padding_mode != "zeros":
            raise ArgumentValueError(
                f"quantize_network: {place} has padding_mode={module.padding_mode!r}; there is 'zeros' only."
            )
        geometry = {name: getattr(module, name) for name in ("stride", "padding", "dilation", "groups")}
    bias = None if module.bias is None else module.bias.detach().double()
    return Synapse(place, module.weight.detach().double(), bias, geometry)


def _fold(place: str, norm: Any, before: Layer | None) -> None:
    if not isinstance(before, Synapse) or before.neurons is not None:
        raise ArgumentValueError(
            f"quantize_network: {place} ({type(norm).__name__}) stands behind no Linear or convolution that it could "
            "be folded into."
        )
    if norm.running_mean is None:
        raise ArgumentValueError(
            f"quantize_network: {place} ({type(norm).__name__}) has no running statistics (track_running_stats=False)."
        )
    fuse = fuse_linear_bn_weights if before.weight.dim() == 2 else fuse_conv_bn_weights
    statistics = [None if t is None else t.detach().double() for t in (norm.weight, norm.bias)]
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    ones = torch.ones_like(mean)
    weight, bias = fuse(
        before.weight,
        before.bias,
        mean,
        variance,
        norm.eps,
        ones if statistics[0] is None else statistics[0],
        0 * ones if statistics[1] is None else statistics[1],
    )
    before.weight, before.bias = weight.detach(), bias.detach()


def _attach(place: str, node: Any, before: Layer | None) -> None:
    if not isinstance(before, Synapse) or before.neurons is not None:
        raise ArgumentValueError(
            f"quantize_network: {place} ({type(node).__name__}) stands behind no Linear or convolution, whose scale "
            "its potential would have. Put pooling behind the neurons."
        )
    before.neurons = _neurons(place, node)


def _neurons(place: str, node: Any) -> Neurons:
    kept, factor = 1.0, 1.0
    if type(node) is neuron.LIFNode:
        rate = 1.0 / node.tau
    elif type(node) is neuron.ParametricLIFNode:
        rate = node.w.detach().double().sigmoid().item()
    elif type(node) is neuron.IFNode:
        rate = 0.0
    else:
        raise ArgumentTypeError(
            f"quantize_network: {place} ({type(node).__name__}) has no integer form; there are IFNode, LIFNode and "
            "ParametricLIFNode (and not their subclasses, whose formulas are their own)."
        )
    if rate:
        kept, factor = 1.0 - rate, rate if node.decay_input else 1.0
    threshold = torch.as_tensor(node.v_threshold).detach().double().reshape(-1)
    if not bool((threshold > 0).all()):
        raise ArgumentValueError(f"quantize_network: {place} must have thresholds above 0, but has {node.v_threshold}.")
    if isinstance(node.v_reset, torch.Tensor):
        raise ArgumentTypeError(
            f"quantize_network: {place} must have one v_reset, but {describe(node.v_reset)} was given."
        )
    return Neurons(place, threshold, kept, factor, node.v_reset)


def _pool(place: str, module: Any) -> Pool:
    unusual = module.ceil_mode or _pair(getattr(module, "dilation", 1)) != (1, 1)
    if isinstance(module, nn.AvgPool2d):
        padded = _pair(module.padding) != (0, 0)
        unusual = unusual or module.divisor_override is not None or (padded and not module.count_include_pad)
    else:
        unusual = unusual or module.return_indices
    if unusual:
        raise ArgumentValueError(
            f"quantize_network: {place} ({type(module).__name__}) has ceil_mode, dilation, return_indices, "
            "divisor_override or count_include_pad=False, which have no integer form."
        )
    geometry = {name: _pair(getattr(module, name)) for name in ("kernel_size", "stride", "padding")}
    return Pool(place, "max_pool" if isinstance(module, nn.MaxPool2d) else "sum_pool", geometry)


def _flatten(place: str, module: nn.Flatten) -> Flatten:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise ArgumentValueError(
            f"quantize_network: {place} must flatten all of a sample, start_dim=1 and end_dim=-1, but it has "
            f"{module.start_dim} and {module.end_dim}."
        )
    return Flatten(place)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
