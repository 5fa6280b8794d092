"""Train an ordinary network on images that lie in memory, with random shifts and rotations."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import quantize


@dataclass(frozen=True)
class Recipe:
    """How to train.

    :param epochs: passes through the training images
    :param batch_size: images per step
    :param lr: highest learning rate; it rises over the first tenth of the steps and falls as a cosine
    :param weight_decay: of AdamW
    :param shift: largest random shift, in pixels
    :param rotation: largest random rotation, in degrees
    :param flip: whether to mirror every second image from left to right
    :param activation_limit: outputs of ReLUs above it are punished, with half the squared distance, summed over the
        neurons of an image, times ``activation_weight``; None for no limit. The largest activation is what a spike
        stands for in the simplest conversion: without outliers fewer time steps suffice
    :param activation_weight: see there
    :param clip: for every second batch each ReLU is clipped at a random part, between this one and 1, of the limit (the
        logarithm of the part is uniform): conversions whose threshold is a part of the largest activation clip too, and
        the network learns to do without what they take; 1 for no clipping. (A part of the batch's largest output would
        reward outliers.)
    :param levels: outputs that are clipped are also rounded down to so many levels above 0, as the rates of neurons
        after so many time steps are, with the gradient of the identity: the network learns to do without small
        activations too; None for no rounding
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float = 3e-3
    weight_decay: float = 1e-4
    shift: float = 2.0
    rotation: float = 0.0
    flip: bool = False
    activation_limit: float | None = None
    activation_weight: float = 1e-2
    clip: float = 1.0
    levels: int | None = None


def moved(images: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """``images`` ``[N, C, H, W]``, each shifted, rotated and mirrored at random; what comes in from outside is 0."""
    if not (recipe.shift or recipe.rotation or recipe.flip):
        return images
    N, _, height, width = images.shape
    angle = (2 * torch.rand(N) - 1) * math.radians(recipe.rotation)
    mirror = 1.0 - 2.0 * (torch.rand(N) < 0.5) if recipe.flip else torch.ones(N)
    shift_x, shift_y = ((2 * torch.rand(N) - 1) * 2 * recipe.shift / size for size in (width, height))
    rows = [angle.cos() * mirror, -angle.sin(), shift_x, angle.sin() * mirror, angle.cos(), shift_y]
    grid = F.affine_grid(torch.stack(rows, 1).view(N, 2, 3).to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def batches_of(*tensors: torch.Tensor, batch_size: int, shuffle: bool) -> Iterator[tuple[torch.Tensor, ...]]:
    """Batches of rows of ``tensors``; 8-bit images as floats in [0, 1]."""
    count = len(tensors[0])
    order = torch.randperm(count) if shuffle else torch.arange(count)
    for rows in order.split(batch_size):
        yield tuple(part[rows].float() / 255 if part.dtype == torch.uint8 else part[rows] for part in tensors)


def train(
    net: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe,
    device: str = "cpu",
    before_batch: Callable[[int], object] = lambda number: None,
) -> None:
    """Train ``net`` in place with AdamW and cross entropy, with a progress bar.

    :param images: ``[N, C, H, W]``, uint8 or floats in [0, 1]
    :param labels: ``[N]``
    :param before_batch: is called with the number of each batch, from 0 on, before the network sees it
    """
    _channels_last(net.to(device)).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * math.ceil(len(labels) / recipe.batch_size)
    warm_up = max(1, steps // 10)
    falling = max(1, steps - warm_up)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm_up, 0.5 + 0.5 * math.cos(math.pi * max(0, step - warm_up) / falling)),
    )
    limits = _Limits(net, recipe)
    with tqdm(total=steps, desc="training", unit="step", leave=False) as bar:
        for _ in range(recipe.epochs):
            for x, y in batches_of(images, labels, batch_size=recipe.batch_size, shuffle=True):
                x = moved(x.to(device, memory_format=torch.channels_last), recipe)
                limits.next_batch()
                before_batch(bar.n)
                loss = F.cross_entropy(net(x), y.to(device)) + limits.penalty()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    limits.remove()


class _Limits:
    """Sees the outputs of the ReLUs of ``net``: punishes those above the limit of ``recipe``, and clips at random."""

    def __init__(self, net: nn.Module, recipe: Recipe) -> None:
        self.recipe = recipe
        self.penalties: list[torch.Tensor] = []
        self.clips = False
        relus = [module for module in net.modules() if isinstance(module, nn.ReLU)]
        if recipe.clip < 1 and recipe.activation_limit is None:
            raise ValueError(f"clip={recipe.clip} is a part of activation_limit, which must be given then.")
        self.handles = [relu.register_forward_hook(self._see) for relu in relus if recipe.activation_limit is not None]

    def next_batch(self) -> None:
        """Forget the last forward pass, and draw whether the next one is clipped."""
        self.penalties.clear()
        self.clips = self.recipe.clip < 1 and bool(torch.rand(()) < 0.5)

    def _see(self, module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor | None:
        limit = self.recipe.activation_limit or 0.0
        excess = F.relu(output - limit)
        self.penalties.append(0.5 * excess.square().flatten(1).sum(1).mean())
        if not self.clips:
            return None
        part = self.recipe.clip ** float(torch.rand(()))
        rate = (output / (part * limit)).clamp(max=1.0)
        levels = self.recipe.levels
        return part * limit * (rate if levels is None else quantize.floor(rate * levels) / levels)

    def penalty(self) -> torch.Tensor | float:
        """Of the last forward pass."""
        return self.recipe.activation_weight * sum(self.penalties)

    def remove(self) -> None:
        """Let go of the network."""
        for handle in self.handles:
            handle.remove()


@torch.no_grad()
def accuracy(net: nn.Module, images: torch.Tensor, labels: torch.Tensor, device: str = "cpu") -> float:
    """The part of ``images`` that ``net``, in evaluation mode, classifies as ``labels`` say."""
    _channels_last(net.to(device)).eval()
    right = 0
    for x, y in batches_of(images, labels, batch_size=500, shuffle=False):
        right += int((net(x.to(device, memory_format=torch.channels_last)).argmax(1).cpu() == y).sum())
    return right / len(labels)


def _channels_last(net: nn.Module) -> nn.Module:
    """Pooling on the CPU is much faster with this layout."""
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
