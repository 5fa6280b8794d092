"""Run the ANN on the images of a dataloader to see how large its activations are."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn

from spikingjelly.activation_based.ann2snn._batches import image_batches
from spikingjelly.activation_based.ann2snn._preparation import ACTIVATIONS, calls, free_name
from spikingjelly.activation_based.ann2snn._scale_mode import Mode
from spikingjelly.activation_based.ann2snn.modules import VoltageHook


def insert_hooks(net: fx.GraphModule, mode: Mode, momentum: float) -> fx.GraphModule:
    """A :class:`VoltageHook` after the i-th activation, as ``{its path}.voltage_hook_i``. Changes ``net``."""
    for index, node in enumerate(calls(net, ACTIVATIONS)):
        name = free_name(net, str(node.target), f"voltage_hook_{index}")
        net.add_submodule(name, VoltageHook(momentum=momentum, mode=mode))
        with net.graph.inserting_after(node):
            hook = net.graph.call_module(name, (node,))
        node.replace_all_uses_with(hook, delete_user_cb=lambda user, hook=hook: user is not hook)  # type: ignore[misc]
    net.graph.lint()
    net.recompile()
    return net


def hooks_of(net: nn.Module) -> dict[str, VoltageHook]:
    """The hooks by the path of their activation."""
    return {path.rpartition(".")[0]: module for path, module in net.named_modules() if isinstance(module, VoltageHook)}


def remove_hooks(net: fx.GraphModule) -> None:
    """Take the hooks out of the graph again. Changes ``net``."""
    for node in calls(net, (VoltageHook,)):
        node.replace_all_uses_with(node.all_input_nodes[0])
        net.graph.erase_node(node)


def device_of(net: nn.Module) -> torch.device:
    """The device of the first parameter or buffer; the CPU where there is none."""
    tensors = (*net.parameters(), *net.buffers())
    return tensors[0].device if tensors else torch.device("cpu")


@torch.no_grad()
def run_through(owner: str, net: nn.Module, dataloader: Iterable[Any], device: torch.device, title: str) -> None:
    """Run ``net`` on all images of ``dataloader``."""
    for images in image_batches(owner, dataloader, device, title):
        try:
            net(images)
        except Exception as error:
            if hasattr(error, "add_note"):  # from Python 3.11 on
                error.add_note(
                    f"{owner}: the ANN raised this for a batch of the dataloader, {list(images.shape)} {images.dtype} "
                    f"on {images.device}. It must be able to run on these images before it is converted."
                )
            raise


@contextmanager
def watching(net: nn.Module, observers: Mapping[str, Callable[[torch.Tensor], object]]) -> Iterator[None]:
    """Call each observer with the output of the module of its path, as long as the context lasts."""
    handles = []
    for path, observer in observers.items():

        def see(module: nn.Module, inputs: Any, output: torch.Tensor, observer: Any = observer) -> None:
            observer(output)

        handles.append(net.get_submodule(path).register_forward_hook(see))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def outputs_of(net: nn.Module, paths: Iterable[str], x: torch.Tensor) -> tuple[dict[str, torch.Tensor], Any]:
    """The outputs of the modules at ``paths``, in the order of the forward pass on ``x``, and the output of ``net``."""
    kept: dict[str, torch.Tensor] = {}
    with watching(net, {path: functools.partial(kept.__setitem__, path) for path in paths}):
        output = net(x)
    return kept, output
