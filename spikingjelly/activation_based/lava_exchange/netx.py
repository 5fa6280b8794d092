"""The file that netx, the network reader of Intel's Lava deep learning library, reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly._extras import imported
from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based._write_aside import written_aside
from spikingjelly.activation_based.lava_exchange._parts import Part, parts_of, units_of, weight_units
from spikingjelly.activation_based.lava_exchange.blocks import SumPool2d


def export_hdf5(net: nn.Module | Sequence[nn.Module], filename: str | Path, input_shape: Sequence[int]) -> None:
    """Write a network as the HDF5 description that ``lava.lib.dl.netx.hdf5.Network`` reads.

    Each layer is a group ``layer/0``, ``layer/1``, ... with ``type`` (``dense``, ``conv``, ``pool`` or ``flatten``),
    ``shape`` of its output in the order ``C, H, W`` (netx turns it into its own ``x, y, z``), the geometry (``dense``:
    ``inFeatures``, ``outFeatures``; ``conv`` and ``pool``: ``kernelSize``, ``stride``, ``padding``, ``dilation``;
    ``conv``: ``inChannels``, ``outChannels``, ``groups``), ``weight`` as int32 in units of ``1 / scale`` and the group
    ``neuron`` with ``type``, ``iDecay``, ``vDecay``, ``vThMant`` and ``refDelay``. The input of the network are spikes:
    neurons that turn images into spikes stay outside, so netx must be told ``input_shape``.

    Intel archived Lava in May 2026. Its description of the file is what this follows; the file was not read with netx.

    :param net: a sequence of :class:`BlockContainer` and :class:`torch.nn.Flatten`; also synapses followed by
        ``CubaLIFNode``, or by ``IFNode`` or ``LIFNode`` (``v_reset=0.0``, ``decay_input=False``; they are rounded at a
        scale of 64). Dropout is left out. Weights are rounded to eight bits: -256 to 254, even
    :param filename: is written whole or not at all
    :param input_shape: ``(C, H, W)`` or ``(C,)`` of one sample

    :raises ImportError: if h5py is not installed
    :raises TypeError: (also an AssertionError) for a module that the chip does not have; the message names it
    :raises ValueError: (also an AssertionError) for a bias, a reset or a geometry that the chip does not have, for an
        input shape that does not fit, for neurons that hold a state, and for mixed step modes
    :raises OSError: if ``filename`` can't be written
    """
    h5py = imported("h5py", "export_hdf5", "lava")
    layers = described(net, input_shape)
    with written_aside("export_hdf5", filename) as aside, h5py.File(aside, "w") as file:
        for number, layer in enumerate(layers):
            _write(file.create_group(f"layer/{number}"), layer)


def described(net: nn.Module | Sequence[nn.Module], input_shape: Sequence[int]) -> list[dict[str, Any]]:
    """The layers as they stand in the file."""
    shape = tuple(int(size) for size in input_shape)
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ArgumentValueError(f"export_hdf5: input_shape must be (C, H, W) or (C,), but {input_shape} was given.")
    layers = []
    for part in parts_of(net):
        layer = _layer(part, shape)
        shape = layer["shape"]
        layers.append({**layer, "shape": (*shape, 1, 1) if len(shape) == 1 else shape})
    return layers


def _layer(part: Part, shape: tuple[int, ...]) -> dict[str, Any]:
    if part.synapse is None:
        return {"type": "flatten", "shape": (int(np.prod(shape)),)}
    layer = _synapse(part, shape)
    neurons = units_of(part.neurons, part.neurons_place)
    layer["neuron"] = {
        "type": "CUBA",
        "iDecay": neurons.current_decay,
        "vDecay": neurons.voltage_decay,
        "vThMant": neurons.threshold,
        "refDelay": 1,  # the time step of the spike itself
    }
    return layer


def _synapse(part: Part, shape: tuple[int, ...]) -> dict[str, Any]:
    synapse, weight = part.synapse, weight_units(part).numpy().astype(np.int32)
    _check_input(part, shape)
    if isinstance(synapse, nn.Linear):
        sizes = {"inFeatures": synapse.in_features, "outFeatures": synapse.out_features}
        return {"type": "dense", "shape": (synapse.out_features,), "weight": weight, **sizes}
    geometry = {
        "kernelSize": _pair(synapse.kernel_size),
        "stride": _pair(synapse.stride),
        "padding": _pair(synapse.padding),
        "dilation": _pair(getattr(synapse, "dilation", 1)),
    }
    with torch.no_grad():
        out = tuple(synapse(torch.zeros(1, *shape, dtype=_dtype(synapse))).shape[1:])
    if isinstance(synapse, nn.Conv2d):
        channels = {"inChannels": synapse.in_channels, "outChannels": synapse.out_channels, "groups": synapse.groups}
        return {"type": "conv", "shape": out, "weight": weight, **channels, **geometry}
    return {"type": "pool", "shape": out, "weight": weight, **geometry}


def _check_input(part: Part, shape: tuple[int, ...]) -> None:
    synapse = part.synapse
    if isinstance(synapse, nn.Linear):
        fits = shape == (synapse.in_features,)
        expected = f"[{synapse.in_features}]; a Flatten goes in front of a Linear"
    elif isinstance(synapse, nn.Conv2d):
        fits = len(shape) == 3 and shape[0] == synapse.in_channels
        expected = f"[{synapse.in_channels}, H, W]"
        if isinstance(synapse.padding, str):
            raise ArgumentValueError(f"export_hdf5: {part.place} has padding={synapse.padding!r}; write it as numbers.")
    else:
        fits, expected = len(shape) == 3, "[C, H, W]"
        if not isinstance(synapse, SumPool2d) and (synapse.ceil_mode or synapse.divisor_override is not None):
            raise ArgumentValueError(f"export_hdf5: {part.place} has ceil_mode or divisor_override, netx has neither.")
    if not fits:
        raise ArgumentValueError(
            f"export_hdf5: {part.place} ({type(synapse).__name__}) takes {expected}, but gets {list(shape)}. Is "
            "input_shape the shape of one sample?"
        )


def _dtype(synapse: nn.Module) -> torch.dtype:
    return next((parameter.dtype for parameter in synapse.parameters()), torch.float32)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _write(group: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _write(group.create_group(name), value)
        elif isinstance(value, str):
            group.create_dataset(name, (1,), "S10", [value.encode("ascii")])
        else:
            group.create_dataset(name, data=value if isinstance(value, np.ndarray) else np.asarray(value, np.int64))
