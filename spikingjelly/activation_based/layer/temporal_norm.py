"""Batch normalisation with one learnable scale a time step."""

from typing import Any, ClassVar

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.functional._forward import seq_to_ann_forward
from spikingjelly.activation_based.layer._wrapped import Layouts, check_sequence_layout, explain_refusal
from spikingjelly.activation_based.layer.normalization import LAYOUTS_1D, LAYOUTS_2D, LAYOUTS_3D


class TemporalEffectiveBatchNormNd(base.MemoryModule):
    """What :class:`TemporalEffectiveBatchNorm1d` and its 2d and 3d versions share.

    :raises TypeError: if it is used itself
    """

    _batch_norm: ClassVar[type[nn.Module]]
    _layouts: ClassVar[Layouts]

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
        if type(self) is TemporalEffectiveBatchNormNd:
            raise TypeError("TemporalEffectiveBatchNormNd is a base: use TemporalEffectiveBatchNorm1d, 2d or 3d.")
        check_positive_int(self, "T", T)
        super().__init__()
        self.T = T
        # torch's own class: a child with step modes would have to follow the step mode of this module.
        self.bn = self._batch_norm(num_features, eps, momentum, affine, track_running_stats)
        self.scale = nn.Parameter(torch.ones(T))
        self.register_memory("t", 0)
        self.step_mode = step_mode

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """Time step ``t``, which then counts one up: ``[N, *]``."""
        if self.t >= self.T:
            raise RuntimeError(
                f"{type(self).__name__}: the sequence has T={self.T} time steps and this would be number {self.t + 1}. "
                "Call functional.reset_net(net) before a new sequence."
            )
        try:
            y = self.bn(x)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            explain_refusal(self, x, self._layouts, True, error)
        y = y * self.scale[self.t]
        self.t += 1
        return y

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """A whole sequence ``[T, N, *]``. ``t`` stays: it counts single steps."""
        check_sequence_layout(self, x_seq, self._layouts)
        if x_seq.shape[0] != self.T:
            raise ValueError(
                f"{type(self).__name__}: expected a sequence of T={self.T} time steps, but got x with shape "
                f"{list(x_seq.shape)}. Give T={x_seq.shape[0]} to the layer: it learns one scale a time step."
            )
        return seq_to_ann_forward(x_seq, self.bn) * self.scale.view(-1, *[1] * (x_seq.dim() - 1))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # In the 2.0 releases the normalisation is no child: its keys come without "bn.".
        for name in self.bn.state_dict():
            if f"{prefix}{name}" in state_dict:
                state_dict[f"{prefix}bn.{name}"] = state_dict.pop(f"{prefix}{name}")
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        return f"T={self.T}, step_mode={self.step_mode}"


class TemporalEffectiveBatchNorm1d(TemporalEffectiveBatchNormNd):
    r"""Batch normalisation times a learnable scale of each time step.

    .. math::
        Y[t] = p[t] \cdot \mathrm{BN}(X[t]), \qquad p_0 = 1

    ``[T, N, C]`` or ``[T, N, C, L]`` in step mode 'm', where mean and variance are those of all time steps together;
    ``[N, C]`` or ``[N, C, L]`` in 's', where each call is the next time step until ``reset()``.

    :param T: number of time steps
    :param step_mode: 's' or 'm'; the other parameters are those of :class:`torch.nn.BatchNorm1d`, which is the child
        ``bn``; ``scale`` ``[T]`` is :math:`p`

    :raises ValueError: in step mode 'm', for a sequence of another length or number of dimensions
    :raises RuntimeError: in step mode 's', at time step T + 1

    Source: Duan et al., "Temporal Effective Batch Normalization in Spiking Neural Networks", NeurIPS 2022.
    """

    _batch_norm = nn.BatchNorm1d
    _layouts = LAYOUTS_1D


class TemporalEffectiveBatchNorm2d(TemporalEffectiveBatchNormNd):
    """:class:`TemporalEffectiveBatchNorm1d` on ``[T, N, C, H, W]`` and ``[N, C, H, W]``."""

    _batch_norm = nn.BatchNorm2d
    _layouts = LAYOUTS_2D


class TemporalEffectiveBatchNorm3d(TemporalEffectiveBatchNormNd):
    """:class:`TemporalEffectiveBatchNorm1d` on ``[T, N, C, D, H, W]`` and ``[N, C, D, H, W]``."""

    _batch_norm = nn.BatchNorm3d
    _layouts = LAYOUTS_3D
