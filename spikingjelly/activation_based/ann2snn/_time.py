"""How a network that was written for batches ``[N, *]`` runs on sequences ``[T, N, *]``.

In step mode 'm' time becomes part of the batch, ``[T * N, *]``, at the network's input, and is taken out again at its
output. In between only what has a state looks at time. So every operation that treats the samples of a batch alike
works as it did, whatever it is: convolutions, sums of branches, ``x.view(x.size(0), -1)``.

A static input, ``x.expand(T, *x.shape)``, stays one step ``[N, *]`` until the first neuron.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.ann2snn._extent import Windows, crop


class Clock:
    """What all parts of one network know of the present call."""

    def __init__(self) -> None:
        self.T = 1
        self.input_is_static = False

    def split(self, x: torch.Tensor, before_first_neuron: bool) -> torch.Tensor:
        """``[T * N, *]`` as ``[T, N, *]``; a static input ``[N, *]`` too, without a copy."""
        if self.input_is_static and before_first_neuron:
            return x.unsqueeze(0).expand(self.T, *x.shape)
        if x.dim() == 0 or x.shape[0] % self.T:
            raise ValueError(
                f"step_mode='m' runs {self.T} time steps as one batch, but inside of the network a tensor of shape "
                f"{list(x.shape)} was found, in which time and batch are not the first dimension. "
                "Use step_mode='s', or keep the batch in front everywhere in the network."
            )
        return x.unflatten(0, (self.T, -1))

    @staticmethod
    def merge(x_seq: torch.Tensor) -> torch.Tensor:
        """``[T, N, *]`` as ``[T * N, *]``."""
        return x_seq.flatten(0, 1)


class StepsIn(base.StepModule, nn.Module):
    """The door for an input of the network: in step mode 'm' ``[T, N, *]`` to ``[T * N, *]``, or to one static step.

    :param only_input: whether the network has no other; only then can it be static
    """

    def __init__(self, clock: Clock, only_input: bool) -> None:
        super().__init__()
        self.clock = clock
        self.only_input = only_input
        self.layers: tuple[Windows, ...] = ()  # fold_scales lets it leave out the pixels that these don't read

    def forward(self, x: Any) -> Any:
        if isinstance(x, torch.Tensor) and self.layers:
            x = crop(x, self.layers)
        if self.step_mode == "s" or not isinstance(x, torch.Tensor):
            return x
        if x.dim() < 2 or x.shape[0] == 0:
            raise ValueError(
                f"step_mode='m' expects a sequence [T, N, *] with T >= 1, but a tensor of shape {list(x.shape)} was "
                "given. For a single time step [N, *] use step_mode='s'."
            )
        self.clock.T = x.shape[0]
        self.clock.input_is_static = self.only_input and x.shape[0] > 1 and x.stride(0) == 0 and not x.requires_grad
        return x[0] if self.clock.input_is_static else self.clock.merge(x)


class StepsOut(base.StepModule, nn.Module):
    """The door for the outputs of the network: in step mode 'm' ``[T * N, *]`` to ``[T, N, *]``."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, y: Any) -> Any:
        if self.step_mode == "s":
            return y
        return _map_tensors(y, lambda tensor: self.clock.split(tensor, before_first_neuron=False))


class RepeatOverTime(base.StepModule, nn.Module):
    """Where something that is static meets something that changes: ``[N, *]`` to ``[T * N, *]``."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, x: Any) -> Any:
        if self.step_mode == "s" or not self.clock.input_is_static or not isinstance(x, torch.Tensor):
            return x
        return self.clock.merge(x.unsqueeze(0).expand(self.clock.T, *x.shape))


class AcrossTime(base.StepModule, nn.Module):
    """A part of the network with a module that has a state, and so must see ``[T, N, *]`` in step mode 'm'."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.before_first_neuron = False  # of all inputs; then a static one is still one step

    def across(self, x: torch.Tensor, stateful: nn.Module) -> torch.Tensor:
        """``stateful`` on one step ``[N, *]``, or on the sequence that ``x`` ``[T * N, *]`` is."""
        if self.step_mode == "s":
            return stateful(x)
        return self.clock.merge(stateful(self.clock.split(x, self.before_first_neuron)))


def _map_tensors(value: Any, fn: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return fn(value)
    if isinstance(value, dict):
        return {key: _map_tensors(item, fn) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_map_tensors(item, fn) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
