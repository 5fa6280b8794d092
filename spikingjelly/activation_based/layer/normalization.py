"""Batch and group normalisation with step modes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly import normalization
from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_number
from spikingjelly.activation_based._repeated import repeat
from spikingjelly.activation_based.layer._wrapped import Layouts, StepLayer, check_sequence_layout

LAYOUTS_1D: Layouts = ("N, C, L", "N, C")
LAYOUTS_2D: Layouts = ("N, C, H, W",)
LAYOUTS_3D: Layouts = ("N, C, D, H, W",)


class _OverTime(StepLayer):
    """Batch statistics of all time steps together, from one of them where all are the same."""

    running_mean: Any
    running_var: Any
    num_batches_tracked: Any
    momentum: Any
    weight: Any
    bias: Any
    eps: float
    track_running_stats: bool
    _check_input_dim: Callable[[torch.Tensor], None]

    def _torch_layer(self, x: torch.Tensor) -> Any:
        if self.training and normalization.can_take(x, self.weight, self.bias, self.running_mean, self.running_var):
            self._check_input_dim(x)
            return normalization.batch_norm(x, self.weight, self.bias, self._running(), self.eps)
        return super()._torch_layer(x)

    def _running(self) -> normalization.Running | None:
        """The statistics that this batch moves; one more batch is counted, as in the torch class."""
        if not self.track_running_stats or self.running_mean is None:
            return None
        momentum = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            momentum = 1.0 / float(self.num_batches_tracked) if momentum is None else momentum
        return normalization.Running(self.running_mean, self.running_var, momentum or 0.0)

    def _run(self, torch_layer: Callable[[torch.Tensor], Any], x: torch.Tensor) -> Any:
        step = self._step_of(x) if self.step_mode == "m" else None
        values = 0 if step is None or step.dim() < 2 else step.numel() // step.shape[1]
        if step is None or values < 2:
            return super()._run(torch_layer, x)
        check_sequence_layout(self, x, self._layouts)
        before = None if self.running_var is None or not self.training else self.running_var.clone()
        output = torch_layer(step)
        if before is not None:
            self._count_values_of_all_steps(before, values, x.shape[0])
        return repeat(output, x.shape[0], x)

    @torch.no_grad()
    def _count_values_of_all_steps(self, before: torch.Tensor, values: int, T: int) -> None:
        """The running variance is unbiased: n / (n - 1) times the mean square of all T * n values of the sequence."""
        momentum = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        kept = before * (1.0 - momentum)
        ratio = (T * values / (T * values - 1)) / (values / (values - 1))
        # Through .data: batch_norm has saved the buffer, though its backward pass in training does not read it.
        self.running_var.data.copy_(kept + (self.running_var - kept) * ratio)


class _BatchNorm(_OverTime):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "s",
    ) -> None:
        super().__init__(
            num_features,
            eps=eps,
            momentum=momentum,
            affine=affine,
            track_running_stats=track_running_stats,
            step_mode=step_mode,
        )


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """:class:`torch.nn.BatchNorm1d` on ``[N, C]`` or ``[N, C, L]`` in step mode 's', ``[T, N, C]`` or ``[T, N, C, L]``
    in 'm'.

    In 'm' mean and variance are those of all time steps together; in 's' each time step has its own.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class, as are the names in ``state_dict``

    :raises ValueError: in step mode 'm', for an input of another number of dimensions
    """

    _layouts = LAYOUTS_1D


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """:class:`torch.nn.BatchNorm2d` on ``[N, C, H, W]`` in step mode 's' and ``[T, N, C, H, W]`` in 'm'.

    Statistics, parameters and errors as in :class:`BatchNorm1d`.
    """

    _layouts = LAYOUTS_2D


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """:class:`torch.nn.BatchNorm3d` on ``[N, C, D, H, W]`` in step mode 's' and ``[T, N, C, D, H, W]`` in 'm'.

    Statistics, parameters and errors as in :class:`BatchNorm1d`.
    """

    _layouts = LAYOUTS_3D


class GroupNorm(StepLayer, nn.GroupNorm):
    """:class:`torch.nn.GroupNorm` on ``[N, C, *]`` in step mode 's' and ``[T, N, C, *]`` in 'm'.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class, as are the names in ``state_dict``

    :raises ValueError: in step mode 'm', for an input that has not the dimensions T, N and C
    """

    _layouts = ("N, C, *",)
    _takes_each_step_alone = True

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, step_mode: str = "s"
    ) -> None:
        super().__init__(num_groups, num_channels, eps=eps, affine=affine, step_mode=step_mode)


class _ThresholdDependentBatchNorm(base.MultiStepModule, _OverTime, nn.modules.batchnorm._BatchNorm):
    # Not of nn.BatchNorm2d: what gives all of those a weight of 1 is to leave alpha * v_th alone, as in other releases.
    def __init__(self, alpha: float, v_th: float, *args: Any, **kwargs: Any) -> None:
        first_weight = check_number(self, "alpha", alpha) * check_number(self, "v_th", v_th)
        kwargs.setdefault("step_mode", "m")
        super().__init__(*args, **kwargs)
        if not isinstance(self.weight, torch.Tensor):
            raise ArgumentValueError(
                f"{type(self).__name__}: affine must be True, but False was given: alpha * v_th is where the learnable "
                "weight starts."
            )
        self.alpha = alpha
        self.v_th = v_th
        nn.init.constant_(self.weight, first_weight)


class ThresholdDependentBatchNorm1d(_ThresholdDependentBatchNorm):
    r"""Batch normalisation over time and batch that fits the input of a neuron to its threshold.

    .. math::
        Y = \gamma \frac{X - \mathrm{E}[X]}{\sqrt{\mathrm{Var}[X] + \epsilon}} + \beta,
        \qquad \gamma_0 = \alpha V_{th}, \quad \beta_0 = 0

    with mean and variance of all time steps together. Only in step mode 'm', on ``[T, N, C]`` or ``[T, N, C, L]``.

    :param alpha: :math:`\alpha`, 1 in a chain of layers and :math:`1/\sqrt{n}` where n residual branches meet
    :param v_th: threshold :math:`V_{th}` of the neurons that follow
    :param args: the parameters of :class:`torch.nn.BatchNorm1d`, as are the names in ``state_dict``
    :param kwargs: the same by keyword

    :raises ValueError: for ``affine=False``, for step mode 's', and for an input of another number of dimensions

    Source: Zheng et al., "Going Deeper With Directly-Trained Larger Spiking Neural Networks", AAAI 2021.
    """

    _layouts = LAYOUTS_1D
    _check_input_dim = nn.BatchNorm1d._check_input_dim


class ThresholdDependentBatchNorm2d(_ThresholdDependentBatchNorm):
    """:class:`ThresholdDependentBatchNorm1d` on ``[T, N, C, H, W]``."""

    _layouts = LAYOUTS_2D
    _check_input_dim = nn.BatchNorm2d._check_input_dim


class ThresholdDependentBatchNorm3d(_ThresholdDependentBatchNorm):
    """:class:`ThresholdDependentBatchNorm1d` on ``[T, N, C, D, H, W]``."""

    _layouts = LAYOUTS_3D
    _check_input_dim = nn.BatchNorm3d._check_input_dim
