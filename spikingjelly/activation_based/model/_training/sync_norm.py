"""Batch normalisation over the batches of all processes, for layers with step modes."""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based.functional import seq_to_ann_forward
from spikingjelly.activation_based.model._training.processes import is_dist_avail_and_initialized


class SyncBatchNorm(base.StepModule, nn.modules.batchnorm._BatchNorm):
    """Batch normalisation of ``[N, C, *]`` in step mode 's' and ``[T, N, C, *]`` in 'm', with mean and variance over
    all time steps and processes, by sums over the processes on any device. In half precision they are float32."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return seq_to_ann_forward(input, self._step) if self.step_mode == "m" else self._step(input)

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"SyncBatchNorm: expected x with shape [N, C, *], but got {list(input.shape)}.")

    def _step(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input_dim(x)
        if not is_dist_avail_and_initialized() or not (self.training or self.running_mean is None):
            return super().forward(x)
        places = [dim for dim in range(x.dim()) if dim != 1]
        like_x = (1, -1) + (1,) * (x.dim() - 2)
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        count = _Sum.apply(wide.new_tensor([x.numel() / x.shape[1]]))
        mean = _Sum.apply(wide.sum(places)) / count
        centred = wide - mean.view(like_x)
        variance = _Sum.apply(centred.square().sum(places)) / count
        self._follow(mean, variance * (count / (count - 1)))
        y = centred * (variance + self.eps).rsqrt().view(like_x)
        if self.weight is not None:
            y = y * self.weight.view(like_x) + self.bias.view(like_x)
        return y.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        total = grad.clone()
        dist.all_reduce(total)
        return total


def synchronize_batch_norms(net: nn.Module) -> nn.Module:
    """``net`` with a :class:`SyncBatchNorm` in the place of each batch normalisation, with its weights and state."""
    for name, child in list(net.named_children()):
        setattr(net, name, synchronize_batch_norms(child))
    if type(net).__name__ not in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"):
        return net
    old: Any = net
    new = SyncBatchNorm(old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats)
    new.step_mode = getattr(old, "step_mode", "s")
    new.training = old.training
    new._parameters.update(old._parameters)
    new._buffers.update(old._buffers)
    return new
