"""From numbers of spikes to binary spikes in more time steps, and back."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_bool, check_positive_int, check_tensor, describe


class SlotLayer(nn.Module, base.MultiStepModule):
    """What both directions share: the number of slots, and that training leaves the sequence as it is."""

    def __init__(self, num_slots: int, always_convert: bool = False) -> None:
        check_positive_int(self, "num_slots", num_slots)
        check_bool(self, "always_convert", always_convert)
        super().__init__()
        self.num_slots = num_slots
        self.always_convert = always_convert

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        check_tensor(self, "the input", x_seq)
        if x_seq.dim() < 2 or x_seq.shape[0] == 0:
            raise ValueError(
                f"{type(self).__name__}: expected a sequence [T, N, *] with T >= 1, but {describe(x_seq)} was given."
            )
        return self._convert(x_seq) if self.always_convert or not self.training else x_seq

    def _convert(self, x_seq: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _convert(x_seq)")

    def extra_repr(self) -> str:
        return f"num_slots={self.num_slots}, always_convert={self.always_convert}, step_mode={self.step_mode}"


class SpikeCountToBinary(SlotLayer):
    r"""Writes each number of spikes as that many binary spikes in :math:`D` slots, first spikes, then silence:
    ``[T, N, *]`` becomes ``[D T, N, *]``. Behind a
    :class:`~spikingjelly.activation_based.neuron.ILIFNode` in a network that was trained with numbers of spikes; the
    layer between it and :class:`TemporalBinSum` must be linear, without bias.

    .. math::
        Y[D t + d] = \begin{cases} 1 & d < X[t] \\ 0 & \text{else} \end{cases}, \qquad d = 0, ..., D - 1

    In training the sequence is left as it is. The gradient of a number is the mean of the gradients of its slots. Only
    step mode 'm'.

    :param num_slots: :math:`D`, the largest number of spikes
    :param always_convert: whether numbers are written out in training, too

    :raises ValueError: (also an AssertionError) if ``num_slots < 1``; for an input without time steps

    Source: Luo et al., "Integer-Valued Training and Spike-Driven Inference Spiking Neural Network for High-performance
    and Energy-efficient Object Detection", ECCV 2024.
    """

    def _convert(self, x_seq: torch.Tensor) -> torch.Tensor:
        return _Slots.apply(x_seq, self.num_slots)


class TemporalBinSum(SlotLayer):
    r"""Adds up the :math:`D` slots of each time step, which :class:`SpikeCountToBinary` has made: ``[D T, N, *]``
    becomes ``[T, N, *]``. Slots that are missing at the end count as zeros.

    .. math::
        Y[t] = \sum_{d=0}^{D-1} X[D t + d]

    In training the sequence is left as it is. Only step mode 'm'.

    :param num_slots: :math:`D`
    :param always_convert: whether slots are added up in training, too; both layers need the same

    :raises ValueError: (also an AssertionError) if ``num_slots < 1``; for an input without time steps
    """

    def _convert(self, x_seq: torch.Tensor) -> torch.Tensor:
        missing = -x_seq.shape[0] % self.num_slots
        if missing:
            x_seq = torch.cat((x_seq, x_seq.new_zeros(missing, *x_seq.shape[1:])))
        return x_seq.unflatten(0, (-1, self.num_slots)).sum(1)


class _Slots(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_seq: torch.Tensor, num_slots: int) -> torch.Tensor:
        ctx.num_slots = num_slots
        slot = torch.arange(num_slots, device=x_seq.device).view(-1, *[1] * (x_seq.dim() - 1))
        return (x_seq.unsqueeze(1) > slot).to(x_seq.dtype).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad_output.unflatten(0, (-1, ctx.num_slots)).mean(1), None
