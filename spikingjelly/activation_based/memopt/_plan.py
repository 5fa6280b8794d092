"""What a forward pass keeps at each level, seen from one run."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional
from spikingjelly.activation_based._checks import check_positive_int, describe
from spikingjelly.activation_based.memopt._keeper import LEVELS
from spikingjelly.activation_based.memopt._network import change_back
from spikingjelly.activation_based.memopt._recorder import Recorder, Row
from spikingjelly.activation_based.memopt._states import nothing_changes


@dataclass(frozen=True)
class MemoryPlan:
    """What :func:`optimize_memory` makes of a network; ``print`` shows it as a table.

    :param rows: the parts of the network by name
    :param operations: floating-point operations of one forward pass, about: convolutions, linear layers, attention,
        normalisation; neurons are not counted
    """

    rows: dict[str, Row]
    operations: int

    def kept_bytes(self, level: int) -> int:
        """Bytes that autograd keeps from the forward pass for the backward pass, without parameters."""
        return sum(row.bytes[level] for row in self.rows.values())

    def extra_operations(self, level: int) -> int:
        """Floating-point operations that the backward pass does again; loops of neurons are not counted."""
        return sum(row.again[level] for row in self.rows.values())

    def level_for(self, budget: int) -> int:
        """The lowest level that keeps at most ``budget`` bytes.

        :raises ValueError: if none does
        """
        for level in LEVELS:
            if self.kept_bytes(level) <= budget:
                return level
        least = min(self.kept_bytes(level) for level in LEVELS)
        raise ValueError(
            f"no level keeps at most {budget} bytes of this forward pass; the least is {least}. Take a smaller batch "
            "or fewer time steps, or a larger budget."
        )

    def table(self, depth: int = 2) -> str:
        """The plan with one line for each part.

        :param depth: how many parts of a module's name are told apart
        :raises ValueError: if it is not at least 1
        """
        check_positive_int("MemoryPlan.table", "depth", depth)
        parts: dict[str, Row] = {}
        for name, row in self.rows.items():
            parts.setdefault(".".join(name.split(".")[:depth]) or "(itself)", Row()).add(row)
        total = Row()
        for row in parts.values():
            total.add(row)
        width = max(map(len, [*parts, "kept, MB"]))
        heads = [f"level {level}" for level in LEVELS]
        lines = [f"{'kept, MB':{width}}" + "".join(f"{head:>12}" for head in heads)]
        lines += [
            f"{name:{width}}" + "".join(f"{count / 1e6:12.3f}" for count in row.bytes)
            for name, row in [*parts.items(), ("all", total)]
        ]
        shares = (f"{100 * count / self.operations if self.operations else 0.0:10.1f} %" for count in total.again)
        return "\n".join([*lines, f"{'again':{width}}" + "".join(shares)])

    def __str__(self) -> str:
        return self.table()


def memory_plan(
    net: nn.Module, example_forward: Any, targets: type[nn.Module] | tuple[type[nn.Module], ...] | None = None
) -> MemoryPlan:
    """Run ``net`` forward once from rest, see what autograd keeps, and what it would keep at each level.

    The network is left as it is: memories, running statistics, gradients and random numbers to come.

    :param net: the network, in the mode (``train()``, dtype, device) in which it is to be trained
    :param example_forward: an input, a tuple of inputs, or a function that is given the network and runs it
    :param targets: as of :func:`optimize_memory`
    :raises TypeError: if ``net`` is no module or ``targets`` are no classes of modules
    :raises ValueError: if there is no module of ``targets`` in ``net``
    """
    parts = find_parts("memory_plan", net, targets)
    classes = [(module, type(module)) for module in net.modules()]
    recorder = Recorder(net, parts)
    with nothing_changes(net.modules()):
        functional.reset_net(net)
        change_back(net)
        try:
            with torch.enable_grad(), recorder:
                output = _run_example(net, example_forward)
        finally:
            for module, own in classes:
                module.__class__ = own
    del output
    return MemoryPlan(recorder.rows(), recorder.operations)


def find_parts(
    caller: str, net: nn.Module, targets: type[nn.Module] | tuple[type[nn.Module], ...] | None
) -> list[nn.Module]:
    """The outermost modules of ``targets`` in ``net``, or ``net`` itself."""
    if not isinstance(net, nn.Module):
        raise TypeError(f"{caller}: expected a torch.nn.Module, but {describe(net)} was given.")
    if targets is None:
        return [net]
    classes = targets if isinstance(targets, tuple) else (targets,)
    for target in classes:
        if not (isinstance(target, type) and issubclass(target, nn.Module)):
            raise TypeError(f"{caller}: targets must be classes of modules, but {describe(target)} was given.")
    parts = [module for module in net.modules() if isinstance(module, classes)]
    if not parts:
        raise ValueError(
            f"{caller}: there is no {' or '.join(c.__name__ for c in classes)} in this {type(net).__name__}. Leave "
            "targets out to take the whole network."
        )
    inner = {id(member) for part in parts for member in part.modules() if member is not part}
    return [part for part in parts if id(part) not in inner]


def _run_example(net: nn.Module, example_forward: Any) -> Any:
    if isinstance(example_forward, torch.Tensor):
        return net(example_forward)
    if isinstance(example_forward, tuple):
        return net(*example_forward)
    if callable(example_forward):
        return example_forward(net)
    raise TypeError(
        f"example_forward must be an input, a tuple of inputs or a function of the network, but "
        f"{describe(example_forward)} was given."
    )
