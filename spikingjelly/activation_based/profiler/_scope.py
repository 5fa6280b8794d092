"""Follows which module runs, and sees what goes in and out of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from spikingjelly.activation_based.profiler._counting import Counting
from spikingjelly.activation_based.profiler._neurons import OTHER_DYNAMICS, outermost, state_variables
from spikingjelly.activation_based.profiler._run import Batch, Layout
from spikingjelly.activation_based.profiler._spikes import SILENT, joint_level, spike_level


@dataclass
class Seen:
    """What went in and out of one module during the whole run."""

    calls: int = 0
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    output_level: float | None = SILENT
    output_values: int = 0
    output_nonzero: int = 0
    states: int = 1
    steps: int = 0  # time steps in its calls, if they can be told from the shape of the input
    repeats: bool = False


def first_tensor(value: Any) -> torch.Tensor | None:
    """The first tensor of what a module takes or returns."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return next((found for found in map(first_tensor, value) if found is not None), None)
    return None


class Scope:
    """Hooks that tell ``counting`` which module runs."""

    def __init__(self, net: nn.Module, counting: Counting, neurons: tuple[type, ...], stepwise: bool) -> None:
        self.net = net
        self.counting = counting
        self.stepwise = stepwise
        self.dynamics = outermost(net, (*neurons, *OTHER_DYNAMICS))
        self.seen = {name: Seen() for name in self._booked_names()}
        self.batch: Batch | None = None
        self._stack: list[str] = []
        self._handles: list[RemovableHandle] = []

    def _booked_names(self) -> list[str]:
        return [name for name, _ in self.net.named_modules() if not self._inside_dynamics(name)]

    def _inside_dynamics(self, name: str) -> bool:
        return any(name != owner and name.startswith(f"{owner}." if owner else "") for owner in self.dynamics)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The hooks are there inside, and gone afterwards whatever happens."""
        try:
            for name, module in self.net.named_modules():
                if name in self.seen:
                    self._handles += [
                        module.register_forward_pre_hook(self._enter(name), with_kwargs=True),
                        module.register_forward_hook(self._leave(name), with_kwargs=True, always_call=True),
                    ]
            yield
        finally:
            for handle in self._handles:
                handle.remove()
            self._handles.clear()
            self._stack.clear()

    def _enter(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self._push(name)
            x = first_tensor((args, kwargs))
            if x is None:
                return None
            seen = self.seen[name]
            layout = self._layout(x, module)
            seen.input_shape = tuple(x.shape[layout.leading :])
            seen.steps += layout.steps
            if _is_one_step_repeated(x) and next(module.children(), None) is None:
                seen.repeats = True
                return tuple(a.contiguous() if a is x else a for a in args), kwargs
            return None

        return hook

    def _leave(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            y = first_tensor(output)
            if y is not None:
                self._see_output(self.seen[name], module, y)
            self._stack.pop()
            self._point()

        return hook

    def _see_output(self, seen: Seen, module: nn.Module, y: torch.Tensor) -> None:
        seen.calls += 1
        layout = self._layout(y, module)
        seen.output_shape = tuple(y.shape[layout.leading :])
        if self.counting.in_neuron:
            seen.output_level = joint_level(seen.output_level, spike_level(y))
            seen.output_values += y.numel()
            seen.output_nonzero += int((y != 0).sum())
            seen.states = max(seen.states, state_variables(module, y.numel() // layout.steps))

    def _push(self, name: str) -> None:
        self._stack.append(name)
        self._point()

    def _point(self) -> None:
        self.counting.scope = self._stack[-1] if self._stack else ""
        self.counting.in_neuron = self.counting.scope in self.dynamics

    def _layout(self, x: torch.Tensor, module: nn.Module) -> Layout:
        assert self.batch is not None
        return self.batch.layout_of(x, module, self.stepwise)


def _is_one_step_repeated(x: torch.Tensor) -> bool:
    """Layers compute only one step of such a sequence."""
    return x.dim() > 0 and x.shape[0] > 1 and x.stride(0) == 0
