"""One batch normalisation for each time step."""

from typing import ClassVar

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.layer._wrapped import Layouts, check_sequence_layout, explain_refusal
from spikingjelly.activation_based.layer.normalization import LAYOUTS_1D, LAYOUTS_2D, LAYOUTS_3D


class BatchNormThroughTimeNd(base.MemoryModule):
    """What :class:`BatchNormThroughTime1d` and its 2d and 3d versions share."""

    _batch_norm: ClassVar[type[nn.Module]]
    _layouts: ClassVar[Layouts]
    t: int

    def __init__(
        self,
        T: int,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "s",
    ) -> None:
        check_positive_int(self, "T", T)
        super().__init__()
        self.T = T
        # torch's own class: a child with step modes would have to follow the step mode of this module.
        self.bn_list = nn.ModuleList(
            self._batch_norm(num_features, eps, momentum, affine, track_running_stats) for _ in range(T)
        )
        for norm in self.bn_list:
            norm.register_parameter("bias", None)
        self.register_memory("t", -1)
        self.step_mode = step_mode

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The time step after ``t``, which then counts one up: ``[N, *]``."""
        if self.t + 1 >= self.T:
            raise RuntimeError(
                f"{type(self).__name__}: the sequence has T={self.T} time steps and this would be number {self.t + 2}. "
                "Call functional.reset_net(net) before a new sequence."
            )
        self.t += 1
        try:
            return self.bn_list[self.t](x)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            explain_refusal(self, x, self._layouts, True, error)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """The next time steps ``[T, N, *]``."""
        check_sequence_layout(self, x_seq, self._layouts)
        return super().multi_step_forward(x_seq)

    def extra_repr(self) -> str:
        return f"T={self.T}, step_mode={self.step_mode}"


class BatchNormThroughTime1d(BatchNormThroughTimeNd):
    r"""Batch normalisation through time: each time step has statistics and scales of its own, and no bias.

    .. math::
        Y[t] = \gamma_t \frac{X[t] - \mu_t}{\sqrt{\sigma_t^2 + \epsilon}}

    ``[T, N, C]`` or ``[T, N, C, L]`` in step mode 'm', ``[N, C]`` or ``[N, C, L]`` in 's'. The memory ``t`` is the
    number of the last time step and counts on from call to call until ``reset()``.

    :param T: number of time steps
    :param step_mode: 's' or 'm'; the other parameters are those of :class:`torch.nn.BatchNorm1d`, of which the child
        ``bn_list`` holds one for each time step

    :raises RuntimeError: at time step T + 1

    Source: Kim, Panda, "Revisiting Batch Normalization for Training Low-Latency Deep Spiking Neural Networks From
    Scratch", Frontiers in Neuroscience, 2021.
    """

    _batch_norm = nn.BatchNorm1d
    _layouts = LAYOUTS_1D


class BatchNormThroughTime2d(BatchNormThroughTimeNd):
    """:class:`BatchNormThroughTime1d` on ``[T, N, C, H, W]`` and ``[N, C, H, W]``."""

    _batch_norm = nn.BatchNorm2d
    _layouts = LAYOUTS_2D


class BatchNormThroughTime3d(BatchNormThroughTimeNd):
    """:class:`BatchNormThroughTime1d` on ``[T, N, C, D, H, W]`` and ``[N, C, D, H, W]``."""

    _batch_norm = nn.BatchNorm3d
    _layouts = LAYOUTS_3D
