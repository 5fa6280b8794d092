"""Collects which neurons fire, and which of them let gradients through."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from spikingjelly.activation_based._checks import ArgumentValueError, describe
from spikingjelly.activation_based.profiler._health_report import Finding, LayerHealth
from spikingjelly.activation_based.profiler._run import Batch
from spikingjelly.activation_based.profiler._scope import first_tensor
from spikingjelly.activation_based.profiler._spikes import SILENT, joint_level, spike_level


class _Limits(NamedTuple):
    dead_share: float
    saturated_share: float
    vanishing_share: float
    small_gradient: float


class Limits(_Limits):
    """From which shares on something is a finding."""

    def __new__(cls, *values: float) -> "Limits":
        for name, value in zip(_Limits._fields, values, strict=True):
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ArgumentValueError(f"health: {name} must be between 0 and 1, but {describe(value)} was given.")
        return super().__new__(cls, *values)


class Firing:
    """What the neurons of one layer did during the whole run."""

    def __init__(self) -> None:
        self.level: float | None = SILENT
        self.values = 0
        self.nonzero = 0
        self.some: torch.Tensor | None = None  # [*] of one sample: whether the neuron fired at all
        self.all: torch.Tensor | None = None
        self.reached = 0  # neurons of samples at whose spikes a gradient arrived
        self.vanished = 0

    def see(self, name: str, y: torch.Tensor, leading: int) -> None:
        self.level = joint_level(self.level, spike_level(y))
        fired = (y != 0).flatten(0, leading - 1)
        self.values += fired.numel()
        self.nonzero += int(fired.sum())
        some, always = fired.any(0), fired.all(0)
        if self.some is not None and self.some.shape != some.shape:
            raise ArgumentValueError(
                f"health: the neurons of layer {name!r} must be the same in all calls, but outputs of shape "
                f"{list(self.some.shape)} and {list(some.shape)} (without time and batch) came. Show samples of one "
                "size."
            )
        self.some = some if self.some is None else self.some | some
        self.all = always if self.all is None else self.all & always

    def row(self, name: str, module: nn.Module, limits: Limits, gradients: bool) -> LayerHealth:
        kind = type(module).__name__
        if self.some is None or self.all is None or self.level is None:
            return LayerHealth(name, kind, 0 if self.some is None else self.some.numel(), None, None, None, None)
        rate = self.nonzero / self.values
        never, always = float((~self.some).double().mean()), float(self.all.double().mean())
        vanishing = self.vanished / self.reached if self.reached else None
        findings = _findings(rate, never, always, limits)
        if gradients and vanishing is None:
            findings.append(Finding("no gradient", 1.0))
        elif vanishing is not None and vanishing > limits.vanishing_share:
            findings.append(Finding("vanishing gradient", vanishing))
        return LayerHealth(name, kind, self.some.numel(), rate, never, always, vanishing, tuple(findings))


def _findings(rate: float, never: float, always: float, limits: Limits) -> list[Finding]:
    findings = []
    if rate == 0:
        findings.append(Finding("silent", 1.0))
    elif never > limits.dead_share:
        findings.append(Finding("dead", never))
    if always > limits.saturated_share:
        findings.append(Finding("saturated", always))
    return findings


class _Call(NamedTuple):
    name: str
    x: torch.Tensor
    y: torch.Tensor
    leading: int


class Watch:
    """Hooks on the layers of neurons."""

    def __init__(
        self, layers: dict[str, nn.Module], firing: dict[str, Firing], stepwise: bool, gradients: bool
    ) -> None:
        self.layers = layers
        self.firing = firing
        self.stepwise = stepwise
        self.gradients = gradients
        self.batch: Batch | None = None
        self._inputs: dict[str, torch.Tensor] = {}
        self._calls: list[_Call] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The hooks are there inside, and gone afterwards whatever happens."""
        handles: list[RemovableHandle] = []
        try:
            for name, module in self.layers.items():
                handles.append(module.register_forward_pre_hook(self._enter(name)))
                handles.append(module.register_forward_hook(self._leave(name)))
            yield
        finally:
            for handle in handles:
                handle.remove()
            self._inputs.clear()
            self._calls.clear()

    def _enter(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> Any:
            if not self.gradients or not args or not isinstance(args[0], torch.Tensor):
                return None
            # What does not come from a parameter gets a gradient as well: that of the data.
            x = args[0] if args[0].requires_grad else args[0].detach().requires_grad_()
            self._inputs[name] = x
            return x, *args[1:]

        return hook

    def _leave(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            y = first_tensor(output)
            if y is None or self.batch is None:
                return
            leading = self.batch.layout_of(y, module, self.stepwise).leading
            self.firing[name].see(name, y.detach(), leading)
            if name in self._inputs and y.requires_grad:
                self._calls.append(_Call(name, self._inputs.pop(name), y, leading))

        return hook

    def see_gradients(self, loss: torch.Tensor, small: float) -> None:
        """Compare, neuron by neuron, the gradient that goes in at the spikes and that which comes out at the input."""
        if not self._calls:
            return
        tensors = [tensor for call in self._calls for tensor in (call.x, call.y)]
        found = torch.autograd.grad(loss, tensors, allow_unused=True)
        sums: dict[str, list[torch.Tensor]] = {}
        for call, x, y in zip(self._calls, found[::2], found[1::2], strict=True):
            if y is not None:
                came_out = _over_time(torch.zeros_like(y) if x is None else x, call.leading)
                arrived = _over_time(y, call.leading)
                before = sums.get(call.name)
                sums[call.name] = [came_out, arrived] if before is None else [before[0] + came_out, before[1] + arrived]
        for name, (came_out, arrived) in sums.items():
            self.firing[name].reached += int((arrived > 0).sum())
            self.firing[name].vanished += int(((arrived > 0) & (came_out < small * arrived)).sum())
        self._calls.clear()


def _over_time(gradient: torch.Tensor, leading: int) -> torch.Tensor:
    return gradient.abs().sum(0) if leading == 2 else gradient.abs()
