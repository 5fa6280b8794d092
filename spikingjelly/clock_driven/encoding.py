"""Encoders: those of :mod:`spikingjelly.activation_based.encoding`, whose ``single_step_encode`` is ``encode`` here."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import _former_names
from spikingjelly.activation_based import encoding as today
from spikingjelly.activation_based.encoding import PoissonEncoder, StatelessEncoder
from spikingjelly.clock_driven import _early_encoders as early
from spikingjelly.clock_driven import base

__all__ = [
    "F",
    "GaussianTuningCurveEncoder",
    "IntervalEncoder",
    "LatencyEncoder",
    "PeriodicEncoder",
    "PoissonEncoder",
    "StatefulEncoder",
    "StatelessEncoder",
    "WeightedPhaseEncoder",
    "abstractmethod",
    "base",
    "math",
    "nn",
    "torch",
]


class StatefulEncoder(today.StatefulEncoder):
    """:class:`spikingjelly.activation_based.encoding.StatefulEncoder`; a subclass writes :meth:`encode`.

    :param T: time steps of an encoded input, at least 1
    """

    next_step: int | None

    def encode(self, x: torch.Tensor) -> None:
        """Set ``self.spike`` ``[T, N, *]`` from an input ``[N, *]``."""
        super().single_step_encode(x)  # type: ignore[safe-super]

    def single_step_encode(self, x: torch.Tensor) -> None:
        self.encode(x)

    def single_step_forward(self, x: torch.Tensor | None = None) -> torch.Tensor:
        if x is not None and getattr(self, "next_step", None) is not None:
            self.reset()
        return super().single_step_forward(x)

    def step(self) -> torch.Tensor:
        """The spikes of the next time step ``[N, *]`` as bools, as in the first releases.

        There a call only encodes its input: this method begins with the first time step, and the next input is encoded
        anew.

        :raises ValueError: (also an AssertionError) if nothing is encoded yet
        """
        self._encode_first(None)
        if not hasattr(self, "next_step"):
            self.register_memory("next_step", None)
        number = self.next_step or 0
        self.next_step = (number + 1) % self.T
        return self.spike[number].bool()


class LatencyEncoder(StatefulEncoder, today.LatencyEncoder):
    """:class:`spikingjelly.activation_based.encoding.LatencyEncoder`, whose arguments are ``max_spike_time``,
    ``function_type`` and ``device`` in the first releases; the device is that of the input."""

    def __init__(
        self, T: Any = None, enc_function: str = "linear", step_mode: Any = "s", *, max_spike_time: int | None = None,
        function_type: str | None = None, device: Any = None,
    ) -> None:  # fmt: skip
        steps = T if max_spike_time is None else max_spike_time
        today.LatencyEncoder.__init__(
            self, steps, function_type or enc_function, step_mode if step_mode in ("s", "m") else "s"
        )


class PeriodicEncoder(StatefulEncoder, today.PeriodicEncoder):
    """:class:`spikingjelly.activation_based.encoding.PeriodicEncoder`, whose spikes are ``out_spike`` in the first
    releases."""

    def __init__(self, spike: Any = None, step_mode: str = "s", *, out_spike: torch.Tensor | None = None) -> None:
        today.PeriodicEncoder.__init__(self, spike if out_spike is None else out_spike, step_mode)

    def set_out_spike(self, out_spike: torch.Tensor) -> None:
        """Give out these spikes ``[T, N, *]`` from now on, from the first on."""
        self.encode(out_spike)


class WeightedPhaseEncoder(StatefulEncoder, today.WeightedPhaseEncoder):
    """:class:`spikingjelly.activation_based.encoding.WeightedPhaseEncoder`."""


class GaussianTuningCurveEncoder(StatefulEncoder):
    """Population coding in time: each feature has ``tuning_curve_num`` neurons, which fire the earlier the closer the
    feature is to their mean; see :func:`~spikingjelly.clock_driven._early_encoders.tuning_curve_spikes`.

    An input ``[N, M]`` becomes ``max_spike_time`` time steps ``[N, M, tuning_curve_num]``.

    :param x_min: smallest value of the features, a number or ``[M]``
    :param x_max: greatest value
    :param tuning_curve_num: number of neurons of a feature, at least 3
    :param max_spike_time: number of time steps
    :param device: not used: it is that of the input

    :raises ValueError: (also an AssertionError) for sizes that do not fit

    Source: Bohte et al., "Error-backpropagation in temporally encoded networks of spiking neurons",
    Neurocomputing 2002.
    """

    def __init__(self, x_min: Any, x_max: Any, tuning_curve_num: int, max_spike_time: int, device: Any = "cpu") -> None:
        early.check_curves(tuning_curve_num, max_spike_time)
        super().__init__(max_spike_time)
        self.x_min, self.x_max = x_min, x_max
        self.tuning_curve_num, self.max_spike_time = tuning_curve_num, max_spike_time

    def encode(self, x: torch.Tensor) -> None:
        early.check_features(x, self.x_min)
        self.spike = early.tuning_curve_spikes(x, self.x_min, self.x_max, self.tuning_curve_num, self.max_spike_time)


class IntervalEncoder(PeriodicEncoder):
    """A spike of all neurons after each ``T_in`` silent time steps.

    :param T_in: number of silent time steps, at least 0
    :param shape: of the output of a time step
    :param device: of the output

    :raises ValueError: (also an AssertionError) for a negative ``T_in``
    """

    def __init__(self, T_in: int, shape: Sequence[int], device: Any = "cpu") -> None:
        super().__init__(early.interval_spikes(T_in, shape).to(device))


def __getattr__(name: str) -> Any:
    _former_names.refuse(__name__, name, {"BaseEncoder": "StatefulEncoder or StatelessEncoder"})
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
