"""Which of the ways to compute a convolution takes least."""

from typing import NamedTuple

import torch

from spikingjelly.sparse_products import _choice, _kernels, _winograd
from spikingjelly.sparse_products._library import Size

# Of the time of the dense layer: what skipping zeros takes without ones, and in addition with ones alone.
_TIME_WITHOUT_ONES, _TIME_OF_ONES = 0.25, 2.2
# Of Winograd's filtering, in multiplications at each position: for each channel of a tile, and for each weight.
_OF_CHANNEL, _OF_WEIGHT = 18, 30
HIGHEST_SHARE_OF_WINOGRAD = 0.85  # of the time of the dense layer
# The larger tile is the less accurate: it is kept from what decides whether a neuron fires.
TILES, TILES_OF_GRADIENT = (2,), (2, 4)


class Ways(NamedTuple):
    """How the passes of a layer are computed; what none of them names is PyTorch's."""

    sparse_forward: bool = False
    sparse_gradient: bool = False  # that of the weights
    tile: int = 0  # of Winograd's filtering forward; 0: none
    tile_of_gradient: int = 0  # of the gradient of the input


def choose(x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size) -> Ways:
    """The ways for ``x`` ``[N, C, H, W]`` and ``weight`` ``[O, C, KH, KW]``."""
    pixels = x.shape[0] * x.shape[2] * x.shape[3] // (stride[0] * stride[1])
    trained = torch.is_grad_enabled()
    tile, tile_of_gradient = _tiles(x, weight, stride, padding)
    ways = Ways(tile=tile, tile_of_gradient=tile_of_gradient if trained and x.requires_grad else 0)
    if not _choice.large_enough(pixels * weight.numel(), pixels, weight.shape[0]) or not _kernels.can_take(weight):
        return ways
    density = _choice.density(x)
    forward = density <= _highest_density(x, weight, tile)
    gradient = (
        weight.requires_grad
        and trained
        and density <= _choice.HIGHEST_DENSITY_OF_GRADIENT
        and pixels >= _choice.SMALLEST_PLANE_OF_GRADIENT
        and _kernels.can_take_gradient(weight, stride, padding)
    )
    return ways._replace(sparse_forward=forward, sparse_gradient=gradient, tile=0 if forward else tile)


def problem(ways: Ways) -> str | None:
    """Why the kernels for ``ways`` can't run here, or None; the first question builds them, which takes seconds."""
    sparse = _kernels.problem() if ways.sparse_forward or ways.sparse_gradient else None
    return _winograd.problem() if sparse is None and (ways.tile or ways.tile_of_gradient) else sparse


def _tiles(x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size) -> tuple[int, int]:
    if not _winograd.can_take(weight, stride, padding):
        return 0, 0
    samples, outputs, channels = x.shape[0], *weight.shape[:2]
    sides = [side + 2 * pad - 2 for side, pad in zip(x.shape[2:], padding, strict=True)]
    return (
        _best_tile(samples, channels, outputs, sides, TILES),
        _best_tile(samples, outputs, channels, list(x.shape[2:]), TILES_OF_GRADIENT),
    )


def _highest_density(x: torch.Tensor, weight: torch.Tensor, tile: int) -> float:
    """Up to which share of ones it pays to skip the zeros, where the other way is a tile of Winograd's filtering."""
    if not tile:
        return _choice.HIGHEST_DENSITY
    share = _share(x.shape[0], weight.shape[1], weight.shape[0], list(x.shape[2:]), tile)
    return min(_choice.HIGHEST_DENSITY, (share - _TIME_WITHOUT_ONES) / _TIME_OF_ONES)


def _best_tile(samples: int, channels: int, outputs: int, sides: list[int], tiles: tuple[int, ...]) -> int:
    if min(sides) < 1:
        return 0
    shares = {tile: _share(samples, channels, outputs, sides, tile) for tile in tiles}
    best = min(shares, key=shares.__getitem__)
    return best if shares[best] <= HIGHEST_SHARE_OF_WINOGRAD else 0


def _share(samples: int, channels: int, outputs: int, sides: list[int], tile: int) -> float:
    """About the share of the time of a dense convolution to outputs of these ``sides``."""
    height, width = sides
    number = samples * -(-height // tile) * -(-width // tile)
    weights = -(-channels // 16) * 16 * -(-outputs // 32) * 32
    work = (tile + 2) ** 2 * (number * (weights + _OF_CHANNEL * (channels + outputs)) + _OF_WEIGHT * weights)
    return work / (9 * samples * height * width * channels * outputs)
