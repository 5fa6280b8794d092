"""What stands in a converted network where activations and max pooling stood."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.ann2snn import _pooling
from spikingjelly.activation_based.ann2snn._time import AcrossTime, Clock
from spikingjelly.activation_based.ann2snn.modules import VoltageScaler


class SpikingActivation(AcrossTime):
    r"""A ReLU as a neuron: ``scaler0`` (:math:`1 / s`), ``if_node`` (threshold 1), ``scaler1`` (:math:`s`).

    Each spike stands for :math:`s`, and the mean output over T steps is the activation, rounded down to a multiple of
    :math:`s / T` and clipped at :math:`s`.

    :param scale: :math:`s`, a float, or a tensor that broadcasts to ``[N, *]``
    :param if_node: the neuron, with threshold 1
    """

    offset: torch.Tensor | None
    folded_scale: torch.Tensor | None

    def __init__(self, scale: float | torch.Tensor, if_node: base.MemoryModule, clock: Clock) -> None:
        super().__init__(clock)
        self.scaler0 = VoltageScaler(1.0 / scale)
        self.if_node = if_node
        self.scaler1 = VoltageScaler(scale)
        self.register_buffer("offset", None)  # a calibration gives it a current that flows in every time step
        self.register_buffer("folded_scale", None, persistent=False)  # the scale that fold_scales gave to weights
        self.pool: Any = None  # fold_scales moves the average pooling behind the first neurons to here

    @property
    def spike_value(self) -> torch.Tensor:
        """The :math:`s` that one spike stands for, also where the layers behind multiply by it."""
        scale: torch.Tensor = self.scaler1.scale if self.folded_scale is None else self.folded_scale
        return scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        current = self.scaler0(x if self.offset is None else x + self.offset)
        if self.pool is None:
            return self.scaler1(self.across(current, self.if_node))
        return self.scaler1(self._pooled(current))

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        """In one pass, if the input is static and nobody looks at the spikes."""
        node: Any = self.if_node
        window = _pooling.window_of(self.pool)
        is_static = self.step_mode == "m" and self.clock.input_is_static and self.before_first_neuron
        if is_static and window is not None and _pooling.fits(node, x, window):
            return self.clock.merge(_pooling.run(node, x, self.clock.T, window))
        return self.pool(self.across(x, node))


class _RunningPool(base.MemoryModule):
    """The state of :class:`SpikingMaxPool`."""

    total: Any
    pooled: Any

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.register_memory("total", 0.0)
        self.register_memory("pooled", 0.0)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_carried_state(x)
        self.total = self.total + x
        before, self.pooled = self.pooled, self.pool(self.total)
        return self.pooled - before

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """All sums over time first, then one pooling of all of them."""
        self._check_carried_state(x_seq[0])
        totals = []
        for x in x_seq.unbind(0):
            self.total = self.total + x
            totals.append(self.total)
        pooled = self.pool(torch.stack(totals).flatten(0, 1)).unflatten(0, (len(totals), -1))
        before = torch.cat([torch.as_tensor(self.pooled).to(pooled).expand_as(pooled[:1]), pooled[:-1]])
        self.pooled = pooled[-1]
        return pooled - before


class SpikingMaxPool(AcrossTime):
    r"""Max pooling of firing rates, not of single spikes: ``pool`` sees what has come in so far.

    .. math::
        Y[t] = \mathrm{pool}\Big(\sum_{i \le t} X[i]\Big) - \mathrm{pool}\Big(\sum_{i < t} X[i]\Big)

    The output over any time is the maximum of the inputs over that time. For spikes of one height the output is spikes
    of that height: a maximum of counts that grow by 0 or 1 grows by 0 or 1.

    :param pool: a max pooling module
    """

    def __init__(self, pool: nn.Module, clock: Clock) -> None:
        super().__init__(clock)
        self.running = _RunningPool(pool)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.across(x, self.running)
