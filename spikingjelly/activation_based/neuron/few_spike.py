"""Neurons that write one number with a few weighted spikes."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_floating_tensor,
    check_number,
    describe,
    name_of,
)
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE, own_surrogate

Numbers = torch.Tensor | Sequence[float]


def _as_row(owner: Any, name: str, values: Any) -> torch.Tensor:
    row = torch.as_tensor(values).detach().clone()
    if row.is_complex():
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be real, but {describe(values)} was given.")
    row = row if row.is_floating_point() else row.to(torch.get_default_dtype())
    if row.dim() != 1 or not bool(row.isfinite().all()):
        raise ArgumentValueError(
            f"{name_of(owner)}: {name} must be a sequence of finite numbers, but {describe(values)} was given."
        )
    return row


class FewSpikeTable:
    r"""How a few-spike neuron writes a number in :math:`K` time steps; see :class:`FewSpikeNode`.

    :param theta: threshold :math:`\theta_t` of each time step ``[K]``
    :param h: what a spike takes off the potential, :math:`h_t` ``[K]``
    :param d: what a spike is worth, :math:`d_t` ``[K]``

    :raises TypeError: (also an AssertionError) for complex values
    :raises ValueError: (also an AssertionError) for values that are not finite, and for three sequences of different
        lengths or of none
    """

    def __init__(self, theta: Numbers, h: Numbers, d: Numbers) -> None:
        self.theta = _as_row(self, "theta", theta)
        self.h = _as_row(self, "h", h)
        self.d = _as_row(self, "d", d)
        if not len(self.theta) == len(self.h) == len(self.d) > 0:
            raise ArgumentValueError(
                "FewSpikeTable: theta, h and d must have the same number of values, at least 1, but "
                f"{len(self.theta)}, {len(self.h)} and {len(self.d)} were given."
            )

    @property
    def K(self) -> int:
        """The number of time steps."""
        return len(self.theta)


class FewSpikeNode(nn.Module, base.StepModule):
    r"""Writes its input :math:`X` with :math:`K` weighted spikes, without memory from one call to the next:

    .. math::
        V[1] &= X \\
        S[t] &= \Theta(V[t] - \theta_t) \\
        V[t+1] &= V[t] - h_t S[t] \\
        Y[t] &= d_t S[t]

    In step mode 's' the input is ``[*]`` and the output is :math:`\sum_t Y[t]` ``[*]``; in 'm' the input is
    ``[K, *]``, whose sum over time is :math:`X`, and the output :math:`Y` ``[K, *]``.

    :param table: thresholds and weights; kept as buffers ``theta``, ``h`` and ``d``
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) if ``table`` is no :class:`FewSpikeTable`; for input of another dtype
        than floating point
    :raises ValueError: in step mode 'm', for another number of time steps than :math:`K`

    Source: Stöckl, Maass, "Optimized spiking neurons can classify images with high accuracy through temporal coding
    with two spikes", Nature Machine Intelligence 3, 2021.
    """

    theta: torch.Tensor
    h: torch.Tensor
    d: torch.Tensor

    def __init__(
        self,
        table: FewSpikeTable,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        step_mode: str = "s",
    ) -> None:
        _check_table(self, "table", table)
        super().__init__()
        self.register_buffer("theta", table.theta.clone())
        self.register_buffer("h", table.h.clone())
        self.register_buffer("d", table.d.clone())
        self.surrogate_function = own_surrogate(self, surrogate_function or DEFAULT_SURROGATE)
        self.step_mode = step_mode

    @property
    def K(self) -> int:
        """The number of time steps."""
        return len(self.theta)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The number that the spikes for ``x`` ``[*]`` make up."""
        check_floating_tensor(self, "the input", x)
        return self._spikes(x).sum(0)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The weighted spikes for the sum of ``x_seq`` ``[K, *]`` over time."""
        check_floating_tensor(self, "the input", x_seq)
        if x_seq.dim() == 0 or x_seq.shape[0] != self.K:
            raise ValueError(
                f"{type(self).__name__}: step_mode='m' expects a sequence [T, N, *] with T = K = {self.K} time steps, "
                f"but {describe(x_seq)} was given."
            )
        return self._spikes(x_seq.sum(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.single_step_forward(x) if self.step_mode == "s" else self.multi_step_forward(x)

    def _spikes(self, x: torch.Tensor) -> torch.Tensor:
        return self._of_table(x, self.theta, self.h, self.d)

    def _of_table(self, v: torch.Tensor, theta: torch.Tensor, h: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        weighted = []
        for threshold, taken, worth in zip(theta, h, d, strict=True):
            spike = self.surrogate_function(v - threshold)
            weighted.append(worth * spike)
            v = v - taken * spike
        return torch.stack(weighted)

    def extra_repr(self) -> str:
        return f"K={self.K}, step_mode={self.step_mode}"


class HGNode(FewSpikeNode):
    r"""A few-spike neuron with another table for each region of its input (hierarchically gated): the first table for
    :math:`X \leq g_1`, the next for :math:`g_1 < X \leq g_2`, the last one above all gates.

    :param tables: at least one, all of the same :math:`K`; kept as buffers ``region_theta``, ``region_h``, ``region_d``
    :param gate_thresholds: the gates :math:`g_i` in ascending order, one less than tables

    The other parameters, shapes and errors are those of :class:`FewSpikeNode`.

    :raises ValueError: (also an AssertionError) for other numbers of tables, gates or time steps

    Source: Chen et al., "LAS: Loss-less ANN-SNN Conversion for Fully Spike-Driven Large Language Models", 2025.
    """

    region_theta: torch.Tensor
    region_h: torch.Tensor
    region_d: torch.Tensor
    gate_thresholds: torch.Tensor

    def __init__(
        self,
        tables: Sequence[FewSpikeTable],
        gate_thresholds: Numbers,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        step_mode: str = "s",
    ) -> None:
        gates = _as_row(self, "gate_thresholds", gate_thresholds)
        if len(tables) == 0 or len(gates) != len(tables) - 1 or bool((gates.diff() <= 0).any()):
            raise ArgumentValueError(
                f"HGNode: gate_thresholds must ascend, one less than tables, but {gates.tolist()} was given for "
                f"{len(tables)} tables."
            )
        for table in tables:
            _check_table(self, "tables", table)
        if len({table.K for table in tables}) > 1:
            raise ArgumentValueError(
                f"HGNode: all tables must have the same K, but they have {[table.K for table in tables]}."
            )
        super().__init__(tables[0], surrogate_function, step_mode)
        del self.theta, self.h, self.d
        for name in ("theta", "h", "d"):
            self.register_buffer(f"region_{name}", torch.stack([getattr(table, name) for table in tables]))
        self.register_buffer("gate_thresholds", gates)

    @property
    def K(self) -> int:
        """The number of time steps."""
        return self.region_theta.shape[1]

    def _spikes(self, x: torch.Tensor) -> torch.Tensor:
        rows = zip(self.region_theta, self.region_h, self.region_d, strict=True)
        spikes = [self._of_table(x, *row) for row in rows]
        chosen = spikes[0]
        for gate, above in zip(self.gate_thresholds, spikes[1:], strict=True):
            chosen = torch.where(x > gate, above, chosen)
        return chosen

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, regions={len(self.region_theta)}, gate_thresholds={self.gate_thresholds}"


class OutlierAwareThresholdNode(FewSpikeNode):
    r"""A few-spike neuron for numbers of both signs, with another table for the few large ones: the size of the input
    is written with ``table`` up to ``split_threshold`` and with ``outlier_table`` above, and gets its sign back.

    :param table: for :math:`|X| \leq` ``split_threshold``
    :param outlier_table: for larger ones, of the same :math:`K`
    :param split_threshold: at least 0
    :param clamp_value: the input is cut off at plus and minus this, at least ``split_threshold``; None: it is not

    The other parameters, shapes and errors are those of :class:`FewSpikeNode`.

    :raises ValueError: (also an AssertionError) for tables of different :math:`K`, and for thresholds out of order

    Source: Chen et al., "LAS: Loss-less ANN-SNN Conversion for Fully Spike-Driven Large Language Models", 2025.
    """

    outlier_theta: torch.Tensor
    outlier_h: torch.Tensor
    outlier_d: torch.Tensor

    def __init__(
        self,
        table: FewSpikeTable,
        outlier_table: FewSpikeTable,
        split_threshold: float,
        clamp_value: float | None = None,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        step_mode: str = "s",
    ) -> None:
        _check_table(self, "table", table)
        _check_table(self, "outlier_table", outlier_table)
        split = check_number(self, "split_threshold", split_threshold)
        clamp = None if clamp_value is None else check_number(self, "clamp_value", clamp_value)
        if not split >= 0.0 or (clamp is not None and not clamp >= split):
            raise ArgumentValueError(
                "OutlierAwareThresholdNode: split_threshold must be at least 0 and clamp_value not less than it, but "
                f"{split_threshold} and {clamp_value} were given."
            )
        if table.K != outlier_table.K:
            raise ArgumentValueError(
                f"OutlierAwareThresholdNode: both tables must have the same K, but {table.K} and {outlier_table.K} "
                "were given."
            )
        super().__init__(table, surrogate_function, step_mode)
        for name in ("theta", "h", "d"):
            self.register_buffer(f"outlier_{name}", getattr(outlier_table, name).clone())
        self.split_threshold = split
        self.clamp_value = clamp

    def _spikes(self, x: torch.Tensor) -> torch.Tensor:
        if self.clamp_value is not None:
            x = x.clamp(-self.clamp_value, self.clamp_value)
        size = x.abs()
        common = self._of_table(size, self.theta, self.h, self.d)
        outliers = self._of_table(size, self.outlier_theta, self.outlier_h, self.outlier_d)
        return x.sign() * torch.where(size <= self.split_threshold, common, outliers)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, split_threshold={self.split_threshold}, clamp_value={self.clamp_value}"


def _check_table(owner: Any, name: str, table: Any) -> None:
    if not isinstance(table, FewSpikeTable):
        raise ArgumentTypeError(f"{name_of(owner)}: {name} must be a FewSpikeTable, but {describe(table)} was given.")
