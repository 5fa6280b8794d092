"""Traces of spikes: memories that jump at a spike and decay between spikes."""

import math
from typing import Any

import torch

from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe, name_of

Trace = float | torch.Tensor | None


def linear_decay(tau: float) -> float:
    r"""What a trace with :math:`\dot{x} = -x / \tau`, in Euler's steps, keeps from one time step to the next."""
    return 1.0 - 1.0 / tau


def exponential_decay(tau: float) -> float:
    r"""What a trace with :math:`\dot{x} = -x / \tau`, solved exactly, keeps from one time step to the next."""
    return math.exp(-1.0 / tau)


def check_tau(owner: Any, name: str, tau: Any, at_least: float | None = None) -> None:
    """``tau`` must be a number of time steps above 0, or not below ``at_least``."""
    if isinstance(tau, bool) or not isinstance(tau, int | float):
        raise ArgumentTypeError(
            f"{name_of(owner)}: {name} must be a number of time steps, but {describe(tau)} was given."
        )
    if not (tau > 0 if at_least is None else tau >= at_least):
        bound = "greater than 0" if at_least is None else f"at least {at_least}"
        raise ArgumentValueError(f"{name_of(owner)}: {name} must be {bound}, but {tau} was given.")


def traces_over_time(spike_seq: torch.Tensor, start: Trace, keep: float) -> torch.Tensor:
    r""":math:`x[t] = k\,x[t-1] + s[t]` for each time step of ``[T, N, *]``; ``start`` is :math:`x[-1]`, None for 0."""
    trace_seq = torch.empty_like(spike_seq)
    trace: float | torch.Tensor = 0.0 if start is None else start
    for spike, out in zip(spike_seq.unbind(0), trace_seq.unbind(0), strict=True):
        trace = torch.add(spike, trace * keep, out=out)
    return trace_seq


def check_start(owner: Any, name: str, start: Trace, spike: torch.Tensor) -> None:
    """A trace that is left from another batch is an error, not a broadcast.

    :raises RuntimeError: if ``start`` is a tensor that differs from ``spike``, of one time step, in shape or device
    """
    if isinstance(start, torch.Tensor) and (start.shape != spike.shape or start.device != spike.device):
        raise RuntimeError(
            f"{name_of(owner)}: {name} has shape {list(start.shape)} on {start.device}, but the spikes of this time "
            f"step have shape {list(spike.shape)} on {spike.device}. Before a new batch, or after the shape or device "
            "of the spikes has changed, call reset() on the learner, or hand in None as the trace."
        )
