"""From a graph of an ANN to the graph of a spiking network that knows step modes."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import fx, nn

from spikingjelly.activation_based import base, neuron
from spikingjelly.activation_based.ann2snn._preparation import ACTIVATIONS, MAX_POOLS, calls, free_name
from spikingjelly.activation_based.ann2snn._remarks import announce_left_over, announce_pooled_spikes
from spikingjelly.activation_based.ann2snn._spiking import SpikingActivation, SpikingMaxPool
from spikingjelly.activation_based.ann2snn._time import AcrossTime, Clock, RepeatOverTime, StepsIn, StepsOut
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

logger = logging.getLogger("spikingjelly.activation_based.ann2snn")
Scale = float | torch.Tensor


def if_node() -> neuron.IFNode:
    """The neuron of the published conversion."""
    return neuron.IFNode(v_threshold=1.0, v_reset=None)


def usable_scale(path: str, scale: torch.Tensor) -> torch.Tensor:
    """``scale``, with 1 in the place of zeros: a layer that is never active may have any threshold. The log says so."""
    dead = scale <= 0
    if dead.any():
        logger.log(
            logging.WARNING if dead.all() else logging.INFO,
            "%r: %d of %d scales are 0, because nothing is active on the images of the dataloader; 1 is taken.",
            *(path, int(dead.sum()), scale.numel()),
        )
    return torch.where(dead, torch.ones_like(scale), scale)


def own_scale(activation: nn.Module, measured: torch.Tensor) -> torch.Tensor:
    """The threshold that a QCFS activation was trained with, or else what was measured."""
    return activation.threshold.detach().abs() if isinstance(activation, QCFS) else measured


def assemble(
    net: fx.GraphModule,
    scale_at: Callable[[str], Scale],
    make_node: Callable[[], base.MemoryModule] = if_node,
    pool_rates: bool = False,
) -> fx.GraphModule:
    """Put neurons in the place of activations, and doors for time.

    Changes ``net``, in which each call has a module of its own; the result is in step mode 's'.

    :param scale_at: gives the scale for the path of an activation
    :param make_node: makes the neuron with threshold 1 for each of them
    :param pool_rates: whether max pooling behind neurons becomes pooling of rates; else it pools each step by itself
    """
    clock = Clock()
    for node in calls(net, ACTIVATIONS):
        path = str(node.target)
        set_module(net, path, SpikingActivation(scale_at(path), make_node(), clock))
    stateful = set(calls(net, (SpikingActivation,)))
    changing = _readers_of(net, stateful)
    pools = [str(node.target) for node in calls(net, MAX_POOLS) if node in changing]
    if pool_rates:
        pool_rates_at(net, pools, clock)
    else:
        announce_pooled_spikes(pools)
    announce_left_over(net, changing)
    for node in stateful:
        part: Any = net.get_submodule(str(node.target))
        part.before_first_neuron = node.args[0] not in changing
    _repeat_what_is_static(net, clock, changing, stateful)
    _add_doors(net, clock)
    net.graph.lint()
    net.recompile()
    net.register_load_state_dict_pre_hook(_rename_older_keys)
    return net.eval()


def set_module(net: nn.Module, path: str, module: nn.Module) -> None:
    """Let ``net.path`` be ``module``."""
    owner, _, name = path.rpartition(".")
    setattr(net.get_submodule(owner), name, module)


def pool_rates_at(net: nn.Module, paths: Iterable[str], clock: Clock) -> None:
    """Put pooling of rates in the place of the max pooling at ``paths``. Changes ``net``.

    :raises ValueError: if one returns indices: those of a rate are not those of an activation
    """
    for path in paths:
        pool: Any = net.get_submodule(path)
        if pool.return_indices:
            raise ValueError(f"ann2snn: {path!r} is max pooling with return_indices=True, which can't be converted.")
        set_module(net, path, SpikingMaxPool(pool, clock))


def _rename_older_keys(net: fx.GraphModule, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Other releases have ``snn tailor.i`` or the path itself, with the parts 0, 1 and 2; or ``spiking_i``."""
    for index, node in enumerate(calls(net, (SpikingActivation,))):
        for number, part in ((0, "scaler0"), (2, "scaler1")):
            for former in (f"snn tailor.{index}.{number}", f"{node.target}.{number}", f"spiking_{index}.{part}"):
                if f"{prefix}{former}.scale" in state_dict:
                    state_dict[f"{prefix}{node.target}.{part}.scale"] = state_dict.pop(f"{prefix}{former}.scale")


