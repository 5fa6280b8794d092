"""Which of the ways to compute a convolution takes least."""

import functools
import math
from typing import NamedTuple

import torch

from spikingjelly._layer_kernels import Size
from spikingjelly.products import _choice, _sparse, _tables, _winograd

# `python -m benchmarks sparse_products tables winograd` prints the tables that these come from.
# Of the time of the dense layer, what skipping zeros takes without ones: of the layer; to find none in the input, whose
# time all outputs share; to sort the weights, as all pixels do; to write the outputs, as all inputs do.
_SPARSE, _OF_INPUT, _OF_SORTING, _OF_OUTPUT = 0.1, 8, 50, 30
# And in addition with ones alone: for each product, and to find them.
_OF_ONES, _OF_ONE = 2.5, 80
# The gradient of the weights without ones, and in addition with ones alone; where a pixel has one tap, and of its sums.
_SPARSE_GRADIENT, _SPARSE_GRADIENT_OF_ONE_TAP, _OF_SUMS = (0.18, 1.5), (0.4, 6.0), 250
HIGHEST_SHARE_OF_SPARSE = 0.75
# Looking sums up: once, and for each plane of bits; for its tables, whose time all pixels share; for its outputs, as
# all inputs do; for the bits, as all weights of an input do.
_LOOKING_UP, _OF_PLANE, _OF_TABLE, _OF_SUM, _OF_BITS = 0.05, 0.335, 40, 24, 9
# Of the gradient of the weights: for each plane; for its tables, as all inputs do; for the bits, as all outputs do.
_OF_PLANE_OF_GRADIENT, _OF_TABLE_OF_GRADIENT, _OF_BITS_OF_GRADIENT = 0.33, 24, 8
HIGHEST_SHARE_OF_TABLES = 0.9
# Of Winograd's filtering, in multiplications at each position: for each channel of a tile, and for each weight.
_OF_CHANNEL, _OF_WEIGHT, _OF_WEIGHT_GRADIENT = 18, 30, 12
_OF_DENSE_WEIGHT = 44  # of the dense layer, which rearranges its weights, for each tap
HIGHEST_SHARE_OF_WINOGRAD = 0.85  # of the time of the dense layer
# The gradient of the weights by Winograd's filtering lives in the shared cache: it takes longer where others fill that.
# Skipping zeros depends on what was left in the caches, where looking sums up does not.
_OF_A_SHARED_CACHE, _OF_CACHES = 1.5, 0.7
# The larger tile is the less accurate: it is kept from what decides whether a neuron fires.
_TILES, _TILES_OF_INPUT, _TILES_OF_WEIGHT = (2,), (2, 4), (4,)


class Ways(NamedTuple):
    """How the passes of a layer are computed; what none of them names is PyTorch's.

    :param sparse: forward, skipping zeros
    :param planes: forward, looking up sums for inputs of so many bits, if not zero
    :param tile: forward, by Winograd's filtering in such tiles, if not zero
    :param tile_of_input: the same for the gradient of the input
    :param planes_of_weight: the same for the gradient of the weights
    :param sparse_weight: the gradient of the weights, skipping zeros
    :param tile_of_weight: the gradient of the weights, by Winograd's filtering
    """

    sparse: bool = False
    planes: int = 0
    tile: int = 0
    tile_of_input: int = 0
    planes_of_weight: int = 0
    sparse_weight: bool = False
    tile_of_weight: int = 0


