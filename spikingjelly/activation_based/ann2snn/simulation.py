"""Run converted networks over time."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import base, functional
from spikingjelly.activation_based.ann2snn._measurement import device_of
from spikingjelly.activation_based.ann2snn._neurons import DelayedIFNode

__all__ = ["accuracy_over_time", "running_mean", "simulate"]

_ROWS_AT_ONCE = 2048  # time steps times samples: many enough to hide the calls, few enough for the memory
_VECTORS_AT_ONCE = 4096  # the same without convolutions: a row is less
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.no_grad()
def simulate(snn: nn.Module, x: torch.Tensor, T: int, chunk: int | None = None) -> torch.Tensor:
    """The outputs of ``snn`` for T steps of the constant input ``x``, from the state after a reset.

    :param snn: in step mode 's' or 'm'; it is reset before and after
    :param x: images ``[N, *]``
    :param T: time steps, at least 1
    :param chunk: how many of them run at once in step mode 'm'; it changes time and memory, not the result. Default
        None: all of them for as many images as make 2048 (4096 without convolutions) with time as part of the batch,
        one part of the batch after another
    :return: ``[T, N, *]``

    :raises ValueError: if ``T`` or ``chunk`` is less than 1, or if ``chunk`` is less than T and neurons are delayed
    """
    for name, value in (("T", T), ("chunk", chunk)):
        if value is not None and value < 1:
            raise ValueError(f"simulate: {name} must be at least 1, but {value} was given.")
    traits = _Traits.of(snn)
    if not traits.sequences:
        return _step_by_step(snn, x, T)
    if chunk is not None:
        return _simulate(snn, x, traits.chunks(T, chunk, may_grow=False))
    rows = _ROWS_AT_ONCE if traits.convolutions else _VECTORS_AT_ONCE
    parts = x.split(max(1, rows // T))
    sizes = traits.chunks(T, rows, may_grow=True)
    return torch.cat([_simulate(snn, part, sizes) for part in parts], dim=1)


@torch.no_grad()
def simulate_together(snn: nn.Module, x: torch.Tensor, T: int) -> torch.Tensor:
    """:func:`simulate` with all samples in each call, for those who watch the neurons meanwhile."""
    traits = _Traits.of(snn)
    if not traits.sequences:
        return _step_by_step(snn, x, T)
    return _simulate(snn, x, traits.chunks(T, max(1, _ROWS_AT_ONCE // max(1, x.shape[0])), may_grow=True))


def _simulate(snn: nn.Module, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    functional.reset_net(snn)
    outputs = torch.cat([snn(x.expand(size, *x.shape)) for size in sizes])
    functional.reset_net(snn)
    return outputs


def _step_by_step(snn: nn.Module, x: torch.Tensor, T: int) -> torch.Tensor:
    functional.reset_net(snn)
    outputs = torch.stack([snn(x) for _ in range(T)])
    functional.reset_net(snn)
    return outputs


def running_mean(outputs: torch.Tensor, delay: int = 0) -> torch.Tensor:
    r"""What a network answers after each number of steps: :math:`\frac{1}{t - d} \sum_{i = d + 1}^{t} Y[i]`.

    :param outputs: ``[T, N, *]``
    :param delay: :math:`d`, first steps that are not counted, less than T, default 0
    :return: ``[T - d, N, *]``

    :raises ValueError: if ``delay`` is not in [0, T)
    """
    T = outputs.shape[0]
    if not 0 <= delay < T:
        raise ValueError(f"running_mean: delay must be in [0, T), but {delay} was given for T = {T}.")
    counted = outputs[delay:]
    steps = torch.arange(1, T - delay + 1, dtype=outputs.dtype, device=outputs.device)
    return counted.cumsum(0) / steps.view(-1, *[1] * (outputs.dim() - 1))


def accuracy_over_time(snn: nn.Module, dataloader: Iterable[Any], T: int, delay: int = 0) -> torch.Tensor:
    """The accuracy after each time step, of the class with the largest mean output so far.

    One pass over the images: the outputs of step t serve all later answers.

    :param snn: a network with outputs ``[N, classes]``, in step mode 's' or 'm'
    :param dataloader: an iterable of ``(images, labels)``
    :param T: time steps
    :param delay: first steps that are not counted, see :func:`running_mean`, default 0
    :return: ``[T - delay]``, float64

    :raises TypeError: if a batch is no pair of images and labels
    :raises ValueError: if there is no batch
    """
    device = device_of(snn)
    right, seen = torch.zeros(T - delay, dtype=torch.float64), 0
    for batch in tqdm(dataloader, desc=f"accuracy over {T} steps", unit="batch", leave=False):
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            raise TypeError(
                "accuracy_over_time: each batch of the dataloader must be (images, labels), "
                f"but it is a {type(batch).__name__}."
            )
        images, labels = batch
        answers = running_mean(simulate(snn, images.to(device), T), delay).argmax(-1)
        right += (answers.cpu() == labels.cpu()).double().sum(1)
        seen += len(labels)
    if seen == 0:
        raise ValueError("accuracy_over_time: the dataloader gave no batch.")
    return right / seen


class _Traits(NamedTuple):
    """What decides how a network runs."""

    sequences: bool  # whether it takes [T, N, *]
    waits: bool  # whether it has neurons that wait for all input
    convolutions: bool

    @classmethod
    def of(cls, snn: nn.Module) -> "_Traits":
        modules = list(snn.modules())
        sequences = any(isinstance(module, base.StepModule) and module.step_mode == "m" for module in modules)
        waits, convolutions = (any(isinstance(m, kinds) for m in modules) for kinds in (DelayedIFNode, _CONVOLUTIONS))
        return cls(sequences, waits, convolutions)

    def chunks(self, T: int, size: int, may_grow: bool) -> list[int]:
        """The numbers of steps that run at once."""
        if size < T and self.waits:
            if not may_grow:
                raise ValueError(
                    f"simulate: delayed neurons need all steps at once: chunk must be None or at least T={T}."
                )
            size = T
        return [min(size, T - start) for start in range(0, T, size)]