def _readers_of(net: fx.GraphModule, sources: set[fx.Node]) -> set[fx.Node]:
    """``sources`` and all nodes that depend on one of them: what changes from step to step also for a static input."""
    found = set(sources)
    for node in net.graph.nodes:
        if any(source in found for source in node.all_input_nodes):
            found.add(node)
    return found


def _repeat_what_is_static(net: fx.GraphModule, clock: Clock, changing: set[fx.Node], stateful: set[fx.Node]) -> None:
    """Operations on what changes get ``[T * N, *]`` of what doesn't, and sizes that fit."""
    repeat = _Repeater(net, clock)
    for node in [n for n in net.graph.nodes if n in changing - stateful]:
        for source in node.all_input_nodes:
            if source not in changing and source.op != "get_attr":
                node.replace_input_with(source, repeat.of(source))


class _Repeater:
    """Repeats static nodes over time, each only once."""

    def __init__(self, net: fx.GraphModule, clock: Clock) -> None:
        self.net = net
        self.repeated: dict[fx.Node, fx.Node] = {}
        self.clock = clock

    def of(self, node: fx.Node) -> fx.Node:
        """What ``node`` is for all time steps: sizes are taken again from a repeated tensor."""
        if node not in self.repeated:
            with self.net.graph.inserting_after(node):
                self.repeated[node] = self._sizes_again(node) if _is_of_sizes(node) else self._repeat(node)
        return self.repeated[node]

    def _sizes_again(self, node: fx.Node) -> fx.Node:
        sources = [source for source in node.all_input_nodes if source.op != "get_attr"]
        repeated = {source: self.of(source) for source in sources}
        last = max(repeated.values(), default=node)
        with self.net.graph.inserting_after(max(last, node)):
            return self.net.graph.node_copy(node, lambda source: repeated.get(source, source))

    def _repeat(self, node: fx.Node) -> fx.Node:
        name = free_name(self.net, "", f"repeat_{node.name}")
        self.net.add_submodule(name, RepeatOverTime(self.clock))
        return self.net.graph.call_module(name, (node,))


def _is_of_sizes(node: fx.Node) -> bool:
    """Whether the value is made of sizes, not of the values of a tensor."""
    if node.op == "call_method" and node.target in ("size", "dim", "numel"):
        return True
    if node.op == "call_function" and getattr(node.target, "__name__", "") == "getattr":
        return node.args[1] in ("shape", "ndim", "device", "dtype")
    sources = node.all_input_nodes
    return node.op in ("call_function", "call_method") and bool(sources) and all(map(_is_of_sizes, sources))


def _add_doors(net: fx.GraphModule, clock: Clock) -> None:
    inputs = [node for node in net.graph.nodes if node.op == "placeholder" and not node.args]
    for node in inputs:
        name = free_name(net, "", "steps_in")
        net.add_submodule(name, StepsIn(clock, only_input=len(inputs) == 1))
        with net.graph.inserting_after(node):
            door = net.graph.call_module(name, (node,))
        node.replace_all_uses_with(door, delete_user_cb=lambda user, door=door: user is not door)
    name = free_name(net, "", "steps_out")
    net.add_submodule(name, StepsOut(clock))
    (output,) = (node for node in net.graph.nodes if node.op == "output")
    with net.graph.inserting_before(output):
        output.args = (net.graph.call_module(name, (output.args[0],)),)


def stateful_parts(net: nn.Module) -> Iterator[tuple[str, AcrossTime]]:
    """The parts with a state, by path."""
    for path, module in net.named_modules():
        if isinstance(module, AcrossTime):
            yield path, module


def activations_of(net: nn.Module) -> dict[str, SpikingActivation]:
    """The neurons of a converted network by path, in the order in which its modules stand."""
    return {path: part for path, part in stateful_parts(net) if isinstance(part, SpikingActivation)}
