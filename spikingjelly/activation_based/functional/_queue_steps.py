"""One time step of neurons and layers whose state is a queue of the last inputs, oldest first."""

import torch

from spikingjelly.activation_based._checks import check_int
from spikingjelly.activation_based.functional._steps import Spike
from spikingjelly.activation_based.neuron.psn import weighted_sum

Queue = tuple[torch.Tensor, ...]


def delay_step(x: torch.Tensor, queue: Queue, delay_steps: int) -> tuple[torch.Tensor, Queue]:
    """One time step of a :class:`~spikingjelly.activation_based.layer.Delay`.

    :param x: input ``[N, *]``
    :param queue: up to ``delay_steps`` inputs before
    :param delay_steps: the delay in time steps, at least 0
    :return: the oldest input where the queue is full, else zeros, and the queue afterwards

    :raises TypeError: (also an AssertionError) if ``delay_steps`` is no int
    :raises ValueError: (also an AssertionError) if it is negative
    """
    check_int("delay_step", "delay_steps", delay_steps, at_least=0)
    waiting = (*queue, x)
    if len(waiting) <= delay_steps:
        return torch.zeros_like(x, requires_grad=False), waiting
    return waiting[0], waiting[1:]


def masked_psn_step(
    x: torch.Tensor,
    time_step: int,
    queue: Queue,
    masked_weight: torch.Tensor,
    bias: torch.Tensor,
    k: int,
    surrogate_function: Spike,
) -> tuple[torch.Tensor, int, Queue]:
    """One time step of a :class:`~spikingjelly.activation_based.neuron.MaskedPSN`.

    :param x: input ``[N, *]``
    :param time_step: number of time steps before
    :param queue: the last inputs, each flattened
    :param masked_weight: the weight behind the mask ``[T, T]``, ``node.masked_weight()``
    :param bias: ``[T, 1]``
    :param k: how many inputs are seen
    :return: spikes ``[N, *]``, ``time_step + 1``, and the queue afterwards

    :raises OverflowError: if ``time_step`` is not from 0 to T - 1
    """
    if not 0 <= time_step < len(masked_weight):
        raise OverflowError(f"masked_psn_step: time_step must be from 0 to {len(masked_weight) - 1}, not {time_step}.")
    queue = (*queue, x.flatten())[-k:]
    weight = masked_weight[time_step, time_step + 1 - len(queue) : time_step + 1]
    return _fired(x, weight, queue, bias[time_step, 0], surrogate_function), time_step + 1, queue


def sliding_psn_step(
    x: torch.Tensor, queue: Queue, weight: torch.Tensor, bias: torch.Tensor, surrogate_function: Spike
) -> tuple[torch.Tensor, Queue]:
    """As :func:`masked_psn_step`, for a :class:`~spikingjelly.activation_based.neuron.SlidingPSN` with weights ``[k]``
    and a bias ``[]``.

    :return: spikes ``[N, *]`` and the queue afterwards
    """
    queue = (*queue, x.flatten())[-len(weight) :]
    return _fired(x, weight[len(weight) - len(queue) :], queue, bias, surrogate_function), queue


def _fired(x: torch.Tensor, weight: torch.Tensor, queue: Queue, bias: torch.Tensor, spike: Spike) -> torch.Tensor:
    return spike((weighted_sum(weight, queue) + bias).view_as(x))
