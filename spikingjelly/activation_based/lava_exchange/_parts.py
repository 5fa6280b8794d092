"""A network as the layers of a chip: each a synapse and its neurons, or a change of shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base, neuron
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe
from spikingjelly.activation_based.lava_exchange import _fixed_point as fixed_point
from spikingjelly.activation_based.lava_exchange.blocks import BlockContainer, SumPool2d, check_no_bias_of
from spikingjelly.activation_based.lava_exchange.cuba import CubaLIFNode

SYNAPSES = (nn.Linear, nn.Conv2d, SumPool2d, nn.AvgPool2d)
DEFAULT_SCALE = 1 << 6  # of neurons that have none of their own
HIGHEST_ON_CHIP = 254


@dataclass(frozen=True)
class NeuronUnits:
    """What the chip is told of the neurons of a layer.

    :param current_decay: 0 to 4096
    :param voltage_decay: 0 to 4096
    :param threshold: mantissa, in units of a weight of 1
    """

    current_decay: int
    voltage_decay: int
    threshold: int


@dataclass(frozen=True)
class Part:
    """
    :param place: of the layer in the network, for messages
    :param synapse: None for a flatten
    :param neurons_place: of the neurons
    """

    place: str
    synapse: Any
    neurons: Any
    neurons_place: str = ""


def parts_of(net: nn.Module | Sequence[nn.Module]) -> list[Part]:
    """The layers of ``net``.

    :raises TypeError: (also an AssertionError) for a module that the chip does not have
    :raises ValueError: (also an AssertionError) for a synapse without neurons, for neurons without a synapse, for
        neurons that hold a state, and for mixed step modes
    """
    modules = list(_flat("", net))
    _check_states(modules)
    parts: list[Part] = []
    waiting: tuple[str, Any] | None = None
    for place, module in modules:
        if waiting is not None:
            if not isinstance(module, neuron.BaseNode):
                raise _without_neurons(*waiting, place, module)
            parts.append(Part(*waiting, module, place))
            waiting = None
        elif isinstance(module, BlockContainer):
            parts.append(Part(place, module.synapse, module.neu, f"{place}.neu"))
        elif isinstance(module, SYNAPSES):
            waiting = place, module
        elif isinstance(module, nn.Flatten):
            parts.append(_flatten(place, module))
        else:
            raise _refused(place, module)
    if waiting is not None:
        raise _without_neurons(*waiting)
    if not parts:
        raise ArgumentValueError("lava_exchange: the network has no layers.")
    return parts


def _flat(prefix: str, net: Any) -> Iterable[tuple[str, nn.Module]]:
    children: Iterable[tuple[str, nn.Module]]
    if isinstance(net, nn.Sequential):
        children = net.named_children()
    elif isinstance(net, list | tuple):
        children = ((str(number), module) for number, module in enumerate(net))
    elif isinstance(net, nn.Module):
        yield prefix or "the network", net
        return
    else:
        raise ArgumentTypeError(
            f"lava_exchange: {prefix or 'the network'} must be a module or a list of modules, but {describe(net)} was "
            "given."
        )
    for name, child in children:
        place = f"{prefix}.{name}" if prefix else name
        if not isinstance(child, nn.Identity | nn.Dropout | nn.Dropout2d):  # which do nothing in evaluation
            yield from _flat(place, child)


def _check_states(modules: Sequence[tuple[str, nn.Module]]) -> None:
    for place, module in modules:
        for part in module.modules():
            if isinstance(part, neuron.BaseNode) and isinstance(part.v, torch.Tensor):
                raise ArgumentValueError(
                    f"lava_exchange: {place} ({type(part).__name__}) holds the state of an earlier input, which would "
                    "be lost. Call functional.reset_net(net) first."
                )
    modes = {part.step_mode for _, module in modules for part in module.modules() if isinstance(part, base.StepModule)}
    if len(modes) > 1:
        raise ArgumentValueError(
            "lava_exchange: the network has layers in both step modes. Call functional.set_step_mode(net, 'm') first."
        )


def _flatten(place: str, module: nn.Flatten) -> Part:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise ArgumentValueError(
            f"lava_exchange: {place} must flatten all of a sample, start_dim=1 and end_dim=-1, but it has "
            f"{module.start_dim} and {module.end_dim}."
        )
    return Part(place, None, None)


def _without_neurons(place: str, synapse: Any, next_place: str = "", behind: nn.Module | None = None) -> Exception:
    found = f", but {next_place} ({type(behind).__name__})" if behind is not None else ""
    return ArgumentValueError(
        f"lava_exchange: {place} ({type(synapse).__name__}) has no neurons behind it{found}; on the chip each synapse "
        f"ends at neurons. {_advice(behind, 'Add a CubaLIFNode')}."
    )


def _advice(module: Any, otherwise: str) -> str:
    nearest = {
        nn.modules.batchnorm._BatchNorm: (
            "A batch normalisation becomes a weight and a bias, and the chip has no bias: train without it"
        ),
        nn.MaxPool2d: "Use SumPool2d with neurons behind",
        nn.AdaptiveAvgPool2d: "Use SumPool2d with the size of its window, and neurons behind",
    }
    return next((text for cls, text in nearest.items() if isinstance(module, cls)), otherwise)


def _refused(place: str, module: nn.Module) -> ArgumentTypeError | ArgumentValueError:
    if isinstance(module, neuron.BaseNode):
        return ArgumentValueError(
            f"lava_exchange: {place} ({type(module).__name__}) has no synapse in front of it. Put Linear, Conv2d or "
            "SumPool2d there."
        )
    advice = _advice(module, "Use one of these, one behind the other in nn.Sequential")
    return ArgumentTypeError(
        f"lava_exchange: {place} ({type(module).__name__}) is no layer of the chip, which has BlockContainer, or "
        f"Linear, Conv2d, SumPool2d and AvgPool2d with neurons behind, and Flatten. {advice}."
    )


def scale_of(neurons: Any) -> int:
    """Integer units of a weight of 1."""
    return neurons.scale if isinstance(neurons, CubaLIFNode) else getattr(neurons, "lava_s_cale", DEFAULT_SCALE)


def decays_and_threshold(neurons: Any, place: str = "") -> tuple[float, float, float]:
    """Current decay, voltage decay and threshold of neurons that the chip has.

    :param place: of the neurons in the network, for messages
    :raises TypeError: (also an AssertionError) for other neurons
    :raises ValueError: (also an AssertionError) for a reset or a decay of the input that the chip has not
    """
    owner = f"lava_exchange: {place}" if place else "lava_exchange"
    if isinstance(neurons, CubaLIFNode):
        decays = [getattr(neurons, name) for name in ("current_decay", "voltage_decay")]
        if any(decay.numel() > 1 for decay in decays) or neurons.norm is not None:
            raise ArgumentValueError(
                f"{owner}: the file has one current decay and one voltage decay a layer and no normalisation, but "
                "CubaLIFNode has a decay for each channel, or a norm."
            )
        one = neurons.p_scale
        return decays[0].item() / one, decays[1].item() / one, neurons.threshold_units / neurons.scale
    if not _has_the_formulas_of(neurons, neuron.IFNode) and not _has_the_formulas_of(neurons, neuron.LIFNode):
        raise ArgumentTypeError(
            f"{owner}: the chip has CubaLIFNode, and IFNode and LIFNode as cases of it, but "
            f"{type(neurons).__name__} was given."
        )
    if neurons.v_reset is None or neurons.v_reset != 0.0:
        raise ArgumentValueError(
            f"{owner}: the chip resets to 0.0, but {type(neurons).__name__} has v_reset={neurons.v_reset}."
        )
    if isinstance(neurons, neuron.IFNode):
        return 1.0, 0.0, neurons.v_threshold
    if neurons.decay_input:
        raise ArgumentValueError(
            f"{owner}: the chip does not scale its input by 1 / tau: make LIFNode with decay_input=False."
        )
    return 1.0, 1.0 / neurons.tau, neurons.v_threshold


def _has_the_formulas_of(neurons: Any, cls: type) -> bool:
    """Whether they are of ``cls``, or of a subclass that changes nothing of what they compute."""
    made_for_lava = hasattr(neurons, "lava_s_cale")  # of clock_driven, which only adds what is kept of a step
    methods: tuple[str, ...] = ("neuronal_charge",)
    if not made_for_lava:
        methods += ("neuronal_fire", "neuronal_reset", "single_step_forward", "multi_step_forward")
    return isinstance(neurons, cls) and all(getattr(type(neurons), m) is getattr(cls, m) for m in methods)


def units_of(neurons: Any, place: str = "") -> NeuronUnits:
    """The same in the chip's integers."""
    current, voltage, threshold = decays_and_threshold(neurons, place)
    one = fixed_point.DECAY_ONE
    return NeuronUnits(round(current * one), round(voltage * one), int(threshold * scale_of(neurons)))


def weight_units(part: Part) -> torch.Tensor:
    """The weight of a synapse as the chip's integers: even, from -256 to 254. Of a pool, one number.

    :raises ValueError: (also an AssertionError) for a bias, and for a pool whose weight does not fit
    """
    synapse, scale = part.synapse, scale_of(part.neurons)
    if isinstance(synapse, SumPool2d | nn.AvgPool2d):
        area = 1 if isinstance(synapse, SumPool2d) else _area(synapse)
        if scale / area > HIGHEST_ON_CHIP or scale % (2 * area):
            raise ArgumentValueError(
                f"lava_exchange: {part.place} ({type(synapse).__name__}) has the weight {scale / area} at the scale of "
                f"its neurons, but the chip's are even integers up to {HIGHEST_ON_CHIP}. Use a CubaLIFNode of another "
                "scale behind it."
            )
        return torch.tensor([scale // area])
    check_no_bias_of(f"{part.place} ({type(synapse).__name__})", synapse)
    units = (synapse.weight.detach().double() * scale / 2).round() * 2
    return units.clamp(-256, HIGHEST_ON_CHIP).long()


def _area(pool: nn.AvgPool2d) -> int:
    size = pool.kernel_size
    return size * size if isinstance(size, int) else size[0] * size[1]