class _Layer(NamedTuple):
    """Sizes of a convolution."""

    samples: int
    channels: int
    outputs: int
    sides: tuple[int, ...]  # of its output

    def time_by_winograd(self, tile: int, of_weight: int) -> float:
        """About the share of the time of the dense layer."""
        height, width = self.sides
        number = self.samples * -(-height // tile) * -(-width // tile)
        weights = -(-self.channels // 16) * 16 * -(-self.outputs // 32) * 32
        of_tile = weights + _OF_CHANNEL * (self.channels + self.outputs)
        work = (tile + 2) ** 2 * (number * of_tile + of_weight * weights)
        pixels = self.samples * height * width
        return work / (9 * (pixels + _OF_DENSE_WEIGHT) * self.channels * self.outputs)

    def best_tile(self, tiles: tuple[int, ...], of_weight: int = _OF_WEIGHT) -> tuple[int, float]:
        """The tile that takes least and its share of the time; none (0, inf) if the dense layer takes less."""
        share, tile = min((self.time_by_winograd(tile, of_weight), tile) for tile in tiles)
        return (tile, share) if share <= HIGHEST_SHARE_OF_WINOGRAD else (0, math.inf)


_DENSE = Ways(), (math.inf, math.inf)


def choose(
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: Size,
    padding: Size,
    exact: bool,
    density: float,
    planes: int = 0,
) -> Ways:
    """The ways for ``x`` ``[N, C, H, W]`` and ``weight`` ``[O, C, KH, KW]``; ``exact`` ones sum their products.

    :param density: share of entries of ``x`` that are not zero
    :param planes: how many bits the entries have, if these are so few that sums may be looked up
    """
    of_x, of_weight = (t.requires_grad and torch.is_grad_enabled() for t in (x, weight))
    by_winograd = not exact and _winograd.can_take(weight, stride, padding) and _winograd.pays_here()
    ways, shares = _by_winograd(x.shape, weight.shape, padding) if by_winograd else _DENSE
    ways = ways._replace(
        tile_of_input=ways.tile_of_input if of_x else 0, tile_of_weight=ways.tile_of_weight if of_weight else 0
    )
    pixels = x.shape[0] * x.shape[2] * x.shape[3] // (stride[0] * stride[1])
    steps = stride[0] * stride[1]
    if planes:
        ways, shares = _by_tables(ways, shares, weight, pixels, planes, steps)
    if not _choice.large_enough(pixels * weight.numel(), pixels, weight.shape[0]) or not _sparse.can_take(weight):
        return ways
    share = _time_without_zeros(weight, pixels, density, steps)
    if density <= _choice.HIGHEST_DENSITY and share <= min(shares[0], HIGHEST_SHARE_OF_SPARSE):
        ways = ways._replace(sparse=True, planes=0, tile=0)
    if (
        of_weight
        and density <= _choice.HIGHEST_DENSITY_OF_GRADIENT
        and _time_of_gradient_without_zeros(weight, pixels, density) <= min(shares[1], HIGHEST_SHARE_OF_SPARSE)
        and pixels >= _choice.SMALLEST_PLANE_OF_GRADIENT
        and _sparse.can_take_gradient(weight, stride, padding)
    ):
        ways = ways._replace(sparse_weight=True, planes_of_weight=0, tile_of_weight=0)
    return ways


def _by_tables(
    ways: Ways, shares: tuple[float, float], weight: torch.Tensor, pixels: int, planes: int, steps: int
) -> tuple[Ways, tuple[float, float]]:
    """``ways`` and ``shares`` with tables where they take less than what was chosen so far.

    :param steps: how many pixels of the input there are for each of the output
    """
    outputs, inputs = weight.shape[0], weight[0].numel()
    if not min(outputs, inputs, pixels):
        return ways, shares
    excess = _tables.excess(weight)
    share = _LOOKING_UP + planes * (_OF_PLANE * excess + _OF_TABLE / pixels + _OF_SUM / inputs)
    share += _OF_BITS * steps * weight.shape[1] / weight.numel()
    of_plane = _OF_PLANE_OF_GRADIENT * excess + _OF_TABLE_OF_GRADIENT / inputs
    share_of_weight = planes * of_plane + _OF_BITS_OF_GRADIENT / outputs
    if share < min(shares[0], HIGHEST_SHARE_OF_TABLES):
        ways, shares = ways._replace(planes=planes, tile=0), (share, shares[1])
    of_weight = weight.requires_grad and torch.is_grad_enabled()
    if of_weight and share_of_weight < min(shares[1], HIGHEST_SHARE_OF_TABLES):
        ways = ways._replace(planes_of_weight=planes, tile_of_weight=0)
        shares = shares[0], _OF_CACHES * share_of_weight
    return ways, shares


@functools.lru_cache(maxsize=4096)
def _by_winograd(x: torch.Size, weight: torch.Size, padding: Size) -> tuple[Ways, tuple[float, float]]:
    """The tiles that take least, and what others may take forward and for the gradient of the weights."""
    samples, (outputs, channels) = x[0], weight[:2]
    sides = tuple(side + 2 * pad - 2 for side, pad in zip(x[2:], padding, strict=True))
    if min(samples, *sides) < 1:
        return _DENSE
    layer, adjoint = _Layer(samples, channels, outputs, sides), _Layer(samples, outputs, channels, tuple(x[2:]))
    tile, share = layer.best_tile(_TILES)
    tile_of_weight, share_of_weight = layer.best_tile(_TILES_OF_WEIGHT, _OF_WEIGHT_GRADIENT)
    tile_of_input, _ = adjoint.best_tile(_TILES_OF_INPUT)
    ways = Ways(tile=tile, tile_of_input=tile_of_input, tile_of_weight=tile_of_weight)
    return ways, (share, _OF_A_SHARED_CACHE * share_of_weight)


def _time_without_zeros(weight: torch.Tensor, pixels: int, density: float, steps: int) -> float:
    """About the share of the time of the dense layer, forward."""
    outputs, inputs = weight.shape[0], weight[0].numel()
    of_layer = _SPARSE + _OF_INPUT * steps / outputs + _OF_SORTING / pixels + _OF_OUTPUT / inputs
    return of_layer + (_OF_ONES + _OF_ONE / outputs) * density


def _time_of_gradient_without_zeros(weight: torch.Tensor, pixels: int, density: float) -> float:
    one_tap = weight.shape[2] * weight.shape[3] == 1
    without, with_ones = _SPARSE_GRADIENT_OF_ONE_TAP if one_tap else _SPARSE_GRADIENT
    return without + with_ones * density + (_OF_SUMS / pixels if one_tap else 0.0)


def problem(ways: Ways) -> str | None:
    """Why the kernels for ``ways`` can't run here, or None; the first question builds them, which takes seconds."""
    asked = (
        (_sparse.problem, ways.sparse or ways.sparse_weight),
        (_tables.problem, ways.planes or ways.planes_of_weight),
        (_winograd.problem, ways.tile or ways.tile_of_input or ways.tile_of_weight),
    )
    return next((reason for ask, needed in asked if needed and (reason := ask()) is not None), None)
