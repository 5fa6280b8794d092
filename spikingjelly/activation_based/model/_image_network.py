"""What networks for images share that repeat a static image over time."""

import torch
from torch import fx, nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, describe
from spikingjelly.activation_based._repeated import repeat


class ImageNetwork(nn.Module, base.StepModule):
    """A network in step mode 'm' from the start, for ``[N, C, H, W]`` or ``[T, N, C, H, W]``.

    :param T: number of time steps that a static image is repeated
    :param in_channels: channels of the images
    :param num_classes: number of classes
    """

    _step_mode = "m"

    def __init__(self, T: int, in_channels: int, num_classes: int) -> None:
        check_positive_int(self, "T", T)
        check_positive_int(self, "in_channels", in_channels)
        check_positive_int(self, "num_classes", num_classes)
        super().__init__()
        self.T = T
        self.in_channels = in_channels
        self.num_classes = num_classes

    def _as_sequence(self, x: torch.Tensor) -> torch.Tensor:
        """In 'm' the sequence, or the image at each of T time steps without a copy; in 's' the time step itself."""
        if self.step_mode == "s" and isinstance(x, fx.Proxy):  # torch.fx records what is done to any input
            return x
        dimensions = x.dim() if isinstance(x, torch.Tensor) else None
        if self.step_mode == "m" and dimensions == 5:
            return x
        if dimensions == 4:
            return repeat(x, self.T) if self.step_mode == "m" else x
        expected = "images [N, C, H, W] or a sequence [T, N, C, H, W]"
        raise ValueError(
            f"{type(self).__name__}: step_mode={self.step_mode!r} takes "
            f"{expected if self.step_mode == 'm' else 'one time step [N, C, H, W]'}, but {describe(x)} was given."
        )

    def _mean_over_time(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(0) if self.step_mode == "m" else x


def check_divisible(owner: nn.Module, name: str, value: int, divisor: int, reason: str) -> None:
    """``value`` must be a multiple of ``divisor``, at least once.

    :raises ValueError: (also an AssertionError) that gives the reason
    """
    check_positive_int(owner, name, value)
    if value % divisor:
        raise ArgumentValueError(
            f"{type(owner).__name__}: {name} must be a multiple of {divisor}, for {reason}, but {value} was given."
        )


class ThreeStages(ImageNetwork):
    """Networks of three embeddings of patches, each with a stage of blocks behind it."""

    patch_embed1: nn.Module
    patch_embed2: nn.Module
    patch_embed3: nn.Module
    stage1: nn.ModuleList
    stage2: nn.ModuleList
    stage3: nn.ModuleList

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        """What the last stage gives ``[T, N, C]``, the mean over its pixels."""
        x = self._as_sequence(x)
        for embed, stage in (
            (self.patch_embed1, self.stage1),
            (self.patch_embed2, self.stage2),
            (self.patch_embed3, self.stage3),
        ):
            x = embed(x)
            for block in stage:
                x = block(x)
        return x.flatten(-2).mean(-1)
