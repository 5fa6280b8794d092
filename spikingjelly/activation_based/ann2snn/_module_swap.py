"""The conversion of networks that torch.fx can't follow: modules are exchanged where they are."""

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from spikingjelly.activation_based import base
from spikingjelly.activation_based.ann2snn import _assembly, _measurement
from spikingjelly.activation_based.ann2snn._fusion import fuse_sequentials
from spikingjelly.activation_based.ann2snn._preparation import ACTIVATIONS, FUNCTIONS, MAX_POOLS, trace
from spikingjelly.activation_based.ann2snn._remarks import announce_left_modules, announce_pooled_spikes
from spikingjelly.activation_based.ann2snn._scale_mode import Mode
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation
from spikingjelly.activation_based.ann2snn._time import Clock, StepsIn, StepsOut
from spikingjelly.activation_based.ann2snn.modules import VoltageHook

_logger = logging.getLogger("spikingjelly.activation_based.ann2snn")


def trace_or_explain(net: nn.Module, level: int = logging.WARNING) -> fx.GraphModule | None:
    """``net`` as a graph, or None, of which the log gives the reason."""
    try:
        return trace(net)
    except Exception as error:
        _logger.log(
            level,
            "torch.fx can't follow the forward of %s (%s: %s). Modules are exchanged in place instead: activations "
            "must be modules, each called once.",
            *(type(net).__name__, type(error).__name__, str(error).splitlines()[0] if str(error) else ""),
        )
        return None


def convert(
    net: nn.Module, dataloader: Iterable[Any], device: torch.device, mode: Mode, momentum: float, fuse: bool
) -> nn.Module:
    """Measure the activation modules of ``net`` and replace them. Changes ``net``.

    :raises ValueError: with a list of what can't be converted
    """
    if fuse:
        fuse_sequentials(net)
    hooks = measure(net, dataloader, device, mode, momentum)
    return swap(
        net,
        lambda path: _assembly.usable_scale(path, _assembly.own_scale(net.get_submodule(path), hooks[path].scale)),
        _assembly.if_node,
    )


def measure(
    net: nn.Module, dataloader: Iterable[Any], device: torch.device, mode: Mode, momentum: float
) -> dict[str, VoltageHook]:
    """A hook for each activation module of ``net``, after a run on all images."""
    hooks = {path: VoltageHook(momentum=momentum, mode=mode).to(device) for path, _ in modules_of(net, ACTIVATIONS)}
    if not hooks:
        raise ValueError(
            f"ann2snn: {type(net).__name__} has no activation module to convert: nn.ReLU, nn.ReLU6 or QCFS."
        )
    with _watch(net, hooks) as called:
        _measurement.run_through("ann2snn", net, dataloader, device, "measuring activations")
    called.raise_if_unconvertible()
    return hooks


def check(net: nn.Module, dataloader: Iterable[Any], device: torch.device) -> None:
    """Run the first batch, and look at what is called.

    :raises ValueError: with a list of what can't be converted
    """
    with _watch(net, {}) as called:
        _measurement.run_through("ann2snn", net, itertools.islice(dataloader, 1), device, "looking at the calls")
    called.raise_if_unconvertible()


def swap(
    net: nn.Module,
    scale_at: Callable[[str], _assembly.Scale],
    make_node: Callable[[], base.MemoryModule],
    pool_rates: bool = False,
) -> nn.Module:
    """Replace activations of ``net``, and max pooling if ``pool_rates``, and let its forward take sequences in 'm'."""
    clock = Clock()
    announce_left_modules(net)
    for path, _ in modules_of(net, ACTIVATIONS):
        _assembly.set_module(net, path, SpikingActivation(scale_at(path), make_node(), clock))
    pools = [path for path, _ in modules_of(net, MAX_POOLS)]
    if pool_rates:
        _assembly.pool_rates_at(net, pools, clock)
    else:
        announce_pooled_spikes(pools)
    net.add_module("steps_in", StepsIn(clock, only_input=False))
    net.add_module("steps_out", StepsOut(clock))
    net.register_forward_pre_hook(_enter, with_kwargs=True)
    net.register_forward_hook(_leave)
    return net.eval()


def modules_of(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[str, nn.Module]]:
    """Path and module of each of ``kinds``."""
    return [(path, module) for path, module in net.named_modules() if isinstance(module, kinds)]


def _enter(net: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return tuple(net.steps_in(x) for x in inputs), {name: net.steps_in(x) for name, x in named.items()}


def _leave(net: Any, inputs: tuple[Any, ...], output: Any) -> Any:
    return net.steps_out(output)


class _Called(TorchFunctionMode):
    """Counts the calls of activation modules in one forward, and sees functions that are called outside of them."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.counts: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if not self.inside and (func in FUNCTIONS or name in FUNCTIONS):
            self.functions[name] += 1
        self.inside += 1  # functions call functions
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.inside -= 1

    def new_forward(self, *_: Any) -> None:
        self.counts.clear()

    def raise_if_unconvertible(self) -> None:
        problems = [f"the module {path!r} is called {n} times in one forward" for path, n in self.most.items() if n > 1]
        problems += [f"the function {name} is called" for name in sorted(self.functions)]
        if problems:
            raise ValueError(
                "ann2snn: this network can't be followed by torch.fx, and without that can't be converted: "
                + "; ".join(problems)
                + ". Give each call a module of its own (nn.ReLU(), nn.MaxPool2d()), or make the forward traceable by "
                "torch.fx: without conditions on the values or sizes of tensors."
            )


@contextmanager
def _watch(net: nn.Module, hooks: dict[str, VoltageHook]) -> Iterator[_Called]:
    """Let ``hooks`` see the outputs of their activations, and count calls, as long as the context lasts."""
    called = _Called()
    handles = [net.register_forward_pre_hook(called.new_forward)]
    for path, module in modules_of(net, ACTIVATIONS + MAX_POOLS):

        def enter(*_: Any) -> None:
            called.inside += 1

        def leave(module: nn.Module, inputs: Any, output: torch.Tensor, path: str = path) -> None:
            called.inside -= 1
            called.counts[path] += 1
            called.most[path] = max(called.most[path], called.counts[path])
            if path in hooks:
                hooks[path](output)

        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with called:
            yield called
    finally:
        for handle in handles:
            handle.remove()
