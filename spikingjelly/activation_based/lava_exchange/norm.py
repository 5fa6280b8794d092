"""Batch normalisation whose factor is a power of two."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_positive_int


def _unchanged(x: torch.Tensor) -> torch.Tensor:
    return x


class BatchNorm2d(nn.Module):
    r"""Normalisation that the chip does with a subtraction and a shift: ``[N, C, H, W]`` to the same.

    .. math::
        y = (x - \mu_c) \, 2^{-\min(\max(\lceil \log_2 \sigma \rceil, -b), b)}

    :math:`\mu_c` is the mean of a channel, :math:`\sigma^2` the mean of all squared distances from it, one for all
    channels; of the batch in training, the running ones in evaluation. There are no weights.

    :param num_features: channels
    :param eps: is added to :math:`\sigma^2`
    :param momentum: share of the new batch in the running statistics
    :param track_running_stats: without, the batch's own statistics are used in evaluation as well
    :param weight_exp_bits: :math:`b`, the largest shift in either direction
    :param pre_hook_fx: what is done to the input, mean and result, for example :func:`step_quantize`
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        track_running_stats: bool = True,
        weight_exp_bits: int = 3,
        pre_hook_fx: Callable[[torch.Tensor], torch.Tensor] = _unchanged,
    ) -> None:
        super().__init__()
        check_positive_int(self, "num_features", num_features)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.track_running_stats = track_running_stats
        self.weight_exp_bits = weight_exp_bits
        self.pre_hook_fx = pre_hook_fx
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"BatchNorm2d: expected x with shape [N, {self.num_features}, H, W], but got {list(x.shape)}."
            )
        x = self.pre_hook_fx(x)
        if self.training or not self.track_running_stats:
            mean = x.mean((0, 2, 3))
            variance = (x - mean.view(1, -1, 1, 1)).square().mean()
            self._follow(mean.detach(), variance.detach())
        else:
            mean, variance = self.running_mean, self.running_var
        factor = torch.exp2(-self.shift(variance))
        return self.pre_hook_fx((x - self.pre_hook_fx(mean).view(1, -1, 1, 1)) * factor)

    def shift(self, variance: torch.Tensor) -> torch.Tensor:
        r""":math:`\lceil \log_2 \sigma \rceil` within its bounds; without a gradient."""
        exponent = torch.log2((variance.detach() + self.eps).sqrt()).ceil()
        return exponent.clamp(-self.weight_exp_bits, self.weight_exp_bits)

    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.track_running_stats:
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance.expand(1), self.momentum)

    def to_lava(self) -> nn.Module:
        """The same as a module of Lava's deep learning library.

        :raises ImportError: without lava-dl
        """
        from spikingjelly.activation_based.lava_exchange.lava import slayer

        norm = slayer().neuron.norm.WgtScaleBatchNorm(
            self.num_features,
            momentum=self.momentum,
            weight_exp_bits=self.weight_exp_bits,
            eps=self.eps,
            pre_hook_fx=self.pre_hook_fx,
        )
        norm.running_mean.data.copy_(self.running_mean)
        norm.running_var.data.copy_(self.running_var.expand_as(norm.running_var))
        return norm

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"track_running_stats={self.track_running_stats}, weight_exp_bits={self.weight_exp_bits}"
        )
