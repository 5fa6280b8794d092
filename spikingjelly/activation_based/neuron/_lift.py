"""A node's time step as a pure function: the methods that mutate the memories, lifted for the engine."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from spikingjelly.fusion.dispatch import Refusal, Step

if TYPE_CHECKING:
    from spikingjelly.activation_based.neuron._node import BaseNode

Run = Callable[[torch.Tensor, Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]


def step_of(node: "BaseNode", names: Sequence[str]) -> Step | Refusal:
    """Charge, fire and reset of ``node`` as a function of the input and of the memories ``names``."""
    if node._overrides_its_time_step():
        return Refusal(f"{type(node).__name__} has a single_step_forward of its own")
    tensors = [t for module in node.modules() for t in vars(module).values() if isinstance(t, torch.Tensor)]
    parameters = [tensor for tensor in (*node.parameters(), *tensors) if tensor.requires_grad]
    return Step(_pure(node, names), _guarded(node, names), tuple(parameters), (_path(node), tuple(names)))


def _pure(node: "BaseNode", names: Sequence[str]) -> Run:
    def run(x: torch.Tensor, states: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        kept = dict(node._memories)
        try:
            return _mutating_step(node, names, x, states)
        finally:
            node._memories.update(kept)

    return run


def _guarded(node: "BaseNode", names: Sequence[str]) -> Run:
    """The pure step for one trial: if it leaves a trace in the module, such as a count of time steps, it is undone."""

    def trial(x: torch.Tensor, states: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        kept = dict(node._memories)
        attributes = [(module, dict(vars(module))) for module in node.modules()]
        path = _path(node)
        try:
            results = _mutating_step(node, names, x, states)
            left = [name for name, value in node._memories.items() if name not in names and value is not kept.get(name)]
            if left or _path(node) != path:
                raise RuntimeError(f"it changes {', '.join(left) or 'an attribute'}, which no tensor state holds")
            return results
        finally:
            node._memories.update(kept)
            for module, values in attributes:
                vars(module).clear()
                vars(module).update(values)

    return trial


def _mutating_step(
    node: "BaseNode", names: Sequence[str], x: torch.Tensor, states: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """Charge, fire and reset from ``states``; they are left in the memories, where the caller undoes them."""
    node._memories.update(zip(names, states, strict=True))
    return node._charge_fire_reset(x), *[node._memories[name] for name in names]


def _path(node: "BaseNode") -> Hashable:
    """What decides which way the methods go: classes, plain attributes, and methods replaced on the instance."""
    return tuple((type(module), *_plain(vars(module))) for module in node.modules())


def _plain(attributes: dict[str, Any]) -> list[Hashable]:
    found: list[Hashable] = []
    for name, value in attributes.items():
        if value is None or isinstance(value, bool | int | float | str):
            found.append((name, value))
        elif isinstance(value, torch.Tensor):
            found.append((name, value.shape, value.dtype, value.requires_grad))
        elif callable(value):
            found.append((name, id(value)))
    return found
