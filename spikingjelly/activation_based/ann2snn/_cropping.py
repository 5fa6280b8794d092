"""Let a network pass over the pixels that it doesn't read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from spikingjelly.activation_based.ann2snn._extent import Windows
from spikingjelly.activation_based.ann2snn._neurons import StartedIFNode
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation, SpikingMaxPool
from spikingjelly.activation_based.ann2snn._time import StepsIn

_DIMENSIONS: dict[type[nn.Module], int] = {
    nn.Conv1d: 1, nn.AvgPool1d: 1, nn.MaxPool1d: 1,
    nn.Conv2d: 2, nn.AvgPool2d: 2, nn.MaxPool2d: 2,
    nn.Conv3d: 3, nn.AvgPool3d: 3, nn.MaxPool3d: 3,
}  # fmt: skip


def crop_input(net: fx.GraphModule) -> None:
    """Let the door of a network with one input pass only what its first layers read. Changes ``net``.

    These are the layers from the door on, as long as each alone reads the one before. The neurons that nobody reads
    are not computed any more.
    """
    doors = [node for node in net.graph.nodes if _module_of(net, node, StepsIn) is not None]
    if len(doors) == 1:
        door: Any = net.get_submodule(str(doors[0].target))
        door.layers = _layers_after(net, doors[0])


@contextmanager
def whole_input(net: nn.Module) -> Iterator[None]:
    """Let the doors pass all pixels, as long as the context lasts: every neuron is there."""
    doors = [(module, module.layers) for module in net.modules() if isinstance(module, StepsIn)]
    for door, _ in doors:
        door.layers = ()
    try:
        yield
    finally:
        for door, layers in doors:
            door.layers = layers


def _layers_after(net: fx.GraphModule, node: fx.Node) -> tuple[Windows, ...]:
    found: list[Windows] = []
    while len(node.users) == 1:
        node = next(iter(node.users))
        module = _module_of(net, node, nn.Module)
        windows = None if module is None else _windows(module)
        if windows is None or any(len(w.sizes) != len(found[0].sizes) for w in windows if found):
            break
        found += windows
    return tuple(found)


def _module_of(net: fx.GraphModule, node: fx.Node, kind: type[nn.Module]) -> Any:
    module = net.get_submodule(str(node.target)) if node.op == "call_module" else None
    return module if isinstance(module, kind) else None


def _windows(module: Any) -> list[Windows] | None:
    """What ``module`` reads; nothing more than it writes is an empty list, and None is what isn't known."""
    if isinstance(module, SpikingActivation):
        pooled = [] if module.pool is None else _windows(module.pool)
        return pooled if _is_alike_everywhere(module) else None
    if isinstance(module, SpikingMaxPool):
        return _windows(module.running.pool)
    if type(module) is nn.Identity:
        return []
    dimensions = _DIMENSIONS.get(type(module))
    if dimensions is None or getattr(module, "ceil_mode", False) or getattr(module, "return_indices", False):
        return None
    padding, dilation = _each(module.padding, dimensions), _each(getattr(module, "dilation", 1), dimensions)
    if any(padding):
        return None
    kernel, strides = _each(module.kernel_size, dimensions), _each(module.stride, dimensions)
    return [Windows(tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)), strides)]


def _is_alike_everywhere(part: SpikingActivation) -> bool:
    """Whether the neurons of a channel differ in their input alone."""
    constants = [part.offset, *(getattr(scaler, "scale", None) for scaler in (part.scaler0, part.scaler1))]
    flat = all(c is None or c.numel() == (c.shape[0] if c.dim() else 1) for c in constants)
    return flat and not isinstance(part.if_node, StartedIFNode)


def _each(value: Any, dimensions: int) -> tuple[Any, ...]:
    """``value`` for each dimension; also 'valid' and 'same'."""
    if isinstance(value, str):
        value = int(value != "valid")
    return tuple(value) if isinstance(value, tuple | list) else (value,) * dimensions
