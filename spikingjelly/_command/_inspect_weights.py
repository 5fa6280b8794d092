"""Folders of networks, and their weights."""

import math
from pathlib import Path

import torch
from torch import nn

from spikingjelly._command._contents import Contents, Layer
from spikingjelly.activation_based import base, hub
from spikingjelly.activation_based.hub._weights import read_header


def contents_of(path: Path) -> Contents:
    """The tensors by layer, and the description of the network if there is one."""
    shapes, _ = read_header(path)
    layers: dict[str, list[tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layers.setdefault(name.rpartition(".")[0], []).append(shape)
    kinds: dict[str, str] = {}
    states: list[tuple[str, str]] = []
    try:
        config = hub.read_config(path)
        facts = [("network", config.builder), ("step mode", config.step_mode or "the builder's")]
        if config.input_shape is not None:
            facts.append(("input", str(list(config.input_shape))))
        if config.builder in hub.builders():
            net = hub.on_meta(config, len(shapes))
            kinds = {name: type(module).__name__ for name, module in net.named_modules()}
            states = [(name, _of_memory(value)) for name, value in base.named_memories(net)]
    except hub.HubError as error:
        facts = [("network", f"unknown: {error}")]
    order = list(kinds)
    rows = [
        Layer(name, kinds.get(name, "?"), " ".join(str(list(s)) for s in given), sum(map(math.prod, given)))
        for name, given in sorted(layers.items(), key=lambda item: order.index(item[0]) if item[0] in kinds else -1)
    ]
    return Contents("weights (safetensors)", rows, sum(map(math.prod, shapes.values())), states, facts)


def _of_memory(value: object) -> str:
    if isinstance(value, torch.Tensor | nn.Parameter):
        return str(list(value.shape))
    return f"that of the input (after reset {value})"
