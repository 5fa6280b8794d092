"""Layers of NIR that :mod:`spikingjelly.activation_based.layer` has no class for."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base, surrogate
from spikingjelly.activation_based._checks import ArgumentValueError, check_floating_tensor


class _StatelessLayer(nn.Module, base.StepModule):
    """Acts on the last dimensions of ``[N, *]`` in step mode 's' and of ``[T, N, *]`` in 'm'."""

    def __init__(self, step_mode: str) -> None:
        super().__init__()
        self.step_mode = step_mode

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}"


class Scale(_StatelessLayer):
    r"""A factor for each feature, NIR's ``Scale``: :math:`Y = s \odot X`.

    :param scale: :math:`s`, a tensor ``[*]`` of the shape of the features; learnable
    :param step_mode: 's' or 'm'
    """

    def __init__(self, scale: torch.Tensor, step_mode: str = "s") -> None:
        check_floating_tensor(self, "scale", scale)
        super().__init__(step_mode)
        self.scale = nn.Parameter(scale.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_floating_tensor(self, "the input", x)
        return x * self.scale


class Threshold(_StatelessLayer):
    r"""A spike where the input reaches a threshold, NIR's ``Threshold``: :math:`S = \Theta(X - X_{th})`.

    :param threshold: :math:`X_{th}`, a tensor that broadcasts to the features ``[*]``
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param step_mode: 's' or 'm'
    """

    threshold: torch.Tensor

    def __init__(
        self,
        threshold: torch.Tensor,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        step_mode: str = "s",
    ) -> None:
        check_floating_tensor(self, "threshold", threshold)
        super().__init__(step_mode)
        self.register_buffer("threshold", threshold.detach().clone())
        self.surrogate_function = surrogate.Sigmoid() if surrogate_function is None else surrogate_function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_floating_tensor(self, "the input", x)
        return self.surrogate_function(x - self.threshold)


class BatchedLinear(_StatelessLayer):
    r"""One linear map for each position, NIR's ``Linear`` and ``Affine`` with weights of more than two dimensions:
    :math:`Y_p = W_p X_p + b_p`, from ``[N, *, in]`` to ``[N, *, out]``.

    :param weight: :math:`W`, ``[*, out, in]``
    :param bias: :math:`b`, ``[*, out]``, or None
    :param step_mode: 's' or 'm'

    :raises ValueError: for an input of another shape
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None, step_mode: str = "s") -> None:
        check_floating_tensor(self, "weight", weight)
        super().__init__(step_mode)
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_floating_tensor(self, "the input", x)
        expected = [*self.weight.shape[:-2], self.weight.shape[-1]]
        if list(x.shape[-len(expected) :]) != expected:
            raise ValueError(
                f"BatchedLinear: the last dimensions of the input must be {expected}, but got {list(x.shape)}."
            )
        y = (self.weight @ x.unsqueeze(-1)).squeeze(-1)
        return y if self.bias is None else y + self.bias


class PerNeuronDelay(base.MemoryModule):
    r"""A delay of whole time steps for each neuron: :math:`Y_i[t] = X_i[t - d_i]`, 0 before the first input.

    ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm', where each call goes on from the last one.

    :param delay_steps: :math:`d`, a tensor of integers ``[*]``, at least 0
    :param step_mode: 's' or 'm'

    :raises ValueError: (also an AssertionError) if a delay is negative or no integer
    """

    delay_steps: torch.Tensor
    queue: list[torch.Tensor]

    def __init__(self, delay_steps: torch.Tensor, step_mode: str = "s") -> None:
        if delay_steps.is_floating_point() or bool((delay_steps < 0).any()):
            raise ArgumentValueError(
                f"PerNeuronDelay: delay_steps must be a tensor of integers that are at least 0, but {delay_steps} was "
                "given."
            )
        super().__init__()
        self.register_buffer("delay_steps", delay_steps.detach().clone())
        self.register_memory("queue", [])
        self.step_mode = step_mode

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The inputs ``[N, *]`` of ``delay_steps`` calls ago, or zeros."""
        check_floating_tensor(self, "the input", x)
        self._check_carried_state(x)
        longest = int(self.delay_steps.max())
        self.queue = [x, *self.queue][: longest + 1]
        zeros: list[Any] = [torch.zeros_like(x)] * (longest + 1 - len(self.queue))
        waiting = torch.stack([*self.queue, *zeros])
        return waiting.gather(0, self.delay_steps.expand(x.shape).unsqueeze(0)).squeeze(0)

    def extra_repr(self) -> str:
        return f"delay_steps=<tensor {list(self.delay_steps.shape)}>, step_mode={self.step_mode}"
