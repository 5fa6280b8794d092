"""From floats to integers: a scale for each channel, the input's scale from samples."""

from collections.abc import Iterable
from typing import Any

import torch
from tqdm import tqdm

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe
from spikingjelly.activation_based.integer._arithmetic import LEAK_ONE, WEIGHT_BITS
from spikingjelly.activation_based.integer._bounds import Range
from spikingjelly.activation_based.integer._reading import Neurons, Synapse

LARGEST_UNITS = 1 << 22  # of thresholds, biases and reset potentials
MANTISSA = (1 << WEIGHT_BITS) - 1


def input_scale(loader: Iterable[Any], bits: int) -> tuple[float, Range]:
    """Size of an integer step of the input, and the integers that there are.

    :raises TypeError: (also an AssertionError) if ``loader`` gives no tensors
    :raises ValueError: (also an AssertionError) if it gives none, zeros only, or numbers that are not finite
    """
    low, high, whole = 0.0, 0.0, True
    for batch in tqdm(loader, desc="range of the input", unit="batch", leave=False):
        x = batch[0] if isinstance(batch, list | tuple) else batch
        if not isinstance(x, torch.Tensor):
            raise ArgumentTypeError(
                f"quantize_network: the loader must give tensors or (x, y) pairs, but {describe(x)} was given."
            )
        if not bool(torch.isfinite(x).all()):
            raise ArgumentValueError("quantize_network: the loader gives inputs that are not finite.")
        low, high = min(low, x.min().item()), max(high, x.max().item())
        whole = whole and bool((x == x.round()).all())
    if low == high:
        raise ArgumentValueError("quantize_network: the loader gives no samples, or zeros only.")
    levels, signed = (1 << bits) - 1, (1 << (bits - 1)) - 1
    if whole and low >= -signed and high <= (levels if low == 0.0 else signed):
        return 1.0, Range(int(low), int(high))
    if low == 0.0:
        return high / levels, Range(0, levels)
    return max(-low, high) / signed, Range(-signed, signed)


def integers_of(part: Synapse, scale: float, bits: int) -> tuple[dict[str, Any], torch.Tensor]:
    """The integers of a synapse and its neurons for inputs of ``scale``; also the units of a potential of 1 ``[C]``."""
    neurons = part.neurons
    factor = scale * (1.0 if neurons is None else neurons.input_factor)
    _check_thresholds(part)
    largest = part.weight.flatten(1).abs().amax(1) * factor
    if not bool(torch.isfinite(largest).all()):
        raise ArgumentValueError(f"quantize_network: {part.place} has weights that are not finite.")
    room = ((1 << (bits - 1)) - 1) / largest.clamp(min=torch.finfo(torch.float64).tiny)
    offset = None if part.bias is None else part.bias * (1.0 if neurons is None else neurons.input_factor)
    room = torch.minimum(room, LARGEST_UNITS / _largest(part, offset))
    record: dict[str, Any] = {"kind": "synapse", "geometry": part.geometry}
    if neurons is None:
        units = room
    else:
        record["mantissa"], record["shift"] = mantissa, shift = _threshold(part, neurons, room)
        units = (mantissa.double() * 2.0 ** shift.double()) / neurons.threshold
        record["kept"] = round(neurons.kept * LEAK_ONE)
        record["v_reset"] = None if neurons.v_reset is None else (units * neurons.v_reset).round().to(torch.int32)
    shape = (-1, *[1] * (part.weight.dim() - 1))
    record["weight"] = (part.weight * (units * factor).view(shape)).round().to(torch.int8)
    record["bias"] = None if offset is None else (offset * units).round().to(torch.int32)
    return record, units


def _check_thresholds(part: Synapse) -> None:
    found = 1 if part.neurons is None else part.neurons.threshold.numel()
    if part.neurons is not None and found not in (1, part.weight.shape[0]):
        raise ArgumentValueError(
            f"quantize_network: {part.neurons.place} has {found} thresholds for {part.weight.shape[0]} channels."
        )


def _largest(part: Synapse, offset: torch.Tensor | None) -> torch.Tensor:
    """The largest float of each channel that becomes an int32."""
    found = torch.full((part.weight.shape[0],), 1e-30, dtype=torch.float64)
    if offset is not None:
        found = torch.maximum(found, offset.abs())
    if part.neurons is not None:
        found = torch.maximum(found, part.neurons.threshold.expand_as(found))
        found = found.clamp(min=abs(part.neurons.v_reset or 0.0))
    return found


def _threshold(part: Synapse, neurons: Neurons, room: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest threshold of 8 significant bits that leaves all weights of the channel their range.

    The scale of a channel follows from it, so the threshold itself is not rounded.
    """
    most = (neurons.threshold * room).floor()
    if bool((most < 1).any()):
        channel = int(most.argmin())
        raise ArgumentValueError(
            f"quantize_network: channel {channel} of {part.place} has a weight so much larger than its threshold that "
            "the threshold would be less than one integer step. Scale its weights down or the threshold up."
        )
    shift = (torch.floor(torch.log2(most)) - (WEIGHT_BITS - 1)).clamp(min=0)
    mantissa = (most / 2.0**shift).floor().clamp(max=MANTISSA)
    return mantissa.to(torch.uint8), shift.to(torch.int8)
