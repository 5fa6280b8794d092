"""Mixing the images of a batch."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import one_hot

__all__ = ["RandomCutmix", "RandomMixup"]


class _RandomMix(nn.Module):
    """Mixes each image with another of its batch, and the classes alike.

    :param num_classes: number of classes
    :param p: probability that a batch is mixed
    :param alpha: the share of the image is drawn from Beta(alpha, alpha)
    :param inplace: whether the batch itself is changed

    :raises ValueError: for another value of a parameter
    """

    def __init__(self, num_classes: int, p: float = 0.5, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if num_classes < 1 or not alpha > 0 or not 0.0 <= p <= 1.0:
            raise ValueError(
                f"{type(self).__name__}: expected num_classes >= 1, 0 <= p <= 1 and alpha > 0, but "
                f"num_classes={num_classes}, p={p} and alpha={alpha} were given."
            )
        self.num_classes = num_classes
        self.p = p
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, batch: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images ``[N, C, H, W]`` and classes ``[N]`` to images and weights of the classes ``[N, num_classes]``."""
        self._check(batch, target)
        batch = batch if self.inplace else batch.clone()
        weights = one_hot(target, self.num_classes).to(batch.dtype)
        if torch.rand(1).item() >= self.p:
            return batch, weights
        share = torch.distributions.Beta(self.alpha, self.alpha).sample().item()
        share = self._mix(batch, batch.roll(1, 0), share)
        return batch, share * weights + (1.0 - share) * weights.roll(1, 0)

    def _mix(self, batch: torch.Tensor, others: torch.Tensor, share: float) -> float:
        raise NotImplementedError

    def _check(self, batch: torch.Tensor, target: Any) -> None:
        name = type(self).__name__
        if batch.dim() != 4 or not batch.is_floating_point():
            raise ValueError(
                f"{name}: the batch must be floating-point images [N, C, H, W], but a tensor of dtype {batch.dtype} "
                f"and shape {list(batch.shape)} was given."
            )
        if target.shape != batch.shape[:1] or target.dtype != torch.int64:
            raise ValueError(
                f"{name}: the target must be the class of each image, int64 [N], but a tensor of dtype {target.dtype} "
                f"and shape {list(target.shape)} was given."
            )

    def extra_repr(self) -> str:
        return f"num_classes={self.num_classes}, p={self.p}, alpha={self.alpha}, inplace={self.inplace}"


class RandomMixup(_RandomMix):
    r"""Mixup: :math:`\lambda x_i + (1 - \lambda) x_{i-1}`, and the classes alike.

    The parameters and errors are

    :param num_classes: number of classes
    :param p: probability that a batch is mixed
    :param alpha: :math:`\lambda` is drawn from Beta(alpha, alpha), once for each batch
    :param inplace: whether the batch itself is changed

    :raises ValueError: for another value of a parameter, or another shape or dtype of an input

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
    """

    def _mix(self, batch: torch.Tensor, others: torch.Tensor, share: float) -> float:
        batch.mul_(share).add_(others, alpha=1.0 - share)
        return share


class RandomCutmix(_RandomMix):
    r"""Cutmix: a box of each image is that of another, with :math:`1 - \lambda` of the area before it is cut at the
    borders; the classes mix by the area that it has.

    The parameters and errors are those of :class:`RandomMixup`.

    Source: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    ICCV 2019.
    """

    def _mix(self, batch: torch.Tensor, others: torch.Tensor, share: float) -> float:
        height, width = batch.shape[-2:]
        column, row = int(torch.randint(width, (1,))), int(torch.randint(height, (1,)))
        half = 0.5 * (1.0 - share) ** 0.5
        half_height, half_width = int(half * height), int(half * width)
        top, bottom = max(0, row - half_height), min(height, row + half_height)
        left, right = max(0, column - half_width), min(width, column + half_width)
        batch[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        return 1.0 - (bottom - top) * (right - left) / (height * width)
